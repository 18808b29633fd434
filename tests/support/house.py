"""The services over an empty memory store, with a clock that stands still and ports that write down what they hear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.memory import MemoryStores, open_memory_store
from application.scheduling.drafts import HandlerDefaults, TaskBody, body_from
from application.scheduling.ports.execution_store import Claim
from application.scheduling.ports.membership import HandlerSpec, Member
from application.scheduling.processors import Processors
from application.scheduling.services.attempt import Attempt
from application.scheduling.services.change_task import Author, ChangeTask
from application.scheduling.services.dispatch_due import DispatchDue
from application.scheduling.services.keep_claims import KeepClaims
from application.scheduling.services.manage_tasks import ManageTasks
from application.scheduling.services.perform_executions import PerformExecutions
from application.scheduling.services.run_execution import RunExecution
from application.scheduling.services.settle_execution import SettleExecution
from application.scheduling.services.task_quota import TaskQuota
from application.scheduling.services.watch_clock import WatchClock
from domain.scheduling.change import Via
from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId, TaskId
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import ScheduledTask
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy, RecordingObserver, RecordingWakeup

WORKER = NodeId("worker")
ANA = Author("ana", Via.API)


def a_document(name: str = "report", **fields: Any) -> dict[str, Any]:
    """A task as the API takes it: an ordinary one runs every hour."""
    return {"name": name, "task_type": "mail", "schedule_type": "cron", "schedule": "0 * * * *"} | fields


def a_body(name: str = "report", **fields: Any) -> TaskBody:
    """The body of such a document."""
    return body_from(a_document(name, **fields))


def an_author(key: str | None = None, *, reason: str = "", body_hash: str = "") -> Author:
    """Ana, asking over the API."""
    return Author("ana", Via.API, reason, key, body_hash)


@dataclass(slots=True)
class House:
    """A store and the services over it; the worker's run in the test's own event loop."""

    clock: ManualClock
    stores: MemoryStores
    entropy: CountingEntropy
    observer: RecordingObserver = field(default_factory=RecordingObserver)
    wakeup: RecordingWakeup = field(default_factory=RecordingWakeup)
    processors: Processors = field(default_factory=Processors)
    quota: TaskQuota | None = None

    @property
    def change_task(self) -> ChangeTask:
        """The loop in which tasks are changed."""
        return ChangeTask(self.stores.tasks, self.clock, self.wakeup, self.observer, self.quota)

    @property
    def manage(self) -> ManageTasks:
        """The use cases that change tasks."""
        stores = self.stores
        return ManageTasks(self.change_task, stores.executions, stores.membership, self.entropy, HandlerDefaults())

    @property
    def watch(self) -> WatchClock:
        """A watch that has seen nothing yet."""
        return WatchClock(self.clock, self.observer)

    @property
    def dispatch(self) -> DispatchDue:
        """The scheduler's pass."""
        stores = self.stores
        return DispatchDue(stores.tasks, stores.executions, self.clock, self.wakeup, self.observer, self.watch)

    def perform(self, *, concurrency: int = 5, stop_grace: timedelta = timedelta(seconds=5)) -> PerformExecutions:
        """A worker."""
        executions = self.stores.executions
        run = RunExecution(self.processors, self.clock, stop_grace)
        settle = SettleExecution(executions, self.clock, self.wakeup, self.observer)
        return PerformExecutions(
            executions, run, settle, self.clock, self.entropy, self.observer, WORKER, concurrency=concurrency
        )

    def heartbeat(self, perform: PerformExecutions) -> KeepClaims:
        """A worker's heartbeat."""
        return KeepClaims(self.stores.executions, perform.live, self.clock, perform.worker_id, self.observer)

    async def create(self, name: str = "report", **fields: Any) -> ScheduledTask:
        """A task, created by ana."""
        return (await self.manage.create(a_body(name, **fields), ANA)).task

    async def run_now(self, task: ScheduledTask, **options: Any) -> ExecutionId:
        """A manual execution of the task."""
        done = await self.manage.run_now(task.id, ANA, allow_overlap=True, **options)
        assert done.execution_id is not None
        return done.execution_id

    async def claim(self, count: int = 1) -> list[Claim]:
        """What a worker gets that asks for so many; of suspects, if there is nothing else."""
        tokens, executions = [ClaimToken(self.entropy.token()) for _ in range(count)], self.stores.executions
        return [*await executions.claim(WORKER, tokens)] or [*await executions.claim(WORKER, tokens, isolated=True)]

    async def attempt(self, *, lasts: float = 900, **fields: Any) -> Attempt:
        """An attempt of a task that was just created and run; it times out after so many real seconds."""
        await self.run_now(await self.create(**fields))
        (claim,) = await self.claim()
        return Attempt(claim, self.clock, self.clock.monotonic() + lasts)

    async def work(self, perform: PerformExecutions) -> None:
        """Claim what there is, run it to its end, and settle it."""
        async with asyncio.TaskGroup() as group:
            await perform.claim_once(group)
        while await perform.settle_once():
            pass

    async def fire(self) -> None:
        """One pass of the scheduler over everything."""
        await self.dispatch.run_once(EVERYTHING)

    async def task(self, task_id: TaskId) -> ScheduledTask:
        """The task as it is now."""
        task = await self.stores.tasks.get(task_id)
        assert isinstance(task, ScheduledTask)
        return task

    def execution(self, execution_id: ExecutionId) -> Execution:
        """The execution as it is now."""
        return self.stores.state.executions[execution_id].execution

    def states(self) -> list[ExecutionState]:
        """The states of all executions, oldest occurrence first."""
        kept = sorted(self.stores.state.executions.values(), key=lambda each: each.execution.id)
        return [each.execution.state for each in kept]

    async def announce(self, *specs: HandlerSpec, roles: frozenset[str] = frozenset({"worker"})) -> None:
        """Let a member with these handlers be known."""
        node = NodeId(f"{'-'.join(sorted(roles))}-{self.entropy.token()}")
        await self.stores.membership.announce(Member(node, roles, "host", 1, self.clock.now(), specs, 5))


@asynccontextmanager
async def open_house() -> AsyncIterator[House]:
    """A house that is empty."""
    clock, entropy = ManualClock(), CountingEntropy()
    async with open_memory_store(clock, entropy) as stores:
        yield House(clock, stores, entropy)
