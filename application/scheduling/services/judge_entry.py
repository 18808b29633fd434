"""One entry of a file judged beside the task of its name: what becomes of that, or what is wrong with the entry."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from application.scheduling.declarations import Entry, LastApplied, Merged, merged
from application.scheduling.declarations.merging import created, owners_of
from application.scheduling.declarations.reading import at_entry
from application.scheduling.differences import Difference, differences
from application.scheduling.drafts import TaskBody, define
from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.processors import announced_spec
from application.scheduling.services.apply_plan import ApplyItem, ApplyOutcome
from application.scheduling.services.change_task import Author
from application.scheduling.services.edits import runnable, with_enabled
from application.scheduling.services.manage_tasks import ManageTasks
from domain.errors import DomainError, InvalidInputError, InvalidTaskError
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import create, edit
from domain.scheduling.task import Definition, ScheduledTask, TaskStatus

_UNBORN = TaskId("")
_ENABLED = "/enabled"


@dataclass(frozen=True, slots=True)
class JudgeEntry:
    """Judges the entries of one file for its manager; `announced` is what live workers say they can run."""

    manage: ManageTasks
    announced: Sequence[HandlerSpec]
    manager: str | None
    by: Author

    def judged(
        self, entry: Entry, task: ScheduledTask | None, last: LastApplied | None = None
    ) -> tuple[ApplyItem | None, tuple[DomainError, ...]]:
        """What becomes of the task, or None with what is wrong, by its places in the file."""
        try:
            return (self._creation(entry) if task is None else self._edit(entry, task, last)), ()
        except InvalidInputError as several:
            return None, tuple(at_entry(entry, fault) for fault in several.faults)
        except DomainError as fault:
            return None, (at_entry(entry, fault),)

    def _creation(self, entry: Entry) -> ApplyItem:
        found = self._settled(created(entry, self.manager, self._define))
        change = self.manage.change_task.recorded(ChangeAction.CREATE, self.by)
        with_enabled(create(_UNBORN, found.definition, change), found.enabled, change)
        return ApplyItem(
            entry.name, ApplyOutcome.CREATED, None, found.definition, found.enabled, said=frozenset(entry.said)
        )

    def _edit(self, entry: Entry, task: ScheduledTask, last: LastApplied | None) -> ApplyItem:
        self._check_owner(task)
        found = self._settled(merged(entry, task.definition, self._define, last))
        change = self.manage.change_task.recorded(ChangeAction.EDIT, self.by)
        mutation = with_enabled(edit(task, found.definition, change), found.enabled, change)
        return ApplyItem(
            entry.name,
            ApplyOutcome.UNCHANGED if mutation.changes_nothing else ApplyOutcome.CHANGED,
            task,
            found.definition,
            found.enabled,
            (*differences(task.definition, found.definition), *_switched(task, mutation.after)),
            (*found.drift, *_paused(task, found)),
            frozenset(entry.said),
            task.id,
            task.version,
        )

    def _check_owner(self, task: ScheduledTask) -> None:
        """See that no two files are kept for one task. Raises InvalidTaskError (`other_manager`)."""
        others = [owner for owner in owners_of(task.definition) if owner != self.manager]
        if others:
            raise InvalidTaskError(
                f"this task belongs to the file of {others[0]}",
                code="other_manager",
                hint=f"take it out of one of the two files, or take the tag manager.{others[0]} off it",
            )

    def _settled(self, found: Merged) -> Merged:
        return replace(found, definition=runnable(found.definition, self.announced, self.manage.deliveries))

    def _define(self, body: TaskBody, present: Definition | None) -> Definition:
        spec = announced_spec(self.announced, body.task_type, body.handler or body.name)
        now = self.manage.change_task.clock.now()
        return define(body, now=now, present=present, defaults=self.manage.defaults_for(spec))


def _switched(before: ScheduledTask, after: ScheduledTask) -> tuple[Difference, ...]:
    if before.status is after.status:
        return ()
    return (Difference(_ENABLED, "status", before.status, after.status, before.status, after.status),)


def _paused(task: ScheduledTask, found: Merged) -> tuple[Difference, ...]:
    """A pause that the file does not mention, as drift."""
    if task.status is not TaskStatus.PAUSED or task.pause is None or found.enabled is not None:
        return ()
    active, told = TaskStatus.ACTIVE, f"paused by {task.pause.actor}"
    reason = f": {task.pause.reason}" if task.pause.reason else ""
    return (Difference(_ENABLED, "status", active, task.status, active, told + reason),)
