from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidPolicyError
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.retry import DELAY_MAX, Backoff, BackoffKind, GiveUp, RetryAt, RetryPolicy
from tests.support.manual_clock import NOON

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
EXECUTION = ExecutionId("e1")


def a_backoff(kind: str, *delays: int, initial: int = 30, cap: int = 1_800) -> Backoff:
    return Backoff(BackoffKind(kind), initial * SECOND, cap * SECOND, tuple(delay * SECOND for delay in delays))


@pytest.mark.parametrize(
    ("backoff", "seconds"),
    [
        (Backoff(), [30, 60, 120, 240, 480, 960, 1_800, 1_800]),
        (a_backoff("fixed"), [30, 30, 30, 30]),
        (a_backoff("fixed", initial=3_600), [3_600, 3_600]),
        (a_backoff("linear"), [30, 60, 90, 120]),
        (a_backoff("linear", cap=100), [30, 60, 90, 100, 100]),
        (a_backoff("exponential", initial=1, cap=10), [1, 2, 4, 8, 10, 10]),
        (a_backoff("exponential", initial=0), [0, 0, 0]),
        (a_backoff("exponential", initial=7, cap=7), [7, 7]),
        (a_backoff("list", 5), [5, 5, 5]),
        (a_backoff("list", 5, 0, 7_200, cap=60), [5, 0, 7_200, 7_200, 7_200]),
    ],
)
def test_waits_grow_as_their_kind_says_and_end_at_the_cap(backoff: Backoff, seconds: list[int]) -> None:
    waits = [backoff.before_retry(number) for number in range(1, len(seconds) + 1)]

    assert waits == [each * SECOND for each in seconds]


@pytest.mark.parametrize("initial", [timedelta(microseconds=1), 30 * SECOND, DELAY_MAX])
@pytest.mark.parametrize("kind", [BackoffKind.FIXED, BackoffKind.LINEAR, BackoffKind.EXPONENTIAL])
@pytest.mark.parametrize("number", [41, 64, 100, 1_000_000])
def test_a_late_retry_never_overflows(kind: BackoffKind, initial: timedelta, number: int) -> None:
    wait = Backoff(kind, initial, DELAY_MAX).before_retry(number)

    assert timedelta(0) < wait <= DELAY_MAX
    if kind is BackoffKind.EXPONENTIAL:
        assert wait == DELAY_MAX


@pytest.mark.parametrize("max_retries", [0, 1, 3, 100])
def test_it_gives_up_after_the_last_retry_and_not_before(max_retries: int) -> None:
    policy = RetryPolicy(max_retries)

    answers = [policy.decide(EXECUTION, attempts_used=used, failed_at=NOON) for used in range(1, max_retries + 2)]

    assert all(isinstance(answer, RetryAt) for answer in answers[:-1])
    assert answers[-1] == GiveUp()
    assert RetryPolicy(3).decide(EXECUTION, attempts_used=1_000_000, failed_at=NOON) == GiveUp()


@given(st.text(max_size=20), st.integers(1, 100), st.integers(0, 604_800))
def test_jitter_stays_within_ten_percent(execution: str, used: int, seconds: int) -> None:
    policy = RetryPolicy(100, a_backoff("fixed", initial=seconds, cap=604_800))

    answer = policy.decide(ExecutionId(execution), attempts_used=used, failed_at=NOON)

    assert isinstance(answer, RetryAt)
    assert 0.9 * seconds * SECOND <= answer.at - NOON <= 1.1 * seconds * SECOND


def test_every_process_comes_to_the_same_instant() -> None:
    answer = RetryPolicy(3).decide(EXECUTION, attempts_used=2, failed_at=NOON)

    # A literal, so that another hash or rounding in another version is noticed.
    assert answer == RetryAt(NOON + timedelta(seconds=54, microseconds=284_065))


def test_jitter_spreads_executions_and_attempts() -> None:
    policy = RetryPolicy(100, a_backoff("fixed", initial=1_000))
    others = [policy.decide(ExecutionId(f"e{number}"), attempts_used=1, failed_at=NOON) for number in range(100)]
    attempts = [policy.decide(EXECUTION, attempts_used=used, failed_at=NOON) for used in range(1, 101)]

    for answers in (others, attempts):
        waits = [answer.at - NOON for answer in answers if isinstance(answer, RetryAt)]
        assert len(set(waits)) == 100
        assert min(waits) < 920 * SECOND
        assert max(waits) > 1_080 * SECOND


@pytest.mark.parametrize(
    ("backoff", "pointer"),
    [
        ({"initial": -SECOND}, "/policy/backoff/initial"),
        ({"initial": DELAY_MAX + SECOND}, "/policy/backoff/initial"),
        ({"cap": -SECOND}, "/policy/backoff/cap"),
        ({"cap": DELAY_MAX + SECOND}, "/policy/backoff/cap"),
        ({"kind": BackoffKind.LIST}, "/policy/backoff/delays"),
        ({"delays": (SECOND,)}, "/policy/backoff/delays"),
        ({"kind": BackoffKind.LIST, "delays": (-SECOND,)}, "/policy/backoff/delays"),
        ({"kind": BackoffKind.LIST, "delays": (SECOND, DELAY_MAX + SECOND)}, "/policy/backoff/delays"),
        ({"kind": BackoffKind.LIST, "delays": (SECOND,) * 101}, "/policy/backoff/delays"),
    ],
)
def test_waits_out_of_range_are_refused(backoff: dict[str, object], pointer: str) -> None:
    with pytest.raises(InvalidPolicyError) as refused:
        Backoff(**backoff)  # type: ignore[arg-type]

    assert (refused.value.reason, refused.value.pointer) == ("out_of_range", pointer)


@pytest.mark.parametrize("extreme", [timedelta(0), DELAY_MAX])
def test_the_shortest_and_the_longest_wait_are_allowed(extreme: timedelta) -> None:
    assert Backoff(BackoffKind.FIXED, initial=extreme, cap=extreme).before_retry(1) == extreme
    assert Backoff(BackoffKind.LIST, delays=(extreme,) * 100).before_retry(100) == extreme


@pytest.mark.parametrize("max_retries", [-1, 101, 10**9])
def test_so_many_retries_are_refused(max_retries: int) -> None:
    with pytest.raises(InvalidPolicyError) as refused:
        RetryPolicy(max_retries)

    assert refused.value.pointer == "/max_retries"
