"""The answer to "why did it, or did it not, run?": stable codes, sentences, and the records they rest on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from application.scheduling.explanations.hold_times import HoldTime
from application.scheduling.explanations.words import Clockface
from application.scheduling.ports.records import ChangeRecord
from domain.scheduling.asked_time import Span
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import Skip


class Code(StrEnum):
    """What became of an occurrence, or why there is none."""

    WAITING = "waiting"
    PENDING = "pending"
    RUNNING = "running"
    RETRY_WAIT = "retry_wait"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"
    DELIVERED = "delivered"

    SKIPPED_GRACE = "skipped_grace"
    SKIPPED_MISFIRE = "skipped_misfire"
    SKIPPED_OVERLAP = "skipped_overlap"
    SKIPPED_EDITED = "skipped_edited"
    SKIPPED_DELETED = "skipped_deleted"
    SKIPPED_PAUSED = "skipped_paused"
    SKIPPED_FAILED = "skipped_failed"

    NOT_DUE = "not_due"
    OUT_OF_BOUNDS = "out_of_bounds"
    MAX_RUNS = "max_runs"
    BEFORE_CREATION = "before_creation"

    UPCOMING = "upcoming"
    OVERDUE = "overdue"
    PAUSED = "paused"
    FAILED = "failed"
    COMPLETED = "completed"
    DELETED = "deleted"
    QUARANTINED = "quarantined"
    UNREADABLE = "unreadable"

    OLDER_THAN_RECORDS = "older_than_records"
    NO_RECORD = "no_record"
    SEVERAL = "several"

    @property
    def is_nothing(self) -> bool:
        """True if it says that there was no occurrence: beside something that ran, it is a remark."""
        return self in (Code.NOT_DUE, Code.OUT_OF_BOUNDS, Code.BEFORE_CREATION, Code.DELETED)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the records say. `sentences` begin with the gist; `reason` is a finer code, where there is one.

    `at` is the nominal instant it is about, or the first of them (None: no single one). `skip` is as recorded, `holds`
    are when all firing was held, as far as that was in its way. `count` is how many occurrences of the time it speaks
    for, or, if `at_least`, of how many that is known.
    """

    code: Code
    sentences: tuple[str, ...]
    at: datetime | None = None
    reason: str | None = None
    executions: tuple[Execution, ...] = ()
    skip: Skip | None = None
    changes: tuple[ChangeRecord, ...] = ()
    holds: tuple[HoldTime, ...] = ()
    count: int = 1
    at_least: bool = False

    def adding(self, *sentences: str) -> "Finding":
        """The finding with more to say; an empty sentence says nothing."""
        return replace(self, sentences=(*self.sentences, *(each for each in sentences if each)))


class Remark(StrEnum):
    """What is peculiar about the time that was asked about, or about the answer."""

    GAP = "gap"
    FOLD = "fold"
    NAMESAKE = "namesake"
    ZONE_UNKNOWN = "zone_unknown"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The decision next to what was asked about: an execution, a Skip, or an occurrence still to come."""

    at: datetime
    code: Code
    sentence: str
    execution_id: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is answered. `findings`, in order, are about the time itself; `also` ran meanwhile.

    `records_since`: everything about the task from then on is on record.
    """

    task_id: TaskId
    task_name: str
    asked: str
    timezone: str
    spans: tuple[Span, ...]
    now: datetime
    records_since: datetime
    code: Code
    summary: str
    findings: tuple[Finding, ...]
    remarks: Mapping[Remark, str]
    also: tuple[Finding, ...] = ()
    before: Neighbour | None = None
    after: Neighbour | None = None

    @property
    def reach(self) -> str:
        """Since when everything is on record, as a sentence."""
        return f"Everything since {Clockface(self.timezone).at(self.records_since)} is on record."
