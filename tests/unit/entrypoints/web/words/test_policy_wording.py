from datetime import timedelta

import pytest
from markupsafe import Markup

from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.retry import Backoff, BackoffKind, RetryPolicy
from domain.scheduling.task import Delivery
from entrypoints.web.words.policy_wording import policy_sentences
from tests.support.builders import HOUR, SECOND, a_task
from tests.support.manual_clock import NOON


def told(policy: ExecutionPolicy) -> dict[str, str]:
    """The sentences by situation, without their markup."""
    return {term: Markup(sentence).striptags() for term, sentence in policy_sentences(a_task(policy=policy))}


def retries(number: int, **backoff: object) -> ExecutionPolicy:
    return ExecutionPolicy(retry=RetryPolicy(number, Backoff(**backoff)))  # type: ignore[arg-type]


def test_the_defaults_in_words() -> None:
    assert told(ExecutionPolicy()) == {
        "If it is late": "The latest missed occurrence runs, once; the others are put on record as not run.",
        "If an earlier run is still open": "The occurrence does not run, which is put on record.",
        "If a run fails": "It is tried again up to 3 times, after 30 s, 1 min, 2 min (±10 %).",
        "If an attempt takes too long": "It is stopped after 15 min, which counts as a failure.",
        "If it keeps failing": "The task is stopped after 3 runs in a row that failed for good.",
    }


def test_what_does_not_apply_to_an_external_task_is_not_told() -> None:
    task = a_task(delivery=Delivery.EXTERNAL, policy=ExecutionPolicy(max_runs=5))

    sentences = dict(policy_sentences(task))

    assert set(sentences) == {"If it is late", "Who runs it", "At most"}
    assert "<code>stream:mail:tasks</code>" in sentences["Who runs it"]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (retries(0), "It is not tried again."),
        (retries(1), "It is tried again once, after 30 s (±10 %)."),
        (retries(9), "It is tried again up to 9 times, after 30 s, 1 min, 2 min, 4 min, 8 min, … (±10 %)."),
        (retries(4, kind=BackoffKind.FIXED), "It is tried again up to 4 times, after 30 s each (±10 %)."),
        (
            retries(2, kind=BackoffKind.LIST, delays=(SECOND, HOUR)),
            "It is tried again up to 2 times, after 1 s, 1 h (±10 %).",
        ),
    ],
)
def test_retries_in_words(policy: ExecutionPolicy, words: str) -> None:
    assert told(policy)["If a run fails"] == words


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (ExecutionPolicy(misfire=Misfire.SKIP), "None of the missed occurrences runs; they are put on record."),
        (
            ExecutionPolicy(misfire=Misfire.ALL, catch_up_max=7),
            "Every missed occurrence runs, at most 7; more are put on record as not run.",
        ),
        (
            ExecutionPolicy(grace=HOUR),
            (
                "The latest missed occurrence runs, once; the others are put on record as not run. "
                "More than 1 h late, it does not run."
            ),
        ),
    ],
)
def test_lateness_in_words(policy: ExecutionPolicy, words: str) -> None:
    assert told(policy)["If it is late"] == words


@pytest.mark.parametrize("overlap", list(Overlap))
def test_every_overlap_has_a_sentence(overlap: Overlap) -> None:
    assert told(ExecutionPolicy(overlap=overlap))["If an earlier run is still open"].endswith(".")


def test_bounds_spread_and_limits_are_told_only_if_they_are_set() -> None:
    policy = ExecutionPolicy(
        start_at=NOON, end_at=NOON + HOUR, max_runs=1_000, jitter=timedelta(seconds=30), fail_after=None
    )

    sentences = told(policy)

    assert sentences["Not before"] == "Mon 2024-01-15 12:00 UTC"
    assert sentences["Not after"] == "Mon 2024-01-15 13:00 UTC"
    assert sentences["At most"] == "1,000 runs; 0 so far"
    assert sentences["Spread"] == "Each run is delayed by up to 30 s, so that not all start together."
    assert sentences["If it keeps failing"] == "It never stops by itself."
