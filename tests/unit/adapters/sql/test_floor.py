"""Where claims begin to look, look by look: literal cases."""

from datetime import timedelta

import pytest

from adapters.sql.store.floor import BEGINNING, Floor
from domain.scheduling.identifiers import microseconds
from tests.support.manual_clock import NOON

SECOND = timedelta(seconds=1)
QUICK, SLOW, VERY_SLOW = timedelta(milliseconds=19), timedelta(milliseconds=50), timedelta(seconds=2)


def _after_a_look(*, took: timedelta, first: timedelta | None = None) -> Floor:
    """The floor after a look at noon whose first pending one was available so long before; None: it found nothing."""
    floor = Floor()
    first_at = None if first is None else microseconds(NOON - first)
    floor.end(floor.begin(NOON), first_at, NOON, took=took)
    return floor


@pytest.mark.parametrize(
    ("took", "first", "later", "looks_from"),
    [
        # What was quick looks at the whole each time.
        (QUICK, None, timedelta(0), None),
        (QUICK, timedelta(hours=1), timedelta(0), None),
        # What was slow begins at the first it saw, or, as a step may still be under way, ten seconds before.
        (SLOW, timedelta(hours=1), timedelta(0), timedelta(hours=1)),
        (SLOW, 11 * SECOND, timedelta(0), 11 * SECOND),
        (SLOW, 9 * SECOND, timedelta(0), 10 * SECOND),
        (SLOW, -5 * SECOND, timedelta(0), 10 * SECOND),
        (SLOW, None, timedelta(0), 10 * SECOND),
        # The whole again after a hundred times as long, or half a minute.
        (SLOW, None, 4.9 * SECOND, 10 * SECOND),
        (SLOW, None, 5 * SECOND, None),
        (VERY_SLOW, None, 29 * SECOND, 10 * SECOND),
        (VERY_SLOW, None, 30 * SECOND, None),
        # A clock that was set back takes with it what becomes pending.
        (VERY_SLOW, None, -SECOND, None),
    ],
)
def test_a_look_begins_below_what_may_become_pending(
    took: timedelta, first: timedelta | None, later: timedelta, looks_from: timedelta | None
) -> None:
    began_at = _after_a_look(took=took, first=first).begin(NOON + later)

    assert began_at == (BEGINNING if looks_from is None else microseconds(NOON - looks_from))


def test_the_floor_rises_with_what_is_seen_and_never_falls() -> None:
    floor = _after_a_look(took=SLOW, first=timedelta(hours=1))
    began: list[int] = []
    for first in (timedelta(minutes=50), timedelta(hours=2), timedelta(minutes=40)):
        began.append(floor.begin(NOON + SECOND))
        floor.end(began[-1], microseconds(NOON - first), NOON + SECOND, took=VERY_SLOW)

    assert began == [microseconds(NOON - timedelta(minutes=each)) for each in (60, 50, 50)]
    assert floor.begin(NOON + SECOND) == microseconds(NOON - timedelta(minutes=40))


def test_a_look_at_the_whole_that_fails_is_not_repeated_at_once() -> None:
    floor = _after_a_look(took=SLOW, first=timedelta(hours=1))

    assert floor.begin(NOON + 5 * SECOND) == BEGINNING
    assert floor.begin(NOON + 34 * SECOND) == microseconds(NOON - timedelta(hours=1))
    assert floor.begin(NOON + 35 * SECOND) == BEGINNING


def test_after_the_clock_was_set_back_nothing_is_remembered_of_before() -> None:
    floor = _after_a_look(took=SLOW)
    floor.begin(NOON - timedelta(hours=1))

    assert floor.begin(NOON - timedelta(minutes=59)) == BEGINNING
