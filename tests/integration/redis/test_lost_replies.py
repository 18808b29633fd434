"""Every step on tasks, executions and members: carried out, unheard by its caller, and made again."""

import asyncio
from datetime import timedelta

import pytest
from redis import Redis

from adapters.redis.opening import RedisStores
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Settled
from application.scheduling.ports.term import Term
from domain.scheduling.identifiers import NodeId
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import a_definition
from tests.support.lost_replies import connections_in_use, lost_reply, make_known
from tests.support.lost_steps import STEPS
from tests.support.wire_proxy import Befalls, Fault, Late, Once, Reset, WireProxy, calls

pytestmark = pytest.mark.redis

ANSWER_WITHIN = timedelta(milliseconds=60)


@pytest.mark.parametrize("name", STEPS)
async def test_a_step_whose_answer_was_lost_is_not_done_twice(
    name: str, wire: WireProxy, remote: StoreUnderTest, reference: StoreUnderTest, admin: Redis
) -> None:
    step = STEPS[name]
    expected = await step.by_reference(reference)

    assert await step.over(wire, remote, lost_reply(admin, step.loses)) == expected


async def test_a_claim_whose_answer_was_lost_falls_silent_and_is_rescued(
    wire: WireProxy, remote: StoreUnderTest, admin: Redis
) -> None:
    (execution_id,) = await remote.fired(await remote.add())
    make_known(admin, "claim")
    with wire.breaking(Once(Fault.REPLY_LOST, calls("claim"))), pytest.raises(StoreUnavailableError):
        await remote.claim()

    (silent,) = await remote.executions.held()
    (rescued,) = await remote.executions.rescue([silent])
    claim = await remote.claim()

    assert rescued.event.execution_id == claim.execution.id == execution_id
    assert (claim.execution.starts, claim.execution.rescues, claim.execution.attempts_used) == (2, 1, 0)
    assert isinstance(await remote.settle(claim), Settled)


async def test_an_office_taken_unheard_is_seen_to_be_held(
    wire: WireProxy, remote: StoreUnderTest, stores: RedisStores, admin: Redis
) -> None:
    assert isinstance(remote.stores, RedisStores)
    terms, ours = remote.stores.terms, Term(NodeId("node"), 1)
    make_known(admin, "term")
    with wire.breaking(Once(Fault.REPLY_LOST, calls("term"))), pytest.raises(StoreUnavailableError):
        await terms.replace(Term(), ours)

    assert not await terms.replace(Term(), ours)
    assert await terms.seen() == await stores.terms.seen() == ours


FAULTS: dict[str, Befalls] = {
    "cut before it is sent on": Fault.CUT_BEFORE,
    "reply lost": Fault.REPLY_LOST,
    "no reply on a connection that stays": Fault.SILENCE,
    "nothing read from a connection that stays": Fault.HALF_OPEN,
    "reset before the reply": Reset(after_bytes=0),
    "reset within the reply": Reset(after_bytes=9),
    "reply too late": Late(seconds=5),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_call_ends_in_time_and_its_connection_is_not_used_again(
    name: str, wire: WireProxy, remote: StoreUnderTest
) -> None:
    assert isinstance(remote.stores, RedisStores)
    server = remote.stores.server
    tasks = [await remote.add(a_definition(name)) for name in ("one", "two")]
    await remote.read(tasks[0])
    server.answer_within = ANSWER_WITHIN
    with wire.breaking(Once(FAULTS[name], calls("find"))), pytest.raises(StoreUnavailableError):
        async with asyncio.timeout(10 * ANSWER_WITHIN.total_seconds()):
            await remote.read(tasks[0])
    server.answer_within = timedelta(seconds=5)

    assert await remote.read(tasks[1]) == tasks[1]
    assert (wire.accepted, connections_in_use(server)) == (2, 0)
