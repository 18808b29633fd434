"""What is to be run and when: a definition people edit, and the state firing and settling move on."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from domain.errors import InvalidTaskError
from domain.scheduling.execution import ExecutionKind, ExecutionState
from domain.scheduling.identifiers import MICROSECOND, ExecutionId, TaskId, bucket_of
from domain.scheduling.names import told, unseen_in
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.schedule import Schedule
from domain.scheduling.timeline import Occurrence, Timeline

NAME_MAX = 200
DESCRIPTION_MAX = 2_000
TAGS_MAX = 20
PAYLOAD_BYTES_MAX = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
# What no store can keep: PostgreSQL refuses the first, UTF-8 the others.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class TaskStatus(StrEnum):
    """What a task does at its next occurrence: only an active one runs."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"


class Delivery(StrEnum):
    """Who runs the executions: our workers, or a foreign program that reads the stream."""

    MANAGED = "managed"
    EXTERNAL = "external"


class PauseMode(StrEnum):
    """What becomes of open work: it ends by itself, or now."""

    DRAIN = "drain"
    NOW = "now"


class SkipReason(StrEnum):
    """Why occurrences were passed over."""

    GRACE = "grace"
    MISFIRE = "misfire"
    OVERLAP = "overlap"
    EDITED = "edited"
    DELETED = "deleted"
    PAUSED = "paused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Skip:
    """Occurrences passed over, first and last nominal instant included; `at_least` says that counting stopped."""

    reason: SkipReason
    first_at: datetime
    last_at: datetime
    count: int
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a task is paused, by whom, since when, and when it ends by itself (None: when somebody resumes it)."""

    reason: str
    actor: str
    at: datetime
    until: datetime | None = None
    mode: PauseMode = PauseMode.DRAIN


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A task that cannot be decided, why, and when it is looked at again."""

    error: str
    look_at: datetime


@dataclass(frozen=True, slots=True, order=True)
class OpenExecution:
    """What deciding needs to know of an execution that is not final; in order of their ids."""

    id: ExecutionId
    kind: ExecutionKind
    state: ExecutionState


@dataclass(frozen=True, slots=True)
class Definition:
    """What people say of a task; every version of it is kept with the change that made it.

    `schedule_text` is the schedule as it was written and `payload_json` the text of a JSON object, both untouched.
    `handler` names what runs; None means that `name` does.
    """

    name: str
    task_type: str
    schedule: Schedule
    schedule_text: str
    timezone: str = "UTC"
    payload_json: str = "{}"
    policy: ExecutionPolicy = field(default_factory=ExecutionPolicy)
    handler: str | None = None
    tags: tuple[str, ...] = ()
    description: str = ""
    delivery: Delivery = Delivery.MANAGED

    def check(self) -> None:
        """Raise InvalidTaskError for the first field outside its limits. Stores need not: they keep what passed."""
        if not 1 <= len(self.name) <= NAME_MAX or self.name != self.name.strip():
            raise _invalid("/name", f"a name has 1 to {NAME_MAX} characters and no blanks at its ends")
        _check_seen("/name", self.name, "a name has printable characters only")
        check_identifier("/task_type", self.task_type)
        if self.handler is not None:
            says = f"a handler's name has 1 to {NAME_MAX} printable characters"
            if not 1 <= len(self.handler) <= NAME_MAX:
                raise _invalid("/handler", says)
            _check_seen("/handler", self.handler, says)
        if len(self.description) > DESCRIPTION_MAX:
            raise _invalid("/description", f"at most {DESCRIPTION_MAX} characters")
        for pointer, text in (("/description", self.description), ("/payload", self.payload_json)):
            if found := _UNSTORABLE.search(text):
                raise _invalid(pointer, "not a character of any text", position=found.start())
        if len(self.tags) > TAGS_MAX or len(set(self.tags)) != len(self.tags):
            raise _invalid("/tags", f"at most {TAGS_MAX} different tags")
        for index, tag in enumerate(self.tags):
            check_identifier(f"/tags/{index}", tag)
        if len(self.payload_json.encode()) > PAYLOAD_BYTES_MAX:
            raise _invalid("/payload", f"a payload has at most {PAYLOAD_BYTES_MAX:,} bytes of JSON", code="too_large")

    @property
    def handler_name(self) -> str:
        """The name under which workers look up what to run."""
        return self.handler or self.name


@dataclass(frozen=True, slots=True)
class ScheduledTask:
    """A task as a store keeps it, with its open executions, read in one snapshot.

    `decided_until` is the watermark: every occurrence up to it has run or lies in a Skip, and it never goes back.
    `version` moves with every change by people, `open_seq` whenever an execution is created or becomes final.
    `error_count` counts the executions that died since the last success, `last_state` is how the last one ended;
    `auto_runs` counts those that count for `max_runs`; `trailing_skip` is the last Skip if no occurrence has run after
    it.
    """

    id: TaskId
    definition: Definition
    status: TaskStatus
    version: int
    created_at: datetime
    updated_at: datetime
    decided_until: datetime
    next_occurrence: Occurrence | None
    open: tuple[OpenExecution, ...] = ()
    open_seq: int = 0
    auto_runs: int = 0
    run_count: int = 0
    error_count: int = 0
    last_run_at: datetime | None = None
    last_error: str | None = None
    last_state: ExecutionState | None = None
    trailing_skip: Skip | None = None
    pause: Pause | None = None
    quarantine: Quarantine | None = None
    deleted_at: datetime | None = None

    @property
    def bucket(self) -> int:
        """The bucket by which schedulers share tasks."""
        return bucket_of(self.id)

    @property
    def timeline(self) -> Timeline:
        """Its occurrences, `max_runs` aside."""
        return Timeline.bounded(self.id, self.definition.schedule, self.definition.policy)

    @property
    def runs_left(self) -> int | None:
        """How many automatic executions `max_runs` still allows; None: any number."""
        return self.definition.policy.runs_left(self.auto_runs)

    @property
    def look_at(self) -> datetime | None:
        """The instant at which a scheduler has something to do for it; None: never by itself."""
        if self.deleted_at is not None or self.status in (TaskStatus.COMPLETED, TaskStatus.FAILED):
            return None
        if self.quarantine is not None:
            return self.quarantine.look_at
        if self.status is TaskStatus.PAUSED:
            return self.pause.until if self.pause else None
        return self.next_occurrence.run_at if self.next_occurrence else None

    def occurrence_after(self, instant: datetime) -> Occurrence | None:
        """The first occurrence after `instant` that `max_runs` leaves room for."""
        return None if self.runs_left == 0 else self.timeline.after(instant)

    def decidable_until(self, now: datetime) -> datetime:
        """`now`, or just before the newest occurrence if that still waits for its jitter."""
        if not self.definition.policy.jitter:
            return now
        newest = self.timeline.newest(after=self.decided_until, until=now)
        return now if newest is None or newest.run_at <= now else newest.nominal_at - MICROSECOND

    def with_open(self, *executions: OpenExecution) -> "ScheduledTask":
        """The task with these open executions and no others."""
        return self if executions == self.open else replace(self, open=executions)


def check_identifier(pointer: str, text: str) -> None:
    """Raise InvalidTaskError (`bad_identifier`) for what can be neither a task type nor a tag."""
    if not _NAME.fullmatch(text):
        raise _invalid(pointer, "1 to 64 letters, digits, dots, underscores or hyphens", code="bad_identifier")


def _check_seen(pointer: str, text: str, rule: str) -> None:
    if (place := unseen_in(text)) is not None:
        hint = f"{told(text[place])} cannot be seen, or is taken for a blank"
        raise InvalidTaskError(rule, code="out_of_range", pointer=pointer, position=place, hint=hint)


def _invalid(pointer: str, detail: str, *, code: str = "out_of_range", position: int | None = None) -> InvalidTaskError:
    return InvalidTaskError(detail, code=code, pointer=pointer, position=position)
