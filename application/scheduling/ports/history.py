"""Reading what is and what was: lists, records, counts. Nothing here changes anything but `prune`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from application.scheduling.ports.records import (
    ChangeRecord,
    Evidence,
    ExecutionRecord,
    ExecutionSummary,
    VersionRecord,
)
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.schedule import ScheduleType
from domain.scheduling.task import ScheduledTask, Skip, TaskStatus

IDS_MAX = 200
"""How many tasks or executions a filter may name."""


class TaskOrder(StrEnum):
    """By what a list of tasks is sorted; the id breaks ties. Tasks without a next run come last either way.

    Names are sorted as if their letters of ASCII were small, and by code points beyond that.
    """

    NAME = "name"
    NEXT_RUN_AT = "next_run_at"
    LAST_RUN_AT = "last_run_at"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks: each condition that is not None must hold.

    `text` is looked for in name, description and handler, without regard to case; there are no wildcards. `deleted`
    asks for the tasks that are deleted and still kept, instead of the living ones. `failing` asks for those whose last
    execution died, or that have had no success since one did; `late_before` for those that were to be looked at before
    that instant. `ids` and `names` are those of some tasks, IDS_MAX of each at most.
    """

    text: str | None = None
    status: TaskStatus | None = None
    schedule_type: ScheduleType | None = None
    task_type: str | None = None
    tag: str | None = None
    deleted: bool = False
    failing: bool = False
    late_before: datetime | None = None
    ids: frozenset[TaskId] | None = None
    names: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A page of tasks; `total` and `by_status` count all that match (`by_status` whatever the status asked for).

    `next_cursor` is opaque; None: this is the last page.
    """

    tasks: tuple[ScheduledTask, ...]
    total: int
    by_status: Mapping[TaskStatus, int]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class TaskSlice:
    """Some of all tasks, by the code points of their names; `after` is the last name, None: nothing is behind it."""

    tasks: tuple[ScheduledTask, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Which executions: of a task, in these states (empty: any), of the backfill that was asked for under this name.

    `since`, included, and `until`, excluded, bound the instant they are listed by: that of the occurrence, or of the
    asking for a run by hand. `ids` are those of some executions, IDS_MAX at most.
    """

    task_id: TaskId | None = None
    states: frozenset[ExecutionState] = frozenset()
    backfill: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: frozenset[ExecutionId] | None = None


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """A page of executions, newest first; `next_cursor` None: this is the last page."""

    executions: tuple[ExecutionSummary, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which changes: each condition that is not None must hold; `since` <= instant < `until`."""

    actor: str | None = None
    action: ChangeAction | None = None
    task_id: TaskId | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A change in the list of all, with the name its task has now ("" if the task is gone)."""

    record: ChangeRecord
    task_name: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of changes, newest first; `next_cursor` None: this is the last page."""

    entries: tuple[AuditEntry, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AskedHandler:
    """A handler that so many living tasks ask for."""

    task_type: str
    name: str
    tasks: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many: tasks by status and by type, executions by state; `finished_24h` counts ends since a day ago."""

    tasks_by_status: Mapping[TaskStatus, int]
    tasks_by_type: Mapping[str, int]
    open_by_state: Mapping[ExecutionState, int]
    finished_24h: Mapping[ExecutionState, int]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long records are kept; open executions always are, and changes by idempotency key of the system.

    A definition is kept for `changes` after another took its place, and for as long as an execution refers to it;
    records of access are kept as long as changes. `hours` is for the hourly figures.
    """

    executions: timedelta = timedelta(days=14)
    changes: timedelta = timedelta(days=365)
    deleted_tasks: timedelta = timedelta(days=30)
    hours: timedelta = timedelta(days=365)


class History(Protocol):
    """What is and what was. Reads see committed state; raises StoreUnavailableError like the other ports.

    A cursor that was not made by this port raises DomainError (`bad_cursor`). Records that cannot be read are left
    out of lists and counts.
    """

    async def tasks(
        self, which: TaskFilter, *, order: TaskOrder, descending: bool, limit: int, cursor: str | None
    ) -> TaskPage:
        """Return a page of the tasks that match."""

    async def tasks_by_name(self, *, after: str | None, limit: int) -> TaskSlice:
        """Return the tasks not deleted whose names come behind `after`, at most `limit` of them; nothing is counted."""

    async def upcoming(self, limit: int) -> Sequence[ScheduledTask]:
        """Return the active tasks whose next runs come first."""

    async def executions(self, which: ExecutionFilter, *, limit: int, cursor: str | None) -> ExecutionPage:
        """Return a page of executions, newest first: by id, which begins with the instant of the occurrence.

        A retry or a late start keeps its place; a run asked for by hand has that of its asking.
        """

    async def execution(self, execution_id: ExecutionId) -> ExecutionRecord | None:
        """Return all that is kept of one execution; None if there is none or it cannot be read."""

    async def skips(self, task_id: TaskId, *, limit: int, until: datetime | None = None) -> Sequence[Skip]:
        """Return the last Skips of a task, of those that begin before `until` if one is given, newest first."""

    async def changes(self, task_id: TaskId, *, limit: int) -> Sequence[ChangeRecord]:
        """Return the last changes of a task, newest first; they outlive the task, by their own retention."""

    async def audit(self, which: AuditFilter, *, limit: int, cursor: str | None) -> AuditPage:
        """Return a page of the changes of all tasks, deleted ones and those that are gone included.

        Newest first means by the order in which they were recorded, whatever the clock said.
        """

    async def unserved(self, announced: Sequence[tuple[str, str | None]], *, limit: int) -> Sequence[AskedHandler]:
        """Return the handlers that living tasks ask for and that are not announced, most tasks first.

        `announced` are pairs of a task type and a handler's name; None: every name of that type. Tasks whose delivery
        is external ask for none.
        """

    async def evidence(self, task_id: TaskId, *, since: datetime, until: datetime) -> Evidence | None:
        """Return what is on record about a task around [since, until), as one snapshot; None: there is no such task.

        Executions: all that are open; those named for an instant of the span, and those that made up for it later
        (backfills); of the last EVIDENCE_MAX named for an instant before, those that had not ended by its beginning;
        the nearest automatic one on either side; those named for an instant behind the span, up to the run instant of
        the nearest automatic one that has ended; those that took the place of any of these (redrives). Skips: those
        that begin in the span, and the nearest on either side. Changes: those of these executions (EXECUTION_ACTIONS),
        and all others. Versions: all that are kept, their `payload_json` PAYLOAD_LEFT_OUT. Of each kind there are
        EVIDENCE_MAX: the first of the span, the first behind it, the last changes and versions. What cannot be read is
        left out, but for the task: that is answered Unreadable.
        """

    async def versions(self, task_id: TaskId, *, limit: int) -> Sequence[VersionRecord]:
        """Return the last versions of a task, newest first; they outlive the task, by the retention of changes."""

    async def version(self, task_id: TaskId, version: int) -> VersionRecord | None:
        """Return one version of a task; None if there is none, or it is not kept, or it cannot be read."""

    async def counts(self) -> Counts:
        """Return the figures for the statistics, as of the store's clock."""

    async def task_count(self) -> int:
        """Return how many tasks there are that are not deleted, readable or not; cheap however many they are."""

    async def prune(self, retention: Retention, *, limit: int) -> int:
        """Forget at most `limit` records of each kind older than `retention` allows; return how many in all.

        The kinds are executions (attempts and log lines go with them and do not count), Skips, changes, records of
        access (from the beginning of their chain on, as far as they are old without a gap) and deleted tasks;
        definitions go when nothing needs them any more and hourly figures in their time; neither counts. No step
        of it keeps writers waiting for long, however much belongs to a record; all of it may take seconds. Cut short,
        it may leave an old execution without some of its attempts and lines.
        """
