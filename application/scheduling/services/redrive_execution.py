"""Giving work that died another chance: one new execution in place of a dead one, linked to it both ways."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from application.scheduling.ports.history import History
from application.scheduling.ports.membership import HandlerSpec, Membership
from application.scheduling.ports.records import ExecutionSummary
from application.scheduling.services.change_task import Author, ChangeTask, Done
from application.scheduling.services.edits import announced_by, check_runnable
from application.scheduling.services.errors import ExecutionNotFoundError
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.mutation import Mutation
from domain.scheduling.runs import redrive
from domain.scheduling.task import ScheduledTask


@dataclass(frozen=True, slots=True)
class RedriveExecution:
    """Runs the task of a dead execution again, as the task is now and with the payload that was given for that one."""

    change_task: ChangeTask
    history: History
    membership: Membership

    async def redrive(
        self, execution_id: ExecutionId, by: Author, *, allow_overlap: bool = False, dry_run: bool = False
    ) -> Done:
        """The new execution; if there is one in its place already, that one, replayed. `dry_run` starts none.

        Raises ExecutionNotFoundError, TaskNotFoundError, TaskStateError (`not_dead`, `already_running`),
        InvalidInputError.
        """
        dead = await self.summary(execution_id)
        announced = await announced_by(self.membership)

        def decide(task: ScheduledTask, change: Change) -> Mutation:
            return decided(task, dead.execution, change, announced, allow_overlap=allow_overlap)

        async def earlier() -> Done | None:
            if (done := await self.change_task.replayed(by)) is not None:
                return done
            again = (await self.summary(execution_id)).redriven_by
            return None if again is None else await self.change_task.answered(dead.execution.task_id, again)

        return await self.change_task.carry_out(
            dead.execution.task_id, ChangeAction.REDRIVE, by, decide, earlier=earlier, dry_run=dry_run
        )

    async def summary(self, execution_id: ExecutionId) -> ExecutionSummary:
        """The execution that is to be redriven. Raises ExecutionNotFoundError."""
        record = await self.history.execution(execution_id)
        if record is None:
            raise ExecutionNotFoundError(execution_id)
        return record.summary


def decided(
    task: ScheduledTask,
    dead: Execution,
    change: Change,
    announced: Sequence[HandlerSpec],
    *,
    allow_overlap: bool,
) -> Mutation:
    """The run in place of a dead one, given what workers announce. Raises TaskStateError, InvalidInputError."""
    mutation = redrive(task, dead, change, allow_overlap=allow_overlap)
    if dead.payload_json is not None:
        check_runnable(replace(task.definition, payload_json=dead.payload_json), announced)
    return mutation
