"""`Figures` in SQL."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, bindparam, func, select

from adapters.records.packing import UNREADABLE, Row, at, at_or_none, unpack_policy, unpack_schedule
from adapters.sql.engine import Database
from adapters.sql.store.batches import ROWS
from adapters.sql.store.dialect import Dialect, prepared
from adapters.sql.store.execution_lists import IS_NOT_REDRIVEN
from adapters.sql.store.finishes import FinishedHours
from adapters.sql.store.open_work import TASKS_WITH_DEFINITIONS
from adapters.sql.store.tables import (
    IS_CLAIMABLE,
    IS_DEAD,
    IS_FINAL,
    IS_SUSPECT,
    IS_UNKNOWN,
    Whole,
    definitions,
    executions,
    tasks,
)
from application.scheduling.ports.figures import COUNT_MAX, Backlog, ComingTask, HourFigures, Load, PastRun, TypeFigures
from domain.scheduling.durations import NO_STEP, Durations
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import MICROSECOND, TaskId, instant_of, microseconds
from domain.scheduling.task import TaskStatus
from domain.scheduling.timeline import Occurrence, Timeline

_MINUTE = timedelta(minutes=1) // MICROSECOND
_STATES = {str(each): each for each in ExecutionState}
_RUN_COLUMNS = (
    executions.c.task_id,
    executions.c.id,
    executions.c.state,
    executions.c.started_at,
    executions.c.finished_at,
)
_COMING_COLUMNS = (
    tasks.c.id,
    tasks.c.name,
    tasks.c.task_type,
    definitions.c.timezone,
    definitions.c.schedule,
    definitions.c.policy,
    tasks.c.next_nominal_at,
    tasks.c.next_run_at,
    tasks.c.auto_runs,
)
# A sound active task is looked at when it runs next, and that has an index.
_RUNS_NEXT = tasks.c.status == TaskStatus.ACTIVE, tasks.c.quarantine.is_(None)


class FigureQueries:
    """The SELECTs, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        since, until = bindparam("since", type_=Whole), bindparam("until", type_=Whole)
        limit = bindparam("limit", type_=Whole)
        dead = select(executions.c.id).where(IS_DEAD, IS_NOT_REDRIVEN).limit(COUNT_MAX)
        self.dead_letters = select(func.count()).select_from(dead.subquery())
        unhandled = select(executions.c.id).where(IS_UNKNOWN).limit(COUNT_MAX)
        self.unhandled = select(func.count()).select_from(unhandled.subquery())
        oldest = select(func.min(executions.c.available_at))
        # What was put back has another available_at each time; each of the three is the head of an index.
        put_back = select(func.min(executions.c.unknown_since)).where(IS_UNKNOWN)
        self.oldest_pending = [oldest.where(IS_CLAIMABLE), oldest.where(IS_SUSPECT), put_back]
        pending = select(executions.c.task_type, func.count()).group_by(executions.c.task_type)
        self.pending = [pending.where(IS_CLAIMABLE), pending.where(IS_SUSPECT)]
        self.quarantined = select(func.count()).where(tasks.c.quarantine.is_not(None), tasks.c.deleted_at.is_(None))
        self.past_runs = dialect.query(_past_runs(dialect))
        coming = select(*_COMING_COLUMNS).select_from(TASKS_WITH_DEFINITIONS)
        coming = coming.where(*_RUNS_NEXT, tasks.c.look_at < until)
        self.coming = dialect.query(coming.order_by(tasks.c.look_at, tasks.c.id).limit(limit))
        minute = tasks.c.look_at - tasks.c.look_at % _MINUTE
        within = tasks.c.look_at >= since, tasks.c.look_at < until
        self.next_runs = dialect.query(select(minute, func.count()).where(*_RUNS_NEXT, *within).group_by(minute))
        self.hours = FinishedHours(dialect)


class SqlFigures:
    """`Figures` in one SQL database."""

    def __init__(self, database: Database, dialect: Dialect) -> None:
        self._database = database
        self._dialect = dialect
        self._queries = prepared(FigureQueries, dialect)

    async def backlog(self) -> Backlog:
        """See the port."""
        async with self._database.browsing("backlog") as connection:
            dead_letters = (await connection.execute(self._queries.dead_letters)).scalar_one()
            oldest = [(await connection.execute(each)).scalar_one() for each in self._queries.oldest_pending]
        return Backlog(dead_letters, at_or_none(min((each for each in oldest if each is not None), default=None)))

    async def load(self) -> Load:
        """See the port."""
        pending: Counter[str] = Counter()
        async with self._database.browsing("load") as connection:
            for each in self._queries.pending:
                pending.update(dict([tuple(row) for row in await connection.execute(each)]))
            quarantined = (await connection.execute(self._queries.quarantined)).scalar_one()
        return Load(pending, quarantined)

    async def unhandled(self) -> int:
        """See the port."""
        async with self._database.browsing("unhandled") as connection:
            return int((await connection.execute(self._queries.unhandled)).scalar_one())

    async def past_runs(self, task_ids: Sequence[TaskId], *, limit: int) -> Mapping[TaskId, Sequence[PastRun]]:
        """See the port."""
        runs: dict[TaskId, list[PastRun]] = {task_id: [] for task_id in task_ids}
        asked = self._dialect.pack([(each,) for each in runs])
        async with self._database.browsing("past_runs") as connection:
            rows = await self._queries.past_runs.rows(connection, **{ROWS: asked}, newer=limit - 1)
        for task_id, id_, state, started_at, finished_at in rows:
            runs[task_id].append(PastRun(id_, _STATES[state], at_or_none(started_at), instant_of(finished_at)))
        return runs

    async def coming(self, *, until: datetime, limit: int) -> Sequence[ComingTask]:
        """See the port."""
        async with self._database.browsing("coming") as connection:
            rows = await self._queries.coming.rows(connection, until=microseconds(until), limit=limit)
        return [each for each in map(_coming, rows) if each is not None]

    async def next_runs(self, *, since: datetime, until: datetime) -> Mapping[datetime, int]:
        """See the port."""
        async with self._database.browsing("next_runs") as connection:
            rows = await self._queries.next_runs.rows(connection, since=microseconds(since), until=microseconds(until))
        return {instant_of(minute): count for minute, count in rows}

    async def hours(self, *, since: datetime, until: datetime, task_type: str | None = None) -> Sequence[HourFigures]:
        """See the port."""
        by_hour: defaultdict[int, Counter[ExecutionState]] = defaultdict(Counter)
        async with self._database.browsing("hours") as connection:
            rows = await self._queries.hours.by_hour(connection, microseconds(since), microseconds(until), task_type)
        for hour, state, count in rows:
            by_hour[hour][_STATES[state]] += count
        return [HourFigures(instant_of(hour), by_state) for hour, by_state in by_hour.items()]

    async def types(self, *, since: datetime, until: datetime) -> Sequence[TypeFigures]:
        """See the port."""
        states: defaultdict[str, Counter[ExecutionState]] = defaultdict(Counter)
        steps: defaultdict[str, Counter[int]] = defaultdict(Counter)
        async with self._database.browsing("types") as connection:
            rows = await self._queries.hours.by_type(connection, microseconds(since), microseconds(until))
        for task_type, state, step, count in rows:
            states[task_type][_STATES[state]] += count
            if step != NO_STEP:
                steps[task_type][step] += count
        return [TypeFigures(name, by_state, Durations(steps[name])) for name, by_state in states.items()]


def _past_runs(dialect: Dialect) -> Select[tuple[object, ...]]:
    """The last executions of each task, read off the index of its history from the oldest of them on."""
    asked, ended = dialect.given((tasks.c.id,), ROWS), executions.alias("ended")
    of_task = select(ended.c.id).where(ended.c.task_id == asked.c.id, IS_FINAL).order_by(ended.c.id.desc())
    oldest = of_task.limit(1).offset(bindparam("newer", type_=Whole)).correlate(asked).scalar_subquery()
    is_among_last = executions.c.id >= func.coalesce(oldest, "")
    last = asked.join(executions, and_(executions.c.task_id == asked.c.id, IS_FINAL, is_among_last))
    return select(*_RUN_COLUMNS).select_from(last).order_by(executions.c.id)


def _coming(row: Row) -> ComingTask | None:
    """The task of a row of _COMING_COLUMNS; None: it cannot be read."""
    id_, name, task_type, timezone, schedule, policy, nominal_at, run_at, auto_runs = row
    try:
        bounds = unpack_policy(policy)
        timeline = Timeline.bounded(id_, unpack_schedule(schedule), bounds)
        next_ = Occurrence(at(nominal_at), at(run_at))
        return ComingTask(id_, name, task_type, timezone, timeline, next_, bounds.runs_left(auto_runs))
    except UNREADABLE:
        return None
