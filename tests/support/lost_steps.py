"""Every step on tasks, executions and members, ready to be made twice, and what the second time is answered."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

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
from tests.support.lost_replies import Call, Repeated, at_once
from tests.support.manual_clock import NOON

LATER = NOON + MINUTE
REPORT = TaskId("id-report")
RUN_BY_HAND = ExecutionId("060efac0d41000b9a67472be38834933")
IT_BROKE = ErrorReport("RuntimeError", "it broke")
MEMBER = Member(NodeId("node"), frozenset({"worker"}), "host", 1, NOON)


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
