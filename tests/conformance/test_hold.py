"""The maintenance switch: one hold at a time, with who and why, and on record in the same step."""

from datetime import timedelta

import pytest

from application.scheduling.ports.access_trail import AccessFilter
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.hold import Hold
from domain.access.record import AccessAction, Doer
from domain.scheduling.change import Via
from tests.conformance.store_under_test import StoreUnderTest

ANA = Doer("ana", Via.PAGE, "192.0.2.1")
BEN = Doer("ben", Via.CLI)


async def deeds(store: StoreUnderTest) -> list[tuple[str, AccessAction, str]]:
    """Who did what, and why, oldest first."""
    page = await store.trail.page(AccessFilter(), limit=10)
    return [(each.deed.by.actor, each.deed.action, each.deed.detail) for each in reversed(page.records)]


async def test_a_store_is_not_held_until_somebody_does(store: StoreUnderTest) -> None:
    assert await store.holds.current() is None
    assert await store.holds.release("by mistake", by=ANA) is None
    assert await deeds(store) == []


async def test_a_hold_says_who_why_and_since_when(store: StoreUnderTest) -> None:
    made = await store.holds.hold("new disks – “tonight”", by=ANA)

    assert made == Hold("ana", "new disks – “tonight”", store.clock.now())
    store.clock.advance(timedelta(hours=1))
    assert await store.holds.current() == made
    assert await deeds(store) == [("ana", AccessAction.FIRING_HELD, "new disks – “tonight”")]


async def test_a_second_hold_changes_nothing(store: StoreUnderTest) -> None:
    first = await store.holds.hold("new disks", by=ANA)
    store.clock.advance(timedelta(minutes=1))

    assert await store.holds.hold("me too", by=BEN) == first
    assert await store.holds.current() == first
    assert len(await deeds(store)) == 1


async def test_anybody_ends_a_hold_and_that_is_on_record(store: StoreUnderTest) -> None:
    made = await store.holds.hold("new disks", by=ANA)

    assert await store.holds.release("they work", by=BEN) == made
    assert await store.holds.current() is None
    assert await deeds(store) == [
        ("ana", AccessAction.FIRING_HELD, "new disks"),
        ("ben", AccessAction.FIRING_RELEASED, "they work"),
    ]


async def test_a_store_that_is_away_holds_nothing_and_says_so(store: StoreUnderTest) -> None:
    await store.cut_off()

    for call in (store.holds.current(), store.holds.hold("x", by=ANA), store.holds.release("x", by=ANA)):
        with pytest.raises(StoreUnavailableError):
            await call
