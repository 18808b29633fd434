"""Reading for people: tasks with what deserves a warning, their executions, and the state of health."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from application.scheduling.explanations.words import counted
from application.scheduling.ports.clock import Clock
from application.scheduling.ports.figures import Figures
from application.scheduling.ports.history import (
    ExecutionFilter,
    ExecutionPage,
    History,
    TaskFilter,
    TaskOrder,
    TaskPage,
)
from application.scheduling.ports.hold import Hold, Holds
from application.scheduling.ports.membership import HandlerSpec, Member, Membership, specs_of
from application.scheduling.ports.outbox import COUNT_MAX, Outbox
from application.scheduling.ports.records import ChangeRecord, ExecutionRecord
from application.scheduling.ports.task_store import TaskReads, Unreadable
from application.scheduling.processors import announced_spec
from application.scheduling.services.edits import announced_by
from application.scheduling.services.errors import (
    ExecutionNotFoundError,
    TaskNotFoundError,
    TaskUnreadableError,
)
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.task import Definition, Delivery, ScheduledTask

LATE_AFTER = timedelta(seconds=5)
UPCOMING_MAX = 10
RECENT_MAX = 10
MISSING_NAMED_MAX = 3
SLICE_MAX = 200


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task and what somebody should know about it, as stable codes (`no_handler`, `all_needs_allow` …)."""

    task: ScheduledTask
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskList:
    """A page of tasks with their warnings."""

    page: TaskPage
    views: tuple[TaskView, ...]


class Trouble(StrEnum):
    """What can keep the work from being done."""

    UNFIT_STORE = "unfit_store"
    NO_SCHEDULER = "no_scheduler"
    NO_WORKER = "no_worker"
    NOBODY_CLAIMS = "nobody_claims"
    OVERDUE = "overdue"
    NO_HANDLER = "no_handler"
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True)
class HealthProblem:
    """A trouble there is, and in words what it is about."""

    trouble: Trouble
    told: str


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the work gets done: `problems` is empty if it does.

    `overdue_since` is the instant for which the oldest due task still waits. While all firing is `held`, that is what
    somebody wants, and no problem.
    """

    problems: tuple[HealthProblem, ...]
    schedulers: int
    workers: int
    overdue_since: datetime | None
    held: Hold | None


@dataclass(frozen=True, slots=True)
class InspectTasks:
    """Read models. What isn't there raises TaskNotFoundError or ExecutionNotFoundError."""

    tasks: TaskReads
    history: History
    figures: Figures
    membership: Membership
    clock: Clock
    store_fault: Callable[[], str | None]
    holds: Holds
    outbox: Outbox | None = None

    async def list(
        self,
        which: TaskFilter,
        *,
        order: TaskOrder = TaskOrder.NAME,
        descending: bool = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> TaskList:
        """A page of tasks."""
        announced = await announced_by(self.membership)
        page = await self.history.tasks(which, order=order, descending=descending, limit=limit, cursor=cursor)
        return TaskList(page, tuple(_view(task, announced) for task in page.tasks))

    async def every(self) -> AsyncIterator[ScheduledTask]:
        """Every task by name, read a slice at a time; one that is renamed meanwhile may be passed over."""
        found = await self.history.tasks_by_name(after=None, limit=SLICE_MAX)
        while True:
            for task in found.tasks:
                yield task
            if found.after is None:
                return
            found = await self.history.tasks_by_name(after=found.after, limit=SLICE_MAX)

    async def task_types(self) -> Sequence[str]:
        """The types that tasks have, in order."""
        return sorted((await self.history.counts()).tasks_by_type)

    async def task(self, task_id: TaskId) -> TaskView:
        """One task."""
        task = await self.tasks.get(task_id)
        if task is None:
            raise TaskNotFoundError(task_id)
        if isinstance(task, Unreadable):
            raise TaskUnreadableError(task_id, task.error)
        return _view(task, await announced_by(self.membership))

    async def deleted(self, task_id: TaskId) -> ScheduledTask:
        """One task that is deleted and still kept. Raises TaskNotFoundError for any other."""
        task = await self.tasks.deleted(task_id)
        if task is None:
            raise TaskNotFoundError(task_id)
        if isinstance(task, Unreadable):
            raise TaskUnreadableError(task_id, task.error)
        return task

    async def named(self, text: str) -> TaskId:
        """The id of the task that bears this name, or else the text as an id, whether or not there is such a task."""
        found = await self.tasks.find(text)
        if found is None:
            return TaskId(text)
        return found.task_id if isinstance(found, Unreadable) else found.id

    async def handlers(self) -> tuple[HandlerSpec, ...]:
        """What the living workers say they can run, by node id."""
        return await announced_by(self.membership)

    async def view(self, task: ScheduledTask) -> TaskView:
        """A task that was read already, with its warnings."""
        return _view(task, await announced_by(self.membership))

    async def executions(self, which: ExecutionFilter, *, limit: int, cursor: str | None = None) -> ExecutionPage:
        """A page of executions, newest first."""
        return await self.history.executions(which, limit=limit, cursor=cursor)

    async def execution(self, execution_id: ExecutionId) -> ExecutionRecord:
        """All that is kept of one execution."""
        record = await self.history.execution(execution_id)
        if record is None:
            raise ExecutionNotFoundError(execution_id)
        return record

    async def changes(self, task_id: TaskId, *, limit: int = 20) -> Sequence[ChangeRecord]:
        """What was changed last, newest first."""
        return await self.history.changes(task_id, limit=limit)

    async def health(self) -> Health:
        """Who is here, and whether anything that is due lies undone or cannot be done."""
        members = await self.membership.members()
        schedulers = sum("scheduler" in member.roles for member in members)
        workers = [member for member in members if "worker" in member.roles]
        # Several: one that is quarantined comes early in this list and is looked at late.
        upcoming = await self.history.upcoming(UPCOMING_MAX)
        due_at = min((task.look_at for task in upcoming if task.look_at), default=None)
        overdue = due_at if due_at is not None and self.clock.now() - due_at > LATE_AFTER else None
        held = await self.holds.current()
        late = overdue if held is None else None
        fault = self.store_fault()
        told = {
            Trouble.UNFIT_STORE: None if fault is None else f"the store {fault}",
            Trouble.NO_SCHEDULER: None if schedulers else "no scheduler is running",
            Trouble.NO_WORKER: None if workers else "no worker is running",
            Trouble.NOBODY_CLAIMS: _nobody_claims(workers),
            Trouble.OVERDUE: f"a task is due since {late.isoformat()} and was not dispatched" if late else None,
            Trouble.NO_HANDLER: await self._unhandled(specs_of(workers)) if workers else None,
            Trouble.UNDELIVERED: await self._undelivered(self.outbox) if self.outbox else None,
        }
        problems = tuple(HealthProblem(trouble, words) for trouble, words in told.items() if words is not None)
        return Health(problems, schedulers, len(workers), overdue, held)

    async def _undelivered(self, outbox: Outbox) -> str | None:
        """That messages wait for their streams; None while they are only on their way."""
        waiting = await outbox.waiting()
        if waiting.oldest_at is None or self.clock.now() - waiting.oldest_at <= LATE_AFTER:
            return None
        about = "at least " if waiting.count == COUNT_MAX else ""
        return (
            f"{about}{counted(waiting.count, 'message')} of external tasks could not be sent to Redis, the first since"
            f" {waiting.oldest_at.isoformat()}"
        )

    async def _unhandled(self, announced: Sequence[HandlerSpec]) -> str | None:
        """That executions wait for handlers nobody has; None if others than those who put them back do."""
        waiting = await self.figures.unhandled()
        pairs = [(spec.task_type, spec.name) for spec in announced]
        missing = await self.history.unserved(pairs, limit=MISSING_NAMED_MAX) if waiting else ()
        if not missing:
            return None
        names = ", ".join(f"{each.name} of type {each.task_type}" for each in missing)
        return f"{counted(waiting, 'execution')} cannot start: no worker has the handler {names}"


def views_of(tasks: Sequence[ScheduledTask], members: Sequence[Member]) -> tuple[TaskView, ...]:
    """These tasks with their warnings, given who is here."""
    announced = specs_of(members)
    return tuple(_view(task, announced) for task in tasks)


def _nobody_claims(workers: Sequence[Member]) -> str | None:
    """That there are workers and each of them has handed over; None if it is not so."""
    if not workers or any(worker.concurrency for worker in workers):
        return None
    return "no worker claims: code that did not stop occupies all of them"


def _view(task: ScheduledTask, announced: Sequence[HandlerSpec]) -> TaskView:
    # What is delivered to a program of somebody else's needs no worker, and no overlap of it is judged.
    is_managed = task.definition.delivery is Delivery.MANAGED
    warnings = [*task.definition.policy.warnings, *_unserved(task.definition, announced)] if is_managed else []
    if task.quarantine is not None:
        warnings.append("quarantined")
    return TaskView(task, tuple(warnings))


def _unserved(definition: Definition, announced: Sequence[HandlerSpec]) -> Sequence[str]:
    if not any(spec.task_type == definition.task_type for spec in announced):
        return ["no_worker"]
    known = announced_spec(announced, definition.task_type, definition.handler_name)
    return ["no_handler"] if known is None else []
