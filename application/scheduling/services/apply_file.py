"""A file of tasks applied: first all of it is judged, then each task is changed by a change of its own.

Applying is naturally repeatable: what is as the file says stays untouched, so the same file again changes nothing, and
one that was cut off in the middle is simply applied again. What a manager applied last stands in the record of that
change, by its key, and in the version it made; what a manager has created bears its tag.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from application.scheduling.declarations import DeclaredFile, Entry, LastApplied
from application.scheduling.declarations.merging import owner_tag
from application.scheduling.declarations.reading import check_manager
from application.scheduling.ports.history import History, TaskFilter, TaskOrder
from application.scheduling.services.apply_plan import (
    PRUNE_LIMIT,
    ApplyItem,
    ApplyOutcome,
    ApplyPlan,
    key_of,
    said_under,
)
from application.scheduling.services.change_task import Author, Done
from application.scheduling.services.edits import announced_by, with_enabled
from application.scheduling.services.errors import UNDECIDABLE, ServiceError, TaskNotFoundError
from application.scheduling.services.judge_entry import JudgeEntry
from application.scheduling.services.manage_tasks import ManageTasks
from domain.errors import DomainError, InvalidTaskError
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation, create, delete, edit
from domain.scheduling.task import Definition, ScheduledTask

SLICE = 100
"""How many tasks are read, and judged, before anybody else gets a turn."""
OWNED_MAX = 10_000
CHANGES_LOOKED_AT = 200
"""How far back the last application to a task is looked for."""


@dataclass(frozen=True, slots=True)
class ApplyFile:
    """Plans and carries out what a file asks for. Both may raise StoreUnavailableError."""

    manage: ManageTasks
    history: History

    async def plan(
        self,
        file: DeclaredFile,
        by: Author,
        *,
        manager: str | None = None,
        prune: bool = False,
        limit: int = PRUNE_LIMIT,
    ) -> ApplyPlan:
        """What applying the file would do now; nothing is stored.

        `manager` goes before the one the file names. With `prune`, what that manager has created and the file does not
        have is deleted. Raises InvalidInputError with every fault of the file and its place, and InvalidTaskError
        (`required`) for pruning without a manager.
        """
        manager = manager or file.manager
        if manager is not None:
            check_manager(manager)
        elif prune:
            hint = "name it in the file as manager, or beside it"
            raise InvalidTaskError(
                "only what a manager has created is pruned", code="required", pointer="/manager", hint=hint
            )
        items, faults = await self._judged(file, by, manager)
        file.throw(faults)
        owned = [] if manager is None or not prune else [each async for each in self._owned(manager)]
        names = {entry.name for entry in file.entries}
        gone = [_pruned(task) for task in owned if task.definition.name not in names]
        return ApplyPlan(manager, (*items, *gone), len(owned), limit)

    async def carry_out(self, plan: ApplyPlan, by: Author) -> ApplyPlan:
        """What was planned, done task by task, each under the version that was planned for; what became of each.

        A task that somebody else has changed since is refused, and the others are done all the same. Raises
        InvalidTaskError (`prunes_too_many`) before anything is done.
        """
        if plan.refusal is not None:
            raise plan.refusal
        by = replace(by, reason=_reason(plan.manager, by.reason))
        return replace(plan, items=tuple([await self._done(item, plan.manager, by) for item in plan.items]))

    async def _judged(
        self, file: DeclaredFile, by: Author, manager: str | None
    ) -> tuple[list[ApplyItem], list[DomainError]]:
        judge = JudgeEntry(self.manage, await announced_by(self.manage.membership), manager, by)
        items: list[ApplyItem] = []
        faults: list[DomainError] = []
        entries = iter(file.entries)
        while part := list(islice(entries, SLICE)):
            present = await self._present(part)
            for entry in part:
                found, wrong = judge.judged(entry, present.get(entry.name))
                if found is not None and found.before is not None and found.drift:
                    # Only where something else is said does it matter what the file used to say.
                    last = await self._last_applied(found.before, manager)
                    found, wrong = judge.judged(entry, found.before, last) if last else (found, wrong)
                items += [] if found is None else [found]
                faults += wrong
        return items, faults

    async def _present(self, entries: Sequence[Entry]) -> Mapping[str, ScheduledTask]:
        which = TaskFilter(names=frozenset(entry.name for entry in entries))
        page = await self.history.tasks(which, order=TaskOrder.NAME, descending=False, limit=SLICE, cursor=None)
        return {task.definition.name: task for task in page.tasks}

    async def _owned(self, manager: str) -> AsyncIterator[ScheduledTask]:
        """The tasks a manager has created, by name."""
        which, cursor = TaskFilter(tag=owner_tag(manager)), None
        while True:
            page = await self.history.tasks(which, order=TaskOrder.NAME, descending=False, limit=SLICE, cursor=cursor)
            if page.total > OWNED_MAX:
                detail = f"{manager} has {page.total:,} tasks, and one file is for {OWNED_MAX:,} at most"
                raise InvalidTaskError(detail, code="too_many", pointer="/manager")
            for task in page.tasks:
                yield task
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _last_applied(self, task: ScheduledTask, manager: str | None) -> LastApplied | None:
        """What this manager applied to the task last; None: nothing, or it is not on record any more."""
        for record in await self.history.changes(task.id, limit=CHANGES_LOOKED_AT):
            said = said_under(record.change.idempotency_key, manager)
            if said is not None:
                version = await self.history.version(task.id, record.version)
                return None if version is None else LastApplied(said, version.definition)
        return None

    async def _done(self, item: ApplyItem, manager: str | None, by: Author) -> ApplyItem:
        if item.outcome is ApplyOutcome.UNCHANGED:
            return item
        entropy = self.manage.entropy
        by = replace(by, idempotency_key=key_of(manager, item.said, entropy.identifier()))
        try:
            done = await self._changed(item, by)
        except TaskNotFoundError as error:
            # Whoever deleted it has done what pruning was to do.
            return item if item.definition is None else _refused(item, error)
        except (*UNDECIDABLE, ServiceError) as error:
            return _refused(item, error)
        return replace(item, task_id=done.task.id, version=done.task.version)

    async def _changed(self, item: ApplyItem, by: Author) -> Done:
        change_task = self.manage.change_task
        if item.before is None:
            assert item.definition is not None, "what was not there is to be created"
            task_id = TaskId(self.manage.entropy.identifier())
            return await change_task.create(by, partial(_created, task_id, item.definition, item.enabled))
        if item.definition is None:
            action, decide = ChangeAction.DELETE, delete
        else:
            action, decide = ChangeAction.EDIT, partial(_edited, item.definition, item.enabled)
        return await change_task.carry_out(item.before.id, action, by, decide, if_version=item.before.version)


def _created(task_id: TaskId, definition: Definition, enabled: bool | None, change: Change) -> Mutation:
    return with_enabled(create(task_id, definition, change), enabled, change)


def _edited(definition: Definition, enabled: bool | None, task: ScheduledTask, change: Change) -> Mutation:
    return with_enabled(edit(task, definition, change), enabled, change)


def _pruned(task: ScheduledTask) -> ApplyItem:
    return ApplyItem(task.definition.name, ApplyOutcome.PRUNED, task, task_id=task.id)


def _reason(manager: str | None, reason: str) -> str:
    source = "a file" if manager is None else f"the file of {manager}"
    return f"{source}: {reason}" if reason else source


def _refused(item: ApplyItem, error: Exception) -> ApplyItem:
    code, detail = ("undecidable", "it cannot be decided at present")
    match error:
        case DomainError():
            code, detail = error.reason, error.detail
        case ServiceError():
            code, detail = error.code, str(error)
    return replace(item, outcome=ApplyOutcome.REFUSED, code=code, detail=detail)
