"""The pace of guessing."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.access.throttle import DELAY_MAX, FORGOTTEN_AFTER, SET_BACK_MAX, Attempts, LoginKeys, opens_at

NOON = datetime(2024, 1, 15, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("count", "seconds"), [(4, None), (5, 1), (6, 2), (7, 4), (14, 512), (15, 900), (16, 900), (10**9, 900)]
)
def test_the_wait_doubles_beyond_the_free_ones_up_to_a_limit(count: int, seconds: int | None) -> None:
    expected = None if seconds is None else NOON + timedelta(seconds=seconds)

    assert Attempts(count, NOON).open_at(5) == expected
    assert timedelta(seconds=900) == DELAY_MAX


def test_nothing_tried_yet_is_open() -> None:
    assert Attempts().open_at(0) is None
    assert opens_at(NOON, ((Attempts(), 5), (Attempts(), 50))) is None


def test_the_longest_wait_of_several_counts_and_one_that_is_over_does_not() -> None:
    account, address = Attempts(7, NOON), Attempts(50, NOON)

    assert opens_at(NOON, ((account, 5), (address, 50))) == NOON + timedelta(seconds=4)
    assert opens_at(NOON + timedelta(seconds=4), ((account, 5), (address, 50))) is None


def test_attempts_are_forgotten_and_counted_from_one_again() -> None:
    old = Attempts(20, NOON)

    assert opens_at(NOON + FORGOTTEN_AFTER, ((old, 5),)) is None
    assert old.with_another(NOON + FORGOTTEN_AFTER) == Attempts(1, NOON + FORGOTTEN_AFTER)
    assert old.with_another(NOON + FORGOTTEN_AFTER - TICK).count == 21
    assert Attempts().with_one_less() == Attempts()


def test_a_clock_that_was_set_back_keeps_nobody_out() -> None:
    ahead = Attempts(20, NOON)

    assert opens_at(NOON - SET_BACK_MAX - TICK, ((ahead, 5),)) is None
    assert opens_at(NOON - SET_BACK_MAX, ((ahead, 5),)) == NOON + DELAY_MAX
    assert ahead.with_another(NOON - SET_BACK_MAX - TICK).count == 1
    assert ahead.with_another(NOON - TICK).count == 21


def test_an_account_has_fewer_for_nothing_than_an_address() -> None:
    (account, few), (address, many) = LoginKeys("a", "b").limits

    assert (account, address) == ("a", "b")
    assert 0 < few < many
