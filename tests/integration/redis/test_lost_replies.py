"""Every step on tasks, executions and members: carried out, unheard by its caller, and made again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis

from adapters.redis.opening import RedisStores
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import (
    Beat,
    CancelAnswer,
    HeartbeatAnswer,
    LogLine,
    Progress,
    Released,
    Settled,
    Settlement,
)
from application.scheduling.ports.history import Retention
from application.scheduling.ports.membership import Member
from application.scheduling.ports.task_store import Committed, Decision, Moved, Replayed
from application.scheduling.ports.term import Term
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import AttemptOutcome, ErrorReport, ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ExecutionId, NodeId, TaskId
from domain.scheduling.mutation import Mutation, delete, edit
from domain.scheduling.outcome import HandedBack, Outcome, Succeeded, UnknownHandler
from domain.scheduling.runs import run_now
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import Quarantine, ScheduledTask
from domain.scheduling.work import UNKNOWN_HANDLER_PATIENCE
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import DAY, MINUTE, a_change, a_creation, a_definition, a_failure
from tests.support.lost_replies import Call, Repeated, at_once, connections_in_use, make_known
from tests.support.manual_clock import NOON
from tests.support.wire_proxy import Befalls, Fault, Late, Once, Reset, WireProxy, calls

pytestmark = pytest.mark.redis

LATER = NOON + MINUTE
REPORT = TaskId("id-report")
RUN_BY_HAND = ExecutionId("060efac0d41000b9a67472be38834933")
IT_BROKE = ErrorReport("RuntimeError", "it broke")
MEMBER = Member(NodeId("node"), frozenset({"worker"}), "host", 1, NOON)
ANSWER_WITHIN = timedelta(milliseconds=60)


async def _firing(store: StoreUnderTest) -> Call:
    task = await store.add()
    store.clock.advance(MINUTE)
    decision = Decision(task, fire(task, store.clock.now()))
    return lambda: store.tasks.commit_firings([decision])


async def _last_firing(store: StoreUnderTest) -> Call:
    task = await store.add(a_definition(schedule=OneTimeSchedule(LATER)))
    store.clock.advance(MINUTE)
    decision = Decision(task, fire(task, store.clock.now()))
    return lambda: store.tasks.commit_firings([decision])


async def _quarantine(store: StoreUnderTest) -> Call:
    decision = Decision(await store.add(), Quarantine("no such zone", LATER))
    return lambda: store.tasks.commit_firings([decision])


def _change_of(decide: Callable[[ScheduledTask], Mutation]) -> Callable[[StoreUnderTest], Awaitable[Call]]:
    """A change of a task that is there."""

    async def prepare(store: StoreUnderTest) -> Call:
        mutation = decide(await store.add())
        return lambda: store.tasks.mutate([mutation])

    return prepare


def _edit(task: ScheduledTask) -> Mutation:
    return edit(task, replace(task.definition, description="better"), a_change())


def _deletion(task: ScheduledTask) -> Mutation:
    return delete(task, a_change(ChangeAction.DELETE, key="key"))


def _run(task: ScheduledTask) -> Mutation:
    return run_now(task, a_change(ChangeAction.RUN), key="run", allow_overlap=True)


async def _claim(store: StoreUnderTest) -> Call:
    await store.fired(await store.add())
    token = store.token()
    return lambda: store.executions.claim(WORKER, [token])


async def _heartbeat(store: StoreUnderTest) -> Call:
    claim = await store.started(await store.add())
    beat = Beat(claim.execution.id, claim.token, Progress(1, 2), (LogLine(NOON, "info", "said"),))
    return lambda: store.executions.heartbeat(WORKER, [beat])


def _end(outcome: Outcome) -> Callable[[StoreUnderTest], Awaitable[Call]]:
    async def prepare(store: StoreUnderTest) -> Call:
        claim = await store.started(await store.add())
        settlement = Settlement(claim.execution.id, claim.token, outcome, log=(LogLine(NOON, "info", "said"),))
        return lambda: store.executions.settle([settlement])

    return prepare


async def _rescue(store: StoreUnderTest) -> Call:
    await store.started(await store.add())
    held = await store.executions.held()
    return lambda: store.executions.rescue(held)


async def _rescue_of_all(store: StoreUnderTest) -> Call:
    await store.started(await store.add())
    return lambda: store.executions.rescue_worker(WORKER)


async def _cancel(store: StoreUnderTest) -> Call:
    (execution_id,) = await store.fired(await store.add())
    change = a_change(ChangeAction.CANCEL, at=store.clock.now())
    return lambda: store.executions.cancel(execution_id, change)


async def _asking(store: StoreUnderTest) -> Call:
    claim = await store.started(await store.add())
    change = a_change(ChangeAction.CANCEL, at=store.clock.now())
    return lambda: store.executions.cancel(claim.execution.id, change)


async def _release(store: StoreUnderTest) -> Call:
    await store.settle(await store.started(await store.add()), a_failure(retry_at=LATER))
    store.clock.advance(MINUTE)
    return lambda: store.executions.release_due(1)


async def _expiry(store: StoreUnderTest) -> Call:
    await store.settle(await store.started(await store.add()), UnknownHandler())
    store.clock.advance(UNKNOWN_HANDLER_PATIENCE)
    return lambda: store.executions.expire_unknown(1)


async def _pruning(store: StoreUnderTest) -> Call:
    await store.settle(await store.started(await store.add()))
    store.clock.advance(2 * DAY)
    return lambda: store.history.prune(Retention(executions=DAY), limit=10)


async def _leaving(store: StoreUnderTest) -> Call:
    await store.membership.announce(MEMBER)
    return lambda: store.membership.leave(MEMBER.node_id)


ENDS: dict[str, tuple[Outcome, Settled]] = {
    "success": (Succeeded('{"n": 1}'), Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED, None)),
    "a retry": (a_failure(retry_at=LATER), Settled(ExecutionState.RETRY_WAIT, AttemptOutcome.FAILED, IT_BROKE)),
    "death": (a_failure(), Settled(ExecutionState.DEAD, AttemptOutcome.FAILED, IT_BROKE)),
    "handing back": (HandedBack(), Settled(ExecutionState.PENDING, AttemptOutcome.HANDED_BACK, None)),
    "no handler": (UnknownHandler(), Settled(ExecutionState.PENDING, AttemptOutcome.UNKNOWN_HANDLER, None)),
}
STEPS = {
    "a firing": Repeated("fire", _firing, [Moved()]),
    "the last firing": Repeated("write", _last_firing, [Moved()]),
    "a quarantine": Repeated("fire", _quarantine, [Committed()]),
    "a creation": Repeated("write", at_once(lambda store: store.tasks.mutate([a_creation()])), [Moved()]),
    "a creation with a key": Repeated(
        "write", at_once(lambda store: store.tasks.mutate([a_creation(key="key")])), [Replayed(REPORT, 1, None)]
    ),
    "an edit": Repeated("write", _change_of(_edit), [Moved()]),
    "a deletion with a key": Repeated("write", _change_of(_deletion), [Replayed(REPORT, 2, None)]),
    "a run by hand": Repeated("write", _change_of(_run), [Replayed(REPORT, 1, RUN_BY_HAND)]),
    "a claim": Repeated("claim", _claim, []),
    "a heartbeat": Repeated("heartbeat", _heartbeat, HeartbeatAnswer(frozenset(), frozenset())),
    **{
        f"{name} settled": Repeated("settle" if name == "success" else "write", _end(end), [answer])
        for name, (end, answer) in ENDS.items()
    },
    "a rescue": Repeated("write", _rescue, []),
    "a rescue of all": Repeated("write", _rescue_of_all, []),
    "a cancellation": Repeated("write", _cancel, CancelAnswer(ExecutionState.CANCELLED)),
    "asking to stop": Repeated("write", _asking, CancelAnswer(ExecutionState.RUNNING)),
    "a release": Repeated("release", _release, Released(0, None)),
    "an expiry": Repeated("write", _expiry, []),
    "pruning": Repeated("forget_executions", _pruning, 0),
    "zone data": Repeated("zone_data", at_once(lambda store: store.tasks.keep_tzdata("2026a")), None),
    "leaving": Repeated("announce", _leaving, None),
    "an announcement": Repeated("announce", at_once(lambda store: store.membership.announce(MEMBER)), None),
}


@pytest.mark.parametrize("name", STEPS)
async def test_a_step_whose_answer_was_lost_is_not_done_twice(
    name: str, wire: WireProxy, remote: StoreUnderTest, reference: StoreUnderTest, admin: Redis
) -> None:
    expected = await STEPS[name].by_reference(reference)

    assert await STEPS[name].over(wire, remote, admin) == expected


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
