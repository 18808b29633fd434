"""`AccessTrail`: every change at the door is on record with it, in a chain, and is forgotten oldest first."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from application.scheduling.ports.access_trail import AccessFilter
from application.scheduling.ports.history import Retention
from application.scheduling.services.inspect_access import InspectAccess
from domain.access.record import AccessAction, AccessRecord, Deed, Doer
from domain.access.role import Role
from domain.scheduling.change import Via
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.accounts import ANA, BOB, TESTER, a_session, a_token, add_ana_and_bob, open_session
from tests.support.builders import MINUTE
from tests.support.manual_clock import NOON

STRANGER = Deed(Doer("", Via.API, "192.0.2.9"), AccessAction.TOKEN_REFUSED)
SHORT = Retention(changes=timedelta(minutes=10))
ANYTHING = AccessFilter()


async def _told(store: StoreUnderTest) -> list[tuple[str, str, str, str]]:
    """Who did what to whom, and what else is said of it, oldest first."""
    records = (await store.trail.page(ANYTHING, limit=100)).records
    return [(each.deed.by.actor, each.deed.action, each.deed.subject, each.deed.detail) for each in reversed(records)]


async def _records(store: StoreUnderTest) -> tuple[AccessRecord, ...]:
    return (await store.trail.page(ANYTHING, limit=100)).records


async def test_every_change_is_on_record_in_order(store: StoreUnderTest) -> None:
    access = store.access
    await add_ana_and_bob(access)
    await access.change_user("bob", role=Role.OPERATOR, by=TESTER)
    await open_session(access, "one", a_session(BOB))
    await open_session(access, "two", a_session(BOB))
    await access.end_session("one", by=Doer("bob", Via.PAGE, "192.0.2.1"))
    await access.end_sessions("bob", by=TESTER)
    await access.set_password("bob", "another hash", by=TESTER)
    await access.change_user("bob", disabled=True, by=TESTER)
    await access.add_token("digest", a_token(expires_at=NOON + MINUTE), by=TESTER)
    await access.revoke_token("id-None-ci", by=TESTER)

    assert await _told(store) == [
        ("test", "user_added", "bob", "as viewer"),
        ("test", "user_added", "ana", "as admin"),
        ("test", "user_changed", "bob", "from viewer to operator"),
        ("bob", "signed_in", "bob", ""),
        ("bob", "signed_in", "bob", ""),
        ("bob", "signed_out", "bob", ""),
        ("test", "sessions_ended", "bob", "1 session"),
        ("test", "password_set", "bob", ""),
        ("test", "user_changed", "bob", "disabled"),
        ("test", "token_made", "token:ci", "as editor, until 2024-01-15 12:01 UTC"),
        ("test", "token_revoked", "token:ci", ""),
    ]


async def test_a_record_says_when_which_way_and_from_where(store: StoreUnderTest) -> None:
    await store.access.offer_set_up("digest", until=NOON + MINUTE)
    by = Doer("set-up", Via.PAGE, "192.0.2.7")
    await store.access.set_up("digest", ANA, "hash", by=by)
    store.clock.advance(MINUTE)
    await store.trail.note(STRANGER)

    refused, added = await _records(store)

    assert (added.number, added.at, added.deed.by) == (1, NOON, by)
    assert (refused.number, refused.at, refused.deed) == (2, NOON + MINUTE, STRANGER)


NOTHING_CHANGES: dict[str, Callable[[StoreUnderTest], Awaitable[object]]] = {
    "a name that is taken": lambda store: store.access.add_user(BOB, "hash", by=TESTER),
    "the role one has": lambda store: store.access.change_user("bob", role=BOB.role, by=TESTER),
    "nobody's role": lambda store: store.access.change_user("nobody", role=Role.ADMIN, by=TESTER),
    "the last admin's": lambda store: store.access.change_user("ana", role=Role.VIEWER, by=TESTER),
    "a password that changed": lambda store: store.access.set_password("bob", "new", replacing="old", by=TESTER),
    "no session": lambda store: store.access.end_session("none", by=TESTER),
    "no sessions": lambda store: store.access.end_sessions("bob", by=TESTER),
    "no token": lambda store: store.access.revoke_token("none", by=TESTER),
    "no sign-in": lambda store: store.access.open_session("digest", a_session(), password_hash="another"),
    "no set-up": lambda store: store.access.set_up("none", replace(ANA, name="eve"), "hash", by=TESTER),
}


@pytest.mark.parametrize("what", NOTHING_CHANGES)
async def test_what_changes_nothing_leaves_no_record(store: StoreUnderTest, what: str) -> None:
    await add_ana_and_bob(store.access)
    before = await _records(store)

    await NOTHING_CHANGES[what](store)

    assert await _records(store) == before


async def test_records_are_paged_and_picked(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await store.trail.note(STRANGER)
    await open_session(store.access, "digest", a_session(BOB))

    first = await store.trail.page(ANYTHING, limit=3)
    rest = await store.trail.page(ANYTHING, limit=3, older_than=first.older_than)

    assert [each.number for each in first.records] == [4, 3, 2]
    assert [each.number for each in rest.records] == [1]
    assert rest.older_than is None
    picked = {
        AccessFilter(actor="bob"): [4],
        AccessFilter(subject="bob"): [4, 1],
        AccessFilter(action=AccessAction.USER_ADDED): [2, 1],
        AccessFilter(actor="test", subject="ana"): [2],
        AccessFilter(actor="nobody"): [],
    }
    for which, numbers in picked.items():
        assert [each.number for each in (await store.trail.page(which, limit=9)).records] == numbers


async def test_many_at_once_make_one_chain(store: StoreUnderTest) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(store.trail.note(replace(STRANGER, detail=str(number))))

    found = await InspectAccess(store.trail).check()

    assert (found.first, found.whole, found.broken_at) == (1, 8, None)


async def test_an_empty_chain_is_whole(store: StoreUnderTest) -> None:
    found = await InspectAccess(store.trail).check()

    assert (found.first, found.whole, found.head.number, found.broken_at) == (1, 0, 0, None)


async def test_old_records_are_forgotten_from_the_beginning_and_the_rest_is_still_whole(store: StoreUnderTest) -> None:
    for _ in range(4):
        await store.trail.note(STRANGER)
        store.clock.advance(timedelta(minutes=5))

    # At 12:20, the first two are older than ten minutes; the third is just as old.
    assert [await store.history.prune(SHORT, limit=1) for _ in range(3)] == [1, 1, 0]

    found = await InspectAccess(store.trail).check()
    assert (found.first, found.whole, found.broken_at) == (3, 2, None)
    store.clock.advance(timedelta(hours=1))
    assert await store.history.prune(SHORT, limit=9) == 2
    await store.trail.note(STRANGER)
    found = await InspectAccess(store.trail).check()
    assert (found.first, found.whole, found.head.number, found.broken_at) == (5, 1, 5, None)


async def test_a_record_that_is_old_by_a_clock_set_back_waits_for_those_before_it(store: StoreUnderTest) -> None:
    store.clock.advance(timedelta(hours=1))
    await store.trail.note(STRANGER)
    store.clock.step(-timedelta(hours=1))
    await store.trail.note(STRANGER)
    store.clock.advance(timedelta(minutes=30))

    assert await store.history.prune(SHORT, limit=9) == 0


async def test_texts_that_no_store_can_keep_are_made_fit(store: StoreUnderTest) -> None:
    deed = Deed(Doer("a\0b\ud800", Via.CLI), AccessAction.USER_ADDED, "\0", "long" * 100)
    await store.trail.note(deed)

    (record,) = await _records(store)

    assert (record.deed.by.actor, record.deed.subject, len(record.deed.detail)) == ("a\ufffdb?", "\ufffd", 200)
    assert (await InspectAccess(store.trail).check()).broken_at is None
