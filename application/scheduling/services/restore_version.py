"""Going back to what a task was: an edit to the definition of one of its earlier versions."""

from dataclasses import dataclass, field, replace

from application.scheduling.deliveries import Deliveries
from application.scheduling.ports.history import History
from application.scheduling.ports.membership import Membership
from application.scheduling.services.change_task import Author, ChangeTask, Done
from application.scheduling.services.edits import announced_by, runnable
from application.scheduling.services.errors import VersionNotFoundError
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation, edit
from domain.scheduling.task import ScheduledTask


@dataclass(frozen=True, slots=True)
class RestoreVersion:
    """Gives a task the definition of one of its versions again; pause, counters and history stay as they are."""

    change_task: ChangeTask
    history: History
    membership: Membership
    deliveries: Deliveries = field(default_factory=Deliveries)

    async def restore(
        self, task_id: TaskId, version: int, by: Author, *, if_version: int | None = None, dry_run: bool = False
    ) -> Done:
        """The task after it, in a version of its own; with `dry_run`, what it would be.

        Raises VersionNotFoundError, and as an edit InvalidScheduleError (a one-time instant in the past),
        InvalidInputError (a payload that no handler takes by now), NameTakenError, StaleVersionError.
        """
        kept = await self.history.version(task_id, version)
        announced = await announced_by(self.membership)
        reason = f"version {version}: {by.reason}" if by.reason else f"version {version}"

        def decide(task: ScheduledTask, change: Change) -> Mutation:
            if kept is None:
                raise VersionNotFoundError(task_id, version)
            return edit(task, runnable(kept.definition, announced, self.deliveries), change)

        return await self.change_task.carry_out(
            task_id, ChangeAction.RESTORE, replace(by, reason=reason), decide, if_version=if_version, dry_run=dry_run
        )
