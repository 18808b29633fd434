"""What `History` and `Figures` tell of many tasks: searched and sorted in the mirror, read from the store."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import nsmallest
from operator import attrgetter
from typing import Any

from adapters.records.packing import UNREADABLE, packed, unpack_policy, unpack_schedule
from adapters.records.pages import Paging
from adapters.redis.mirror import Mirror
from adapters.redis.mirrored import NO_FACE, MirroredTask
from adapters.redis.reading import tasks_by_id, tasks_of
from adapters.redis.script import script
from adapters.redis.server import Server
from application.scheduling.ports.figures import ComingTask
from application.scheduling.ports.history import AskedHandler, TaskFilter, TaskOrder, TaskPage, TaskSlice
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import MICROSECOND, TaskId, instant_of, microseconds
from domain.scheduling.task import ScheduledTask, TaskStatus
from domain.scheduling.timeline import Occurrence, Timeline

_MINUTE = timedelta(minutes=1) // MICROSECOND
_PLACES: Mapping[TaskOrder, Callable[[MirroredTask], tuple[Any, str]]] = {
    TaskOrder.NAME: attrgetter("face.sort_name", "id"),
    TaskOrder.NEXT_RUN_AT: attrgetter("next_run_at", "id"),
    TaskOrder.LAST_RUN_AT: attrgetter("last_run_at", "id"),
    TaskOrder.CREATED_AT: attrgetter("created_at", "id"),
    TaskOrder.UPDATED_AT: attrgetter("updated_at", "id"),
}


class TaskLists:
    """The lists of one store."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._mirror = Mirror(server)

    async def tasks(
        self, which: TaskFilter, *, order: TaskOrder, descending: bool, limit: int, cursor: str | None
    ) -> TaskPage:
        """See `History`. The page is cut as of the mirror, and its tasks are read a moment later."""
        matching = _matching(await self._mirror.tasks(), which)
        rows = [task for task in matching if which.status in (None, task.status)]
        by_status = Counter(map(attrgetter("status"), matching))
        paging = Paging(f"tasks by {order}", str if order is TaskOrder.NAME else int, _PLACES[order], descending)
        page, next_cursor = paging.cut(rows, limit, cursor)
        tasks = [task for task in await self._read(page) if (task.deleted_at is not None) == which.deleted]
        return TaskPage(tuple(tasks), len(rows), _by_status(by_status), next_cursor)

    async def tasks_by_name(self, *, after: str | None, limit: int) -> TaskSlice:
        """See `History`. There is an index for this in the store, which needs no mirror."""
        reply = await self._server.call(script("named", only_reads=True), [after or "", limit])
        ids, opens, last = reply.answer
        found = tasks_of(reply, ids, opens, with_payload=True)
        return TaskSlice(tuple(task for task in found if isinstance(task, ScheduledTask)), last or None)

    async def upcoming(self, limit: int) -> Sequence[ScheduledTask]:
        """See `History`."""
        active = [
            task for task in await self._listed() if task.status == TaskStatus.ACTIVE and task.next_run_at is not None
        ]
        return await self._read(nsmallest(limit, active, key=_PLACES[TaskOrder.NEXT_RUN_AT]))

    async def counts(self) -> tuple[Mapping[TaskStatus, int], Mapping[str, int]]:
        """How many tasks there are, by status and by type."""
        living = [task for task in await self._mirror.tasks() if not task.is_deleted]
        by_status = Counter(map(attrgetter("status"), living))
        return _by_status(by_status), Counter(map(attrgetter("task_type"), living))

    async def quarantined(self) -> int:
        """How many living tasks are in quarantine."""
        return sum(task.is_quarantined and not task.is_deleted for task in await self._mirror.tasks())

    async def unserved(self, announced: Sequence[tuple[str, str | None]], *, limit: int) -> Sequence[AskedHandler]:
        """See `History`."""
        served = frozenset(announced)
        managed = (task for task in await self._listed() if task.face.is_managed)
        asked = Counter((task.task_type, task.face.handler_name) for task in managed)
        missing = ((-tasks, *pair) for pair, tasks in asked.items() if not served & {pair, (pair[0], None)})
        return [AskedHandler(task_type, name, -tasks) for tasks, task_type, name in nsmallest(limit, missing)]

    async def coming(self, *, until: datetime, limit: int) -> Sequence[ComingTask]:
        """See `Figures`."""
        end = microseconds(until)
        soon = [task for run_at, task in _next_runs(await self._listed()) if run_at < end]
        first = nsmallest(limit, soon, key=_PLACES[TaskOrder.NEXT_RUN_AT])
        return [each for each in map(_coming, first) if each is not None]

    async def next_runs(self, *, since: datetime, until: datetime) -> Mapping[datetime, int]:
        """See `Figures`."""
        start, end = microseconds(since), microseconds(until)
        runs = (run_at for run_at, _ in _next_runs(await self._listed()) if start <= run_at < end)
        by_minute = Counter(run_at - run_at % _MINUTE for run_at in runs)
        return {instant_of(minute): count for minute, count in by_minute.items()}

    async def _listed(self) -> list[MirroredTask]:
        return _matching(await self._mirror.tasks(), TaskFilter())

    async def _read(self, tasks: Sequence[MirroredTask]) -> list[ScheduledTask]:
        found = await tasks_by_id(self._server, [TaskId(task.id) for task in tasks])
        return [task for task in found if isinstance(task, ScheduledTask)]


def _matching(tasks: Sequence[MirroredTask], which: TaskFilter) -> list[MirroredTask]:
    """Those that meet every condition but that on the status; one pass for each that is asked for."""
    found = [task for task in tasks if task.is_deleted == which.deleted and task.face is not NO_FACE]
    if which.ids is not None:
        found = [task for task in found if task.id in which.ids]
    if which.names is not None:
        found = [task for task in found if task.face.name in which.names]
    if which.task_type is not None:
        found = [task for task in found if task.task_type == which.task_type]
    if which.schedule_type is not None:
        found = [task for task in found if task.schedule_type == which.schedule_type]
    if which.failing:
        found = [task for task in found if task.error_count > 0 or task.last_state == ExecutionState.DEAD]
    if which.late_before is not None:
        end = microseconds(which.late_before)
        found = [task for task in found if task.look_at is not None and task.look_at < end]
    if which.tag is not None:
        # A quote cannot stand in a tag, so the quoted tag is found only as a whole.
        tag = packed(which.tag)
        found = [task for task in found if tag in task.face.tags]
    if which.text is not None:
        text = which.text.casefold()
        found = [task for task in found if text in task.face.search_text]
    return found


def _by_status(counts: Mapping[str, int]) -> Mapping[TaskStatus, int]:
    return {TaskStatus(status): count for status, count in counts.items()}


def _next_runs(tasks: Sequence[MirroredTask]) -> Iterator[tuple[int, MirroredTask]]:
    """The active, sound tasks that run again, each with the instant."""
    for task in tasks:
        if task.next_run_at is not None and task.status == TaskStatus.ACTIVE and not task.is_quarantined:
            yield task.next_run_at, task


def _coming(task: MirroredTask) -> ComingTask | None:
    """None: its definition cannot be read."""
    try:
        bounds = unpack_policy(task.face.policy)
        id_ = TaskId(task.id)
        timeline = Timeline.bounded(id_, unpack_schedule(task.face.schedule), bounds)
        next_ = Occurrence(instant_of(task.next_nominal_at or 0), instant_of(task.next_run_at or 0))
        left = bounds.runs_left(task.auto_runs)
        return ComingTask(id_, task.face.name, task.task_type, task.face.timezone, timeline, next_, left)
    except UNREADABLE:
        return None
