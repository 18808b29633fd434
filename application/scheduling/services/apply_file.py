"""A file of tasks applied: first all of it is judged, then each task is changed by a change of its own.

Applying is naturally repeatable: what is as the file says stays untouched, so the same file again changes nothing, and
one that was cut off in the middle is simply applied again. What a manager applied last stands in the record of that
change, by its key, and in the version it made; what a manager has created bears its tag.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from application.scheduling.declarations import DeclaredFile, Entry, LastApplied
from application.scheduling.declarations.merging import owner_tag
from application.scheduling.declarations.reading import check_manager
from application.scheduling.ports.history import History, TaskFilter, TaskOrder
from application.scheduling.ports.task_store import Applied
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
from domain.scheduling.task import ScheduledTask

SLICE = 100
"""How many tasks are read, and written, at once."""
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
        have is deleted. Raises InvalidInputError with every fault of the file and its place, InvalidTaskError
        (`required`) for pruning without a manager, and TooManyTasksError: what is pruned goes last, and makes no room.
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
        await self.manage.change_task.check_room(sum(item.before is None for item in items))
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
        done: list[ApplyItem] = []
        for begin in range(0, len(plan.items), SLICE):
            done += await self._done(plan.items[begin : begin + SLICE], plan.manager, by)
        return replace(plan, items=tuple(done))

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
                # Judging a whole file takes seconds, in which whatever else is due must get its turn.
                await asyncio.sleep(0)
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

    async def _done(self, items: Sequence[ApplyItem], manager: str | None, by: Author) -> list[ApplyItem]:
        """What became of a slice: it is written in one step of the store, and what that does not take goes alone."""
        asked = [(item, self._asking(item, manager, by)) for item in items]
        planned = [(item, mutation) for item, author in asked if (mutation := self._mutation(item, author)) is not None]
        answers = await self.manage.change_task.tasks.mutate([mutation for _, mutation in planned])
        answered = zip(planned, answers, strict=True)
        applied = [(item, mutation, answer) for (item, mutation), answer in answered if isinstance(answer, Applied)]
        self.manage.change_task.tell([(mutation, answer) for _, mutation, answer in applied])
        done = {item.name: _made(item, answer.task) for item, _, answer in applied}
        return [done.get(item.name) or await self._alone(item, author) for item, author in asked]

    def _asking(self, item: ApplyItem, manager: str | None, by: Author) -> Author:
        return replace(by, idempotency_key=key_of(manager, item.said, self.manage.entropy.identifier()))

    def _mutation(self, item: ApplyItem, by: Author) -> Mutation | None:
        """What is to be written; None for what stays, and for what is to go through the loop of a single change."""
        if item.outcome is ApplyOutcome.UNCHANGED:
            return None
        change = self.manage.change_task.recorded(_action(item), by)
        try:
            if item.before is None:
                return _created(TaskId(self.manage.entropy.identifier()), item, change)
            return _decided(item, item.before, change)
        except UNDECIDABLE:
            return None

    async def _alone(self, item: ApplyItem, by: Author) -> ApplyItem:
        if item.outcome is ApplyOutcome.UNCHANGED:
            return item
        try:
            return _made(item, (await self._changed(item, by)).task)
        except TaskNotFoundError as error:
            # Whoever deleted it has done what pruning was to do.
            return item if item.definition is None else _refused(item, error)
        except (*UNDECIDABLE, ServiceError) as error:
            return _refused(item, error)

    async def _changed(self, item: ApplyItem, by: Author) -> Done:
        change_task = self.manage.change_task
        if item.before is None:
            return await change_task.create(by, partial(_created, TaskId(self.manage.entropy.identifier()), item))
        return await change_task.carry_out(
            item.before.id, _action(item), by, partial(_decided, item), if_version=item.before.version
        )


def _action(item: ApplyItem) -> ChangeAction:
    if item.before is None:
        return ChangeAction.CREATE
    return ChangeAction.DELETE if item.definition is None else ChangeAction.EDIT


def _created(task_id: TaskId, item: ApplyItem, change: Change) -> Mutation:
    assert item.definition is not None, "what was not there is to be created"
    return with_enabled(create(task_id, item.definition, change), item.enabled, change)


def _decided(item: ApplyItem, task: ScheduledTask, change: Change) -> Mutation:
    if item.definition is None:
        return delete(task, change)
    return with_enabled(edit(task, item.definition, change), item.enabled, change)


def _made(item: ApplyItem, task: ScheduledTask) -> ApplyItem:
    return replace(item, task_id=task.id, version=task.version)


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
