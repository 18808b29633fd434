"""One change of many tasks, tried or made: each of them is an item with an answer of its own.

The tasks are read in slices, decided by the same rules as a change of one, and each slice is written in one step of
the store. What such a step does not take (somebody came between, a name is taken) is done again on its own, by the
loop that every change goes through. The key of an item follows from that of the request: asked again, a batch does
nothing twice, and goes on where its time was over.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import islice

from application.scheduling.ports.clock import Entropy
from application.scheduling.ports.history import IDS_MAX, History, TaskFilter, TaskOrder
from application.scheduling.ports.task_store import Applied, MutateAnswer, Replayed
from application.scheduling.services.batch_orders import INVERSES, RECORDED_AS, BatchAction, Order
from application.scheduling.services.change_task import Author, ChangeTask
from application.scheduling.services.errors import UNDECIDABLE, NameTakenError, ServiceError, TaskNotFoundError
from domain.errors import DomainError, InvalidTaskError
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.mutation import Compared, Mutation
from domain.scheduling.task import ScheduledTask

BATCH_MAX = 10_000
SLICE = 200
TIME_MAX = timedelta(seconds=20)
RECALLED_MAX = 1_000
"""Of how many repeated items it is asked what they have changed: each takes two questions to the store."""
assert SLICE <= IDS_MAX


class Outcome(StrEnum):
    """What became of an item; in a dry run, what would. `repeated`: an earlier request with its key had done it."""

    DONE = "done"
    REPEATED = "repeated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One task of a batch: `task` as it was before (None: it was not found), `code` and `detail` of a refusal.

    `version` is the one that what was done has made, now or by an earlier request.
    """

    task_id: TaskId
    task: ScheduledTask | None
    outcome: Outcome
    code: str | None = None
    detail: str | None = None
    execution_id: ExecutionId | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a batch: its items in the order of the ids, or of the names; `left` were not come to in time."""

    order: Order
    items: tuple[BatchItem, ...]
    left: int = 0

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many items of each outcome."""
        return {outcome: sum(item.outcome is outcome for item in self.items) for outcome in Outcome}

    def of(self, outcome: Outcome) -> tuple[BatchItem, ...]:
        """The items with this outcome."""
        return tuple(item for item in self.items if item.outcome is outcome)

    @property
    def undo(self) -> Order | None:
        """What takes back what was done, for the tasks in its `if_versions`; None: there is nothing to take back.

        What somebody has done to a task since stays.
        """
        was_done = (*self.of(Outcome.DONE), *self.of(Outcome.REPEATED))
        changed = [item for item in was_done if item.version is not None]
        inverse = self.order.inverse(item.task for item in changed if item.task is not None)
        done = {item.task_id: item.version for item in changed if item.version is not None}
        return replace(inverse, if_versions=done) if inverse is not None and done else None


Found = tuple[TaskId, ScheduledTask | None]
Chosen = Sequence[TaskId] | TaskFilter


@dataclass(frozen=True, slots=True)
class BatchChange:
    """Carries out one order on many tasks. Raises InvalidTaskError (`too_many`) and StoreUnavailableError.

    Bringing tasks back raises TooManyTasksError, too, before the first. Cut off by any other, the slices before stay
    done; the same request with the same key does the rest.
    """

    change_task: ChangeTask
    history: History
    entropy: Entropy

    async def run(self, order: Order, chosen: Chosen, by: Author, *, dry_run: bool = False) -> BatchResult:
        """Do it to the tasks with these ids, or to all that match; with `dry_run`, only say what would be done."""
        clock = self.change_task.clock
        ends_at = clock.monotonic() + TIME_MAX.total_seconds()
        by = replace(by, idempotency_key=self._key(order, by))
        items: list[BatchItem] = []
        if order.is_about_deleted:
            await self.change_task.check_room(await self._deleted_among(chosen))
        async for found, total in self._slices(order, chosen):
            items += await (self._tried(order, found, by) if dry_run else self._carried_out(order, found, by))
            if clock.monotonic() > ends_at:
                return BatchResult(order, await self._recalled(order, items, by), max(0, total - len(items)))
        return BatchResult(order, await self._recalled(order, items, by))

    async def _recalled(self, order: Order, items: Sequence[BatchItem], by: Author) -> tuple[BatchItem, ...]:
        """The items with the versions that an earlier request has made, where the order alone says what undoes it."""
        repeated = [item.task_id for item in items if item.outcome is Outcome.REPEATED]
        if order.action not in INVERSES or len(repeated) > RECALLED_MAX:
            return tuple(items)
        made = {task_id: await self._made(task_id, by) for task_id in repeated}
        return tuple(replace(item, version=made.get(item.task_id, item.version)) for item in items)

    async def _made(self, task_id: TaskId, by: Author) -> int | None:
        """The version that an earlier request has made of a task; None: what it found was left as it was."""
        key = _of_item(by, task_id).idempotency_key
        known = None if key is None else await self.change_task.tasks.replay(key, by.body_hash)
        if not isinstance(known, Replayed):
            return None
        found = await self.history.version(task_id, known.version)
        is_ours = found is not None and found.made_by is not None and found.made_by.idempotency_key == key
        return known.version if is_ours else None

    def _key(self, order: Order, by: Author) -> str | None:
        # A run is known by its key, so there is one; nothing else needs a record that it would not make.
        if by.idempotency_key is None and order.action is not BatchAction.RUN:
            return None
        return f"batch:{by.idempotency_key or self.entropy.identifier()}"

    async def _slices(self, order: Order, chosen: Chosen) -> AsyncIterator[tuple[list[Found], int]]:
        """The tasks in slices, each with how many there are in all."""
        if isinstance(chosen, TaskFilter):
            async for each in self._matching(replace(chosen, deleted=order.is_about_deleted)):
                yield each
            return
        _check_total(len(set(chosen)), "/ids")
        ids = iter(dict.fromkeys(chosen))
        while part := list(islice(ids, SLICE)):
            which = TaskFilter(ids=frozenset(part), deleted=order.is_about_deleted)
            page = await self.history.tasks(which, order=TaskOrder.NAME, descending=False, limit=SLICE, cursor=None)
            known = {task.id: task for task in page.tasks}
            yield [(task_id, known.get(task_id)) for task_id in part], len(set(chosen))

    async def _matching(self, which: TaskFilter) -> AsyncIterator[tuple[list[Found], int]]:
        # By name, which no order changes: what is done to a slice moves no other task across its end.
        cursor, total = None, None
        while True:
            page = await self.history.tasks(which, order=TaskOrder.NAME, descending=False, limit=SLICE, cursor=cursor)
            total = page.total if total is None else total
            _check_total(total, "/filter")
            yield [(task.id, task) for task in page.tasks], total
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _deleted_among(self, chosen: Chosen) -> int:
        """How many of them are deleted: those that an earlier request has brought back need no room any more."""
        if isinstance(chosen, TaskFilter):
            parts = [chosen]
        else:
            ids = list(dict.fromkeys(chosen))
            _check_total(len(ids), "/ids")
            parts = [TaskFilter(ids=frozenset(ids[at : at + SLICE])) for at in range(0, len(ids), SLICE)]
        total = 0
        for which in (replace(part, deleted=True) for part in parts):
            page = await self.history.tasks(which, order=TaskOrder.NAME, descending=False, limit=1, cursor=None)
            total += page.total
        return total

    async def _tried(self, order: Order, found: Sequence[Found], by: Author) -> list[BatchItem]:
        holders = await self._holders(found) if order.is_about_deleted else {}
        items = []
        for task_id, task in found:
            planned = self._planned(order, task_id, task, by)
            if isinstance(planned, BatchItem):
                items.append(planned)
                continue
            name = planned.after.definition.name
            if order.is_about_deleted and holders.setdefault(name, task_id) != task_id:
                items.append(_refused((task_id, task), NameTakenError(name, holders[name])))
                continue
            outcome = Outcome.UNCHANGED if planned.changes_nothing else Outcome.DONE
            items.append(BatchItem(task_id, task, outcome))
        return items

    async def _holders(self, found: Sequence[Found]) -> dict[str, TaskId]:
        """The living tasks by those names that deleted ones had: what is brought back needs its own."""
        which = TaskFilter(names=frozenset(task.definition.name for _, task in found if task is not None))
        page = await self.history.tasks(which, order=TaskOrder.NAME, descending=False, limit=SLICE, cursor=None)
        return {task.definition.name: task.id for task in page.tasks}

    async def _carried_out(self, order: Order, found: Sequence[Found], by: Author) -> list[BatchItem]:
        planned = {task_id: self._planned(order, task_id, task, by) for task_id, task in found}
        mutations = [each for each in planned.values() if isinstance(each, Mutation) and _is_written(each)]
        answered = list(zip(mutations, await self.change_task.tasks.mutate(mutations), strict=True))
        self.change_task.tell([(mutation, answer) for mutation, answer in answered if isinstance(answer, Applied)])
        answers = {mutation.after.id: answer for mutation, answer in answered}
        return [await self._item(order, each, planned[each[0]], answers.get(each[0]), by) for each in found]

    async def _item(
        self, order: Order, found: Found, planned: Mutation | BatchItem, answer: MutateAnswer | None, by: Author
    ) -> BatchItem:
        match planned, answer:
            case BatchItem(), _:
                # Refused by now; an earlier request may have done it all the same.
                return planned if by.idempotency_key is None else await self._alone(order, found, by)
            case Mutation(changes_nothing=True), Applied() | None:
                return BatchItem(*found, Outcome.UNCHANGED)
            case _, Applied(task=after, execution_id=execution_id):
                return BatchItem(*found, Outcome.DONE, execution_id=execution_id, version=after.version)
            case _, Replayed(execution_id=execution_id):
                return BatchItem(*found, Outcome.REPEATED, execution_id=execution_id)
            case _:
                return await self._alone(order, found, by)

    def _planned(self, order: Order, task_id: TaskId, task: ScheduledTask | None, by: Author) -> Mutation | BatchItem:
        if task is None:
            return _refused((task_id, None), TaskNotFoundError(task_id))
        change = self.change_task.recorded(RECORDED_AS[order.action], _of_item(by, task_id))
        try:
            decided = order.decide(task, change)
        except (*UNDECIDABLE, ServiceError) as error:
            return _refused((task_id, task), error)
        return decided or Mutation(change, task, task, frozenset({Compared.STATUS}))

    async def _alone(self, order: Order, found: Found, by: Author) -> BatchItem:
        """One item by the loop that every change goes through: it reads afresh, and answers what was done before."""
        tasks = self.change_task.tasks
        try:
            done = await self.change_task.carry_out(
                found[0],
                RECORDED_AS[order.action],
                _of_item(by, found[0]),
                order.decide,
                read=tasks.deleted if order.is_about_deleted else tasks.get,
            )
        except TaskNotFoundError as error:
            # A deleted task cannot be shown, though an earlier request with this key may have deleted it.
            was_done = await self.change_task.was_done(_of_item(by, found[0]))
            return BatchItem(*found, Outcome.REPEATED) if was_done else _refused(found, error)
        except (*UNDECIDABLE, ServiceError) as error:
            return _refused(found, error)
        if done.replayed:
            return BatchItem(*found, Outcome.REPEATED, execution_id=done.execution_id)
        outcome = Outcome.UNCHANGED if done.unchanged else Outcome.DONE
        return BatchItem(*found, outcome, execution_id=done.execution_id, version=done.task.version)


def _is_written(mutation: Mutation) -> bool:
    """What changes nothing is written for its idempotency key alone: asked again, it must change nothing again."""
    return not mutation.changes_nothing or mutation.change.idempotency_key is not None


def _of_item(by: Author, task_id: TaskId) -> Author:
    """The author with the key of one item; no id has a space, so no two pairs of key and id are one text."""
    key = by.idempotency_key
    return by if key is None else replace(by, idempotency_key=f"{key} {task_id}")


def _refused(found: Found, error: Exception) -> BatchItem:
    match error:
        case DomainError():
            return BatchItem(*found, Outcome.REFUSED, error.reason, error.detail)
        case ServiceError():
            return BatchItem(*found, Outcome.REFUSED, error.code, str(error))
        case _:
            return BatchItem(*found, Outcome.REFUSED, "undecidable", "it cannot be decided at present")


def _check_total(total: int, pointer: str) -> None:
    if total > BATCH_MAX:
        raise InvalidTaskError(
            f"{total:,} tasks, and a batch changes at most {BATCH_MAX:,}",
            code="too_many",
            pointer=pointer,
            hint="choose fewer: narrow the filter, or send several batches",
        )
