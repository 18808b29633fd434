"""`Membership`: who is here."""

from datetime import timedelta

from application.scheduling.ports.membership import SILENT_AFTER, HandlerSpec, Member
from domain.scheduling.identifiers import NodeId
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import SECOND
from tests.support.manual_clock import NOON

SCHEMA = {"type": "object", "properties": {"days": {"type": "integer", "minimum": 1}}, "$defs": {}}


def _member(node_id: str, *, concurrency: int = 0, handlers: tuple[HandlerSpec, ...] = ()) -> Member:
    return Member(
        node_id=NodeId(node_id),
        roles=frozenset({"scheduler", "worker"}),
        host="büro.example",
        pid=4711,
        started_at=NOON - timedelta(microseconds=1),
        handlers=handlers,
        concurrency=concurrency,
    )


async def test_nobody_is_here_at_first(store: StoreUnderTest) -> None:
    assert await store.membership.members() == []


async def test_members_are_told_whole_and_by_id(store: StoreUnderTest) -> None:
    handlers = (
        HandlerSpec("mail", "digest", "Send it.", SCHEMA, {"max_retries": 0, "timeout_seconds": 60}),
        HandlerSpec("report", None),
    )
    second, first = _member("node-b", concurrency=5, handlers=handlers), _member("node-a")

    for member in (second, first):
        await store.membership.announce(member)

    assert await store.membership.members() == [first, second]


async def test_who_announces_again_is_here_once_as_it_is_now(store: StoreUnderTest) -> None:
    await store.membership.announce(_member("node-a", concurrency=1))
    await store.membership.announce(_member("node-a", concurrency=2))

    assert await store.membership.members() == [_member("node-a", concurrency=2)]


async def test_who_falls_silent_is_gone_and_may_come_back(store: StoreUnderTest) -> None:
    await store.membership.announce(_member("silent"))
    store.clock.advance(SILENT_AFTER - SECOND)
    await store.membership.announce(_member("steady"))
    assert [member.node_id for member in await store.membership.members()] == ["silent", "steady"]
    store.clock.advance(2 * SECOND)

    assert [member.node_id for member in await store.membership.members()] == ["steady"]
    await store.membership.announce(_member("silent"))
    assert [member.node_id for member in await store.membership.members()] == ["silent", "steady"]


async def test_who_leaves_is_gone_at_once_and_may_leave_twice(store: StoreUnderTest) -> None:
    for node_id in ("node-a", "node-b"):
        await store.membership.announce(_member(node_id))

    for _ in range(2):
        await store.membership.leave(NodeId("node-a"))

    assert [member.node_id for member in await store.membership.members()] == ["node-b"]
