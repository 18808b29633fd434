"""Several dead letters at once: what redriving them would do, told of each, and then done, each by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from application.scheduling.ports.records import ExecutionSummary
from application.scheduling.services.change_task import Author
from application.scheduling.services.errors import ServiceError
from application.scheduling.services.redrive_execution import RedriveExecution
from domain.errors import DomainError, TaskStateError
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
        found: list[Foreseen] = []
        started: set[TaskId] = set()
        for execution_id in execution_ids:
            foreseen = await self._foreseen(execution_id, by, started, allow_overlap=allow_overlap)
            if foreseen.refusal is None and foreseen.redriven_by is None and foreseen.task is not None:
                started.add(foreseen.task.id)
            found.append(foreseen)
        return found

    async def carry_out(
        self, execution_ids: Sequence[ExecutionId], by: Author, *, allow_overlap: bool = False
    ) -> Sequence[Redriven]:
        """What became of each, in order; repeated, it is what was done before. Raises StoreUnavailableError."""
        return [await self._carried_out(each, by, allow_overlap=allow_overlap) for each in execution_ids]

    async def _foreseen(
        self, execution_id: ExecutionId, by: Author, started: set[TaskId], *, allow_overlap: bool
    ) -> Foreseen:
        summary: ExecutionSummary | None = None
        try:
            summary = await self.redrive.summary(execution_id)
            done = await self.redrive.redrive(execution_id, by, allow_overlap=allow_overlap, dry_run=True)
        except (DomainError, ServiceError) as refusal:
            return Foreseen(execution_id, summary, None, refusal)
        return Foreseen(
            execution_id, summary, done.task, None if done.replayed else _behind(done.task, started, allow_overlap)
        )

    async def _carried_out(self, execution_id: ExecutionId, by: Author, *, allow_overlap: bool) -> Redriven:
        try:
            done = await self.redrive.redrive(execution_id, by, allow_overlap=allow_overlap)
        except (DomainError, ServiceError) as refusal:
            return Redriven(execution_id, refusal=refusal)
        return Redriven(execution_id, done.execution_id, done.replayed)


def _behind(task: ScheduledTask, started: set[TaskId], allow_overlap: bool) -> TaskStateError | None:
    """Why it would be refused behind one of the same task that was started just before; None: it would not."""
    if task.id not in started or allow_overlap or task.definition.policy.overlap is Overlap.ALLOW:
        return None
    return overlap_refusal(task, 2, allow_overlap=allow_overlap)
