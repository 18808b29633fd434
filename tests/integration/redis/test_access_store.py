"""Access in a Redis: what a hand in the store can do, two processes at once, and what is forgotten by itself."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import msgpack
import pytest
from redis import Redis

from adapters.redis.keys import LOGIN, PREFIX, SESSION, key
from adapters.redis.opening import RedisStores
from adapters.redis.trail import forget_access_records
from application.scheduling.ports.access import SESSIONS_MAX
from application.scheduling.ports.access_trail import AccessFilter
from application.scheduling.ports.membership import SILENT_AFTER, Member
from application.scheduling.services.inspect_access import InspectAccess
from domain.access.account import IDLE_MAX
from domain.access.record import AccessAction, Deed, Doer
from domain.access.throttle import FORGOTTEN_AFTER, FREE_PER_ACCOUNT, LoginKeys
from domain.scheduling.change import Via
from domain.scheduling.identifiers import MICROSECOND, NodeId
from tests.support.accounts import ANA, BOB, TESTER, a_session, a_token, add_ana_and_bob, open_session
from tests.support.builders import MINUTE, SECOND
from tests.support.manual_clock import NOON, ManualClock

pytestmark = pytest.mark.redis

RECORDS = 5
DEEDS = [Deed(Doer("ana", Via.CLI), AccessAction.USER_ADDED, f"user {number}") for number in range(RECORDS)]
CHAIN, ENDS = key("access_records"), key("access")
KEYS = LoginKeys("account", "address")
MEMBER = Member(NodeId("node"), frozenset({"worker"}), "host", 1, NOON)
EVE = replace(ANA, name="eve")
# No MessagePack, a text that is none, and a record that is none.
GARBAGE = (b"\xc1", b"\x91\xa2\xff\xfe", b"\x05")


def _rewrite(admin: Redis, number: int, place: int, value: object, *, beside: bool = False) -> None:
    """Put another value into a record, at its place in the row; `beside`: into another one like it."""
    (packed,) = admin.zrangebyscore(CHAIN, number, number)
    assert isinstance(packed, bytes)
    row = msgpack.unpackb(packed)
    row[place] = value
    if not beside:
        admin.zrem(CHAIN, packed)
    admin.zadd(CHAIN, {msgpack.packb(row): number})


def _remove(admin: Redis, number: int) -> None:
    admin.zremrangebyscore(CHAIN, number, number)


def _remove_with_the_ends(admin: Redis, number: int) -> None:
    admin.delete(ENDS)
    _remove(admin, number)


TAMPERED: dict[str, tuple[Callable[[Redis], object], int]] = {
    "another actor": (lambda admin: _rewrite(admin, 3, 2, "eve"), 3),
    "another instant": (lambda admin: _rewrite(admin, 1, 1, 1), 1),
    "an action that is none": (lambda admin: _rewrite(admin, 4, 5, "none of ours"), 4),
    "another hash": (lambda admin: _rewrite(admin, 5, 8, "x" * 64), 5),
    "another number": (lambda admin: _rewrite(admin, 2, 0, 9), 2),
    "the third is gone": (lambda admin: _remove(admin, 3), 3),
    "the first is gone": (lambda admin: _remove(admin, 1), 1),
    "the last is gone": (lambda admin: _remove(admin, 5), 5),
    "all are gone": (lambda admin: admin.delete(CHAIN), 1),
    "another one before the second": (lambda admin: _rewrite(admin, 2, 2, "al", beside=True), 2),
    "the ends are gone, and the second": (lambda admin: _remove_with_the_ends(admin, 2), 2),
    "another head": (lambda admin: admin.hset(ENDS, "head", msgpack.packb([5, "x" * 64])), 5),
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_the_first_record_that_was_tampered_with_is_told(stores: RedisStores, admin: Redis, what: str) -> None:
    for deed in DEEDS:
        await stores.trail.note(deed)
    assert (await InspectAccess(stores.trail).check()).whole == RECORDS
    tamper, broken_at = TAMPERED[what]

    tamper(admin)

    assert (await InspectAccess(stores.trail).check()).broken_at == broken_at


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_what_cannot_be_read_opens_nothing_and_stops_nobody(
    stores: RedisStores, admin: Redis, garbage: bytes
) -> None:
    await add_ana_and_bob(stores.access)
    await open_session(stores.access, "of ana", a_session())
    await stores.access.add_token("token", a_token(), by=TESTER)
    await stores.membership.announce(MEMBER)
    for hash_ in ("users", "api_tokens", "members"):
        admin.hset(key(hash_), "spoilt", garbage)
    for text in (SESSION + "spoilt", LOGIN + KEYS.account):
        admin.set(PREFIX + text, garbage)
    admin.zadd(key("sessions_by_user"), {"ana/spoilt": 0})
    admin.hset(ENDS, "offer", garbage)
    admin.zadd(CHAIN, {garbage: 2})

    assert [await stores.access.account("spoilt"), await stores.access.visit("spoilt")] == [None, None]
    assert await stores.access.use_token("spoilt") is None
    assert not await stores.access.add_user(replace(BOB, name="spoilt"), "hash", by=TESTER)
    assert not await stores.access.may_set_up("spoilt")
    assert await stores.access.users() == [ANA, BOB]
    assert await stores.access.sessions("ana") == [a_session()]
    assert await stores.access.tokens() == [a_token()]
    assert await stores.membership.members() == [MEMBER]
    assert await stores.access.admit_login(KEYS) is None
    assert await open_session(stores.access, "another of ana", a_session())
    assert await stores.access.end_sessions("ana", by=TESTER) == 2
    assert len((await stores.trail.page(AccessFilter(), limit=9)).records) == 6
    assert (await InspectAccess(stores.trail).check()).broken_at is None
    assert await forget_access_records(stores.server, NOON + SECOND, limit=9) == 7


async def test_of_two_processes_one_makes_the_first_user(stores: RedisStores, other: RedisStores) -> None:
    await stores.access.offer_set_up("digest", until=NOON + MINUTE)

    async with asyncio.TaskGroup() as group:
        taken = [
            group.create_task(each.access.set_up("digest", user, "hash", by=TESTER))
            for user in (ANA, BOB, EVE)
            for each in (stores, other)
        ]

    assert sum(each.result() for each in taken) == 1
    assert len(await other.access.users()) == 1


async def test_two_processes_keep_to_one_limit_and_one_chain(stores: RedisStores, other: RedisStores) -> None:
    await add_ana_and_bob(stores.access)

    async with asyncio.TaskGroup() as group:
        for number in range(SESSIONS_MAX):
            for name, each in {"here": stores, "there": other}.items():
                group.create_task(open_session(each.access, f"{name} {number}", a_session()))
        added = [
            group.create_task(each.access.add_user(EVE, "hash", by=TESTER))
            for _ in range(3)
            for each in (stores, other)
        ]
        tried = [group.create_task(each.access.admit_login(KEYS)) for _ in range(9) for each in (stores, other)]

    assert len(await stores.access.sessions("ana")) == SESSIONS_MAX
    assert sum(each.result() for each in added) == 1
    assert [each.result() for each in tried].count(None) == FREE_PER_ACCOUNT
    found = await InspectAccess(other.trail).check()
    assert (found.whole, found.broken_at) == (2 + 2 * SESSIONS_MAX + 1, None)


async def test_sessions_and_attempts_are_forgotten_by_themselves(stores: RedisStores, admin: Redis) -> None:
    await add_ana_and_bob(stores.access)
    await open_session(stores.access, "digest", a_session())
    await stores.access.admit_login(KEYS)

    ends = {name.decode(): timedelta(milliseconds=admin.pttl(name)) for name in admin.scan_iter(PREFIX + "*:*")}

    longest = {
        SESSION + "digest": IDLE_MAX,
        LOGIN + KEYS.account: FORGOTTEN_AFTER,
        LOGIN + KEYS.address: FORGOTTEN_AFTER,
    }
    assert ends.keys() == {PREFIX + name for name in longest}
    assert all(most - MINUTE < ends[PREFIX + name] <= most for name, most in longest.items())


async def test_processes_that_fell_silent_are_forgotten(stores: RedisStores, admin: Redis, clock: ManualClock) -> None:
    await stores.membership.announce(MEMBER)
    clock.advance(SILENT_AFTER)
    await stores.membership.announce(replace(MEMBER, node_id=NodeId("second")))
    assert len(await stores.membership.members()) == 2
    clock.advance(MICROSECOND)

    await stores.membership.announce(replace(MEMBER, node_id=NodeId("third")))

    assert admin.hkeys(key("members")) == [b"second", b"third"]


async def test_who_may_come_in_can_be_changed_when_memory_is_full(stores: RedisStores, admin: Redis) -> None:
    await add_ana_and_bob(stores.access)
    await stores.access.add_token("token", a_token(), by=TESTER)
    admin.config_set("maxmemory", 1)
    try:
        assert await stores.access.admit_login(KEYS) is None
        assert await open_session(stores.access, "digest", a_session())
        assert await stores.access.visit("digest") is not None
        assert await stores.access.revoke_token(a_token().id, by=TESTER) == a_token()
    finally:
        admin.config_set("maxmemory", 0)
