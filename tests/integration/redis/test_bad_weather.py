"""Schedulers, workers and people at once, on a wire that loses, delays and breaks: each thing is done once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import TypeVar

import pytest

from adapters.redis.opening import RedisStores
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Settled
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.ports.task_store import Applied, Replayed
from application.scheduling.services.dispatch_due import DispatchDue
from application.scheduling.services.rescue_stuck import RescueStuck
from application.scheduling.services.watch_clock import WatchClock
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionKind, ExecutionState
from domain.scheduling.identifiers import ExecutionId, NodeId
from domain.scheduling.mutation import edit
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.runs import run_now
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import MINUTE, SECOND, a_change, a_definition
from tests.support.manual_clock import NOON
from tests.support.recorders import RecordingObserver, RecordingWakeup
from tests.support.waiting import eventually
from tests.support.wire_proxy import Weather, WireProxy

pytestmark = pytest.mark.redis

Answer = TypeVar("Answer")
OVERLAPS = (Overlap.ALLOW, Overlap.ALLOW, Overlap.SKIP, Overlap.QUEUE_ONE)
STEPS, STEP = 24, 20 * SECOND
# So much is said on the wire before the clock goes on.
COMMANDS_PER_STEP = 60
ALL_WITHIN_SECONDS = 30


@dataclass(slots=True)
class Company:
    """Everybody, over one store; `over` ends what they do."""

    store: StoreUnderTest
    over: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    settled: Counter[ExecutionId] = field(default_factory=Counter)

    async def keep_on(self, step: Callable[[], Awaitable[object]]) -> None:
        """Do it again and again, whatever the store answers."""
        while not self.over.is_set():
            await self.once(step)
            await asyncio.sleep(0)

    async def once(self, step: Callable[[], Awaitable[Answer]]) -> Answer | None:
        try:
            return await step()
        except StoreUnavailableError:
            self.failures += 1
            return None

    def scheduler(self) -> DispatchDue:
        watch = WatchClock(self.store.clock, RecordingObserver())
        tasks, executions = self.store.tasks, self.store.executions
        return DispatchDue(tasks, executions, self.store.clock, RecordingWakeup(), RecordingObserver(), watch)

    async def work(self, worker: str) -> None:
        """Claim a few and settle them, each until that is answered."""
        for isolated in (False, True):
            tokens = [self.store.token() for _ in range(3)]
            for claim in await self.store.executions.claim(NodeId(worker), tokens, isolated=isolated):
                while (answer := await self.once(partial(self.store.settle, claim))) is None:
                    pass
                self.settled[claim.execution.id] += isinstance(answer, Settled)

    async def ask(self, task: ScheduledTask, key: str) -> None:
        """Run a task by hand and edit it, each with a key, until that is answered and done."""
        for number, decide in enumerate((self._run, self._edit)):
            answer: object = None
            while not isinstance(answer, Applied | Replayed):
                answer = await self.once(partial(decide, task, f"{key}/{number}"))

    async def _run(self, task: ScheduledTask, key: str) -> object:
        change = a_change(ChangeAction.RUN, at=self.store.clock.now(), key=key)
        return await self.store.mutate(run_now(await self.store.read(task), change, key=key, allow_overlap=True))

    async def _edit(self, task: ScheduledTask, key: str) -> object:
        current, change = await self.store.read(task), a_change(at=self.store.clock.now(), key=key)
        definition = a_definition(task.definition.name, policy=task.definition.policy, description=key)
        return await self.store.mutate(edit(current, definition, change))


async def test_on_a_bad_wire_everything_is_decided_once_and_finished_once(
    wire: WireProxy, remote: StoreUnderTest
) -> None:
    assert isinstance(remote.stores, RedisStores)
    policies = [ExecutionPolicy(overlap=each) for each in OVERLAPS]
    tasks = [await remote.add(a_definition(f"task {n}", policy=policy)) for n, policy in enumerate(policies)]
    company, remote.stores.server.answer_within = Company(remote), timedelta(milliseconds=200)
    rescue = RescueStuck(remote.executions, remote.clock, RecordingWakeup(), RecordingObserver())

    async with asyncio.timeout(ALL_WITHIN_SECONDS), asyncio.TaskGroup() as group:
        for scheduler in (company.scheduler(), company.scheduler()):
            group.create_task(company.keep_on(partial(scheduler.run_once, EVERYTHING)))
        for worker in ("a", "b", "c"):
            group.create_task(company.keep_on(partial(company.work, worker)))
        group.create_task(company.keep_on(rescue.run_once))
        with wire.breaking(Weather(Random("bad weather"), 0.04)):
            for step in range(STEPS):
                group.create_task(company.ask(tasks[step % len(tasks)], f"key {step}"))
                await _said(wire, COMMANDS_PER_STEP)
                remote.clock.advance(STEP)
        company.over.set()
    remote.stores.server.answer_within = timedelta(seconds=5)
    async with asyncio.timeout(ALL_WITHIN_SECONDS):
        await rescue.rescue_all()
        while (await remote.history.counts()).open_by_state:
            await company.work("the last one")

    assert company.failures > STEPS
    for number, task in enumerate(tasks):
        await _judge(company, await remote.read(task), [f"key {step}/0" for step in range(number, STEPS, len(tasks))])


async def _said(wire: WireProxy, commands: int) -> None:
    enough = wire.commands + commands
    await eventually(lambda: wire.commands >= enough)


async def _judge(company: Company, task: ScheduledTask, keys: list[str]) -> None:
    page = await company.store.history.executions(ExecutionFilter(task.id), limit=1_000, cursor=None)
    found = [each.execution for each in page.executions]
    nominal = [each.nominal_at for each in found if each.kind is ExecutionKind.AUTO]
    skips = await company.store.history.skips(task.id, limit=1_000)

    assert len(nominal) == len(set(nominal))
    assert len(nominal) + sum(each.count for each in skips) == (task.decided_until - NOON) // MINUTE
    assert not any(each.first_at <= at <= each.last_at for each in skips for at in nominal if at is not None)
    assert sorted(each.key for each in found if each.kind is ExecutionKind.MANUAL) == sorted(keys)
    assert task.version == 1 + len(keys)
    assert {each.state for each in found} == {ExecutionState.SUCCEEDED}
    assert {each.starts - each.rescues for each in found} == {1}
    assert {company.settled[each.id] for each in found} == {1}
