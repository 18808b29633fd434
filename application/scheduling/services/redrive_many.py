"""Several dead letters at once: what redriving them would do, told of each, and then done, each by itself."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from application.scheduling.ports.history import ExecutionFilter, TaskFilter, TaskOrder
from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.ports.records import ExecutionSummary
from application.scheduling.services.change_task import Author
from application.scheduling.services.edits import announced_by
from application.scheduling.services.errors import (
    ExecutionNotFoundError,
    ServiceError,
    TaskNotFoundError,
    TaskUnreadableError,
)
from application.scheduling.services.redrive_execution import RedriveExecution, decided
from domain.errors import DomainError, TaskStateError
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.policy import Overlap
from domain.scheduling.runs import overlap_refusal
from domain.scheduling.task import ScheduledTask

SELECTED_MAX = 50
Refusal = DomainError | ServiceError


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What redriving one would do: nothing if it was redriven before (`redriven_by`), or be refused, or start one.

    `summary` None: there is no such execution; `task` None: its task is not there to be run.
    """

    execution_id: ExecutionId
    summary: ExecutionSummary | None
    task: ScheduledTask | None
    refusal: Refusal | None

    @property
    def redriven_by(self) -> ExecutionId | None:
        """The execution in its place, if there is one already."""
        return None if self.summary is None else self.summary.redriven_by


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of one: the execution in its place (`replayed`: it was there before), or why there is none."""

    execution_id: ExecutionId
    by: ExecutionId | None = None
    replayed: bool = False
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class RedriveMany:
    """Redrives at most SELECTED_MAX executions in the order given; none of them keeps another from it."""

    redrive: RedriveExecution

    async def foresee(
        self, execution_ids: Sequence[ExecutionId], by: Author, *, allow_overlap: bool = False
    ) -> Sequence[Foreseen]:
        """What `carry_out` would do if nothing changes before it. Raises StoreUnavailableError."""
        known = await self.summaries(execution_ids)
        named = {each.execution.task_id: each.task_name for each in known.values()}
        tasks = await self._tasks(named)
        # Those that have a name but are in neither list: their records cannot be read.
        gone = await self._tasks(named.keys() - tasks.keys(), deleted=True) if named.keys() - tasks.keys() else {}
        broken = {task_id for task_id, name in named.items() if name and task_id not in (*tasks, *gone)}
        announced = await announced_by(self.redrive.membership)
        change = self.redrive.change_task.recorded(ChangeAction.REDRIVE, by)
        started: set[TaskId] = set()
        found: list[Foreseen] = []
        for execution_id in execution_ids:
            summary = known.get(execution_id)
            task = tasks.get(summary.execution.task_id) if summary is not None else None
            refusal: Refusal | None = _missing(execution_id, summary, task, broken)
            if summary is not None and task is not None and summary.redriven_by is None:
                refusal = _refusal(task, summary.execution, change, announced, allow_overlap=allow_overlap)
                refusal = refusal or _behind(task, started, allow_overlap)
                started |= {task.id} if refusal is None else set()
            found.append(Foreseen(execution_id, summary, task, refusal))
        return found

    async def summaries(self, execution_ids: Collection[ExecutionId]) -> Mapping[ExecutionId, ExecutionSummary]:
        """What is on record of these executions; an id is missing if there is none. Raises StoreUnavailableError."""
        which = ExecutionFilter(ids=frozenset(execution_ids))
        page = await self.redrive.history.executions(which, limit=SELECTED_MAX, cursor=None)
        return {each.execution.id: each for each in page.executions}

    async def carry_out(
        self, execution_ids: Sequence[ExecutionId], by: Author, *, allow_overlap: bool = False
    ) -> Sequence[Redriven]:
        """What became of each, in order; repeated, it is what was done before. Raises StoreUnavailableError."""
        return [await self._carried_out(each, by, allow_overlap=allow_overlap) for each in execution_ids]

    async def _tasks(self, task_ids: Collection[TaskId], *, deleted: bool = False) -> Mapping[TaskId, ScheduledTask]:
        which = TaskFilter(ids=frozenset(task_ids), deleted=deleted)
        page = await self.redrive.history.tasks(
            which, order=TaskOrder.NAME, descending=False, limit=SELECTED_MAX, cursor=None
        )
        return {task.id: task for task in page.tasks}

    async def _carried_out(self, execution_id: ExecutionId, by: Author, *, allow_overlap: bool) -> Redriven:
        try:
            done = await self.redrive.redrive(execution_id, by, allow_overlap=allow_overlap)
        except (DomainError, ServiceError) as refusal:
            return Redriven(execution_id, refusal=refusal)
        return Redriven(execution_id, done.execution_id, done.replayed)


def _missing(
    execution_id: ExecutionId, summary: ExecutionSummary | None, task: ScheduledTask | None, broken: Collection[TaskId]
) -> ServiceError | None:
    if summary is None:
        return ExecutionNotFoundError(execution_id)
    if task is not None:
        return None
    task_id = summary.execution.task_id
    return TaskUnreadableError(task_id, "it is damaged") if task_id in broken else TaskNotFoundError(task_id)


def _refusal(
    task: ScheduledTask, dead: Execution, change: Change, announced: Sequence[HandlerSpec], *, allow_overlap: bool
) -> Refusal | None:
    try:
        decided(task, dead, change, announced, allow_overlap=allow_overlap)
    except (DomainError, ServiceError) as refusal:
        return refusal
    return None


def _behind(task: ScheduledTask, started: set[TaskId], allow_overlap: bool) -> TaskStateError | None:
    """Why it would be refused behind one of the same task that was started just before; None: it would not."""
    if task.id not in started or allow_overlap or task.definition.policy.overlap is Overlap.ALLOW:
        return None
    return overlap_refusal(task, 2, allow_overlap=allow_overlap)
