from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.scheduling.execution import AttemptOutcome, ExecutionKind, ExecutionState
from domain.scheduling.task import Pause, SkipReason
from entrypoints.web.words import wording
from tests.support.builders import HOUR, MINUTE, SECOND, a_task, an_execution, an_open_execution
from tests.support.manual_clock import NOON


@pytest.mark.parametrize(
    ("away", "words"),
    [(HOUR, "in 1 h"), (-HOUR, "1 h ago"), (timedelta(0), "now"), (timedelta(milliseconds=-900), "now")],
)
def test_an_instant_is_so_far_from_now(away: timedelta, words: str) -> None:
    assert wording.distance(NOON + away, NOON) == words


@pytest.mark.parametrize(
    ("at", "timezone", "shown"),
    [
        (NOON, "UTC", "Mon 2024-01-15 12:00 UTC"),
        (NOON, "Europe/Berlin", "Mon 2024-01-15 13:00 CET"),
        (datetime(2024, 7, 1, 12, 0, 5, tzinfo=UTC), "Europe/Berlin", "Mon 2024-07-01 14:00:05 CEST"),
        (NOON, "Asia/Kathmandu", "Mon 2024-01-15 17:45 +0545"),
        (NOON, "No/Such_Zone", "Mon 2024-01-15 12:00 UTC"),
    ],
)
def test_an_instant_is_shown_on_the_wall_clock_of_a_zone(at: datetime, timezone: str, shown: str) -> None:
    exact = at.isoformat().replace("+00:00", "Z")
    day, clock = shown[:14], shown[15:]

    assert wording.moment(at, timezone) == f'<time datetime="{exact}"><span>{day}</span> <span>{clock}</span></time>'


@pytest.mark.parametrize(
    ("later", "timezone", "shown"),
    [
        (0 * HOUR, "UTC", "2024-01-15T12:00"),
        (HOUR, "Asia/Kolkata", "2024-01-15T18:30"),
        (15 * SECOND, "UTC", "2024-01-15T12:00:15"),
        (timedelta(seconds=15, microseconds=7), "UTC", "2024-01-15T12:00:15"),
    ],
)
def test_a_field_for_an_instant_keeps_its_seconds(later: timedelta, timezone: str, shown: str) -> None:
    assert wording.wall_time(NOON + later, timezone) == shown


def test_what_people_wrote_is_escaped_in_a_pause() -> None:
    pause = Pause("<b>why</b>", "<i>ana</i>", NOON)

    assert wording.pause_words(pause, "UTC") == "by &lt;i&gt;ana&lt;/i&gt;: &lt;b&gt;why&lt;/b&gt;"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ("none", "never ran")),
        ({"last_state": ExecutionState.SUCCEEDED}, ("good", "succeeded")),
        ({"last_state": ExecutionState.DELIVERED}, ("good", "delivered")),
        ({"last_state": ExecutionState.CANCELLED}, ("none", "the last run was cancelled")),
        ({"last_state": ExecutionState.DEAD, "error_count": 1}, ("bad", "the last run failed")),
        ({"last_state": ExecutionState.DEAD, "error_count": 3}, ("bad", "3 runs in a row failed")),
        ({"open": (an_open_execution(an_execution()),)}, ("open", "an execution is open")),
    ],
)
def test_how_the_runs_of_a_task_go(change: dict[str, object], told: tuple[str, str]) -> None:
    assert wording.result_of(replace(a_task(), **change)) == told  # type: ignore[arg-type]


def test_waiting_and_running_times_of_an_execution() -> None:
    pending = an_execution()
    running = replace(pending, state=ExecutionState.RUNNING, started_at=NOON + MINUTE)
    ended = replace(running, state=ExecutionState.SUCCEEDED, finished_at=NOON + 3 * MINUTE)
    now = NOON + HOUR

    assert (wording.waited(pending), wording.took(pending, now), wording.attempts(pending)) == (None, None, 0)
    assert (wording.waited(running), wording.took(running, now)) == (MINUTE, 59 * MINUTE)
    assert (wording.took(ended, now), wording.attempts(ended)) == (2 * MINUTE, 1)


@pytest.mark.parametrize("words", [ExecutionState, ExecutionKind, AttemptOutcome, SkipReason])
def test_every_word_of_the_domain_has_words_for_people(words: type) -> None:
    labels = [wording.label(word) for word in words]  # type: ignore[attr-defined]

    assert all(labels)
    assert len(set(labels)) == len(labels)


def test_a_rescue_is_told_with_its_number() -> None:
    assert wording.rescue_words(1) == "taken over from a dead worker: started again"
    alone = "taken over from a dead worker: started again 2 times, since then alone in its process"
    assert wording.rescue_words(2) == alone


def test_json_is_laid_out_with_its_letters_as_they_are() -> None:
    assert wording.pretty('{"name":"Zoë","n":[]}') == '{\n  "name": "Zoë",\n  "n": []\n}'
