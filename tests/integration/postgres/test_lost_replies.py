"""Every step: committed, unheard by its caller, and made again."""

import pytest

from adapters.sql.store import PostgresStores
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Settled
from application.scheduling.ports.term import Term
from domain.scheduling.identifiers import NodeId
from tests.conformance.store_under_test import StoreUnderTest
from tests.support import lost_steps, lost_steps_at_the_door
from tests.support.postgres_wire import WritingCommit
from tests.support.wire_proxy import Fault, Once, WireProxy

pytestmark = pytest.mark.postgres

STEPS = {**lost_steps.STEPS, **lost_steps_at_the_door.STEPS}
# Pruning commits the log and the attempts of what it forgets before it forgets that.
NTH_COMMIT = {"pruning": 3}


def _lost(nth: int = 1) -> Once:
    return Once(Fault.REPLY_LOST, WritingCommit(), nth)


@pytest.mark.parametrize("name", STEPS)
async def test_a_step_whose_answer_was_lost_is_not_done_twice(
    name: str, wire: WireProxy, remote: StoreUnderTest, reference: StoreUnderTest
) -> None:
    expected = await STEPS[name].by_reference(reference)

    assert await STEPS[name].over(wire, remote, _lost(NTH_COMMIT.get(name, 1))) == expected


async def test_a_claim_whose_answer_was_lost_falls_silent_and_is_rescued(
    wire: WireProxy, remote: StoreUnderTest
) -> None:
    (execution_id,) = await remote.fired(await remote.add())
    with wire.breaking(_lost()), pytest.raises(StoreUnavailableError):
        await remote.claim()

    (silent,) = await remote.executions.held()
    (rescued,) = await remote.executions.rescue([silent])
    claim = await remote.claim()

    assert rescued.event.execution_id == claim.execution.id == execution_id
    assert (claim.execution.starts, claim.execution.rescues, claim.execution.attempts_used) == (2, 1, 0)
    assert isinstance(await remote.settle(claim), Settled)


async def test_an_office_taken_unheard_is_seen_to_be_held(wire: WireProxy, remote: StoreUnderTest) -> None:
    assert isinstance(remote.stores, PostgresStores)
    terms, ours = remote.stores.terms, Term(NodeId("node"), 1)
    with wire.breaking(_lost()), pytest.raises(StoreUnavailableError):
        await terms.replace(Term(), ours)

    assert not await terms.replace(Term(), ours)
    assert await terms.seen() == ours
