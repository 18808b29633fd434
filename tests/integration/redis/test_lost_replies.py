"""Every step on tasks, executions and members, carried out although its caller never heard of it, and then repeated."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis

from adapters.memory import open_memory_store
from adapters.redis.opening import RedisStores
from application.scheduling.ports.execution_store import (
    Beat,
    CancelAnswer,
    HeartbeatAnswer,
    Held,
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
from domain.scheduling.execution import AttemptOutcome, ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import NodeId, TaskId
from domain.scheduling.mutation import delete, edit
from domain.scheduling.outcome import HandedBack, Outcome, Succeeded, UnknownHandler
from domain.scheduling.runs import run_now
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import Quarantine
from domain.scheduling.work import UNKNOWN_HANDLER_PATIENCE
from tests.conformance.store_under_test import OTHER_WORKER, WORKER, StoreUnderTest
from tests.support.builders import DAY, MINUTE, a_change, a_creation, a_definition, a_failure
from tests.support.lost_replies import Call, Repeated, make_known
from tests.support.manual_clock import NOON, ManualClock
from tests.support.recorders import CountingEntropy
from tests.support.wire_proxy import Fault, Late, Once, Reset, WireProxy, calls

pytestmark = pytest.mark.redis

ONCE = OneTimeSchedule(NOON + MINUTE)
MEMBER = Member(NodeId("node"), frozenset({"worker"}), "host", 1, NOON)
GONE = Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED, None)
LINE = LogLine(NOON, "info", "said")


async def _firing(store: StoreUnderTest) -> Call:
    task = await store.add()
    store.clock.advance(MINUTE)
    decision = Decision(task, fire(task, store.clock.now()))
    return lambda: store.tasks.commit_firings([decision])


async def _last_firing(store: StoreUnderTest) -> Call:
    task = await store.add(a_definition(schedule=ONCE))
    store.clock.advance(MINUTE)
    decision = Decision(task, fire(task, store.clock.now()))
    return lambda: store.tasks.commit_firings([decision])


async def _quarantine(store: StoreUnderTest) -> Call:
    decision = Decision(await store.add(), Quarantine("no such zone", NOON + MINUTE))
    return lambda: store.tasks.commit_firings([decision])


def _creation(key: str | None) -> Callable[[StoreUnderTest], Call]:
    mutation = a_creation(key=key)
    return lambda store: lambda: store.tasks.mutate([mutation])


async def _creation_with_a_key(store: StoreUnderTest) -> Call:
    return _creation("key")(store)


async def _creation_without_a_key(store: StoreUnderTest) -> Call:
    return _creation(None)(store)


async def _edit(store: StoreUnderTest) -> Call:
    task = await store.add()
    mutation = edit(task, replace(task.definition, description="better"), a_change())
    return lambda: store.tasks.mutate([mutation])


async def _deletion(store: StoreUnderTest) -> Call:
    task = await store.add()
    mutation = delete(task, a_change(ChangeAction.DELETE, key="delete"))
    return lambda: store.tasks.mutate([mutation])


async def _run_by_hand(store: StoreUnderTest) -> Call:
    task, change = await store.add(), a_change(ChangeAction.RUN, key="run")
    mutation = run_now(task, change, key="run", allow_overlap=True)
    return lambda: store.tasks.mutate([mutation])


async def _zone_data(store: StoreUnderTest) -> Call:
    return lambda: store.tasks.keep_tzdata("2026a")


async def _claim(store: StoreUnderTest) -> Call:
    await store.fired(await store.add())
    token = store.token()

    async def call() -> object:
        return [each.execution.id for each in await store.executions.claim(WORKER, [token])]

    return call


async def _heartbeat(store: StoreUnderTest) -> Call:
    claim = await store.started(await store.add())
    beat = Beat(claim.execution.id, claim.token, Progress(1, 2), (LINE,))
    return lambda: store.executions.heartbeat(WORKER, [beat])


def _settling(outcome: Outcome) -> Callable[[StoreUnderTest], Call]: ...
