"""Scheduled tasks as a store keeps them: what is due, the one hard step, and changes by people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from domain.scheduling.change import Change
from domain.scheduling.firing import Firing
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.mutation import Mutation
from domain.scheduling.sharing import Share
from domain.scheduling.task import Quarantine, ScheduledTask

PAYLOAD_LEFT_OUT = ""
"""The `payload_json` of a definition that was read without it; the text of no JSON value."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A task whose row cannot be read: which, as of which version, and why."""

    task_id: TaskId
    error: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be committed for one task: a firing, or its quarantine because it can't be decided.

    `task` is as it was read; for an unreadable row only its id is known.
    """

    task: ScheduledTask | Unreadable
    verdict: Firing | Quarantine

    @property
    def task_id(self) -> TaskId:
        """Whose verdict it is."""
        return self.task.task_id if isinstance(self.task, Unreadable) else self.task.id


@dataclass(frozen=True, slots=True)
class Committed:
    """Recorded; these executions were created (some may be waiting)."""

    execution_ids: tuple[ExecutionId, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """Unchanged: the task is not as it was read. Somebody else came first; read and decide again."""


@dataclass(frozen=True, slots=True)
class TooEarly:
    """Unchanged: the store's clock has `by` to go before the instant the firing or change was decided at."""

    by: timedelta


CommitAnswer = Committed | Moved | TooEarly


@dataclass(frozen=True, slots=True)
class Applied:
    """Done; the task as it is now, and the execution a run created, the first if there are several."""

    task: ScheduledTask
    execution_id: ExecutionId | None = None


@dataclass(frozen=True, slots=True)
class NameTaken:
    """Unchanged: another task that is not deleted bears the name."""

    by: TaskId


@dataclass(frozen=True, slots=True)
class Replayed:
    """Unchanged: a change with this idempotency key was done before, with the same body, and led to this."""

    task_id: TaskId
    version: int
    execution_id: ExecutionId | None


@dataclass(frozen=True, slots=True)
class KeyReused:
    """Unchanged: the idempotency key belongs to a change with another body."""

    change: Change


MutateAnswer = Applied | Moved | TooEarly | NameTaken | Replayed | KeyReused


def loses_payload(mutation: Mutation) -> bool:
    """True if the mutation would store a definition that was read without its payload."""
    before, after = mutation.before, mutation.after
    if after.definition.payload_json != PAYLOAD_LEFT_OUT:
        return False
    return before is None or before.definition != after.definition


class Place(NamedTuple):
    """Where a task stands in the order in which tasks are due."""

    look_at: datetime
    task_id: TaskId


class TaskReads(Protocol):
    """Single tasks, as people ask for them. Raises StoreUnavailableError."""

    async def get(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """Return the task; None if there is none or it is deleted."""

    async def deleted(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """Return the task if it is deleted and still kept; None if it is not deleted, or there is none."""

    async def find(self, name: str) -> ScheduledTask | Unreadable | None:
        """Return the task of this name that is not deleted, or None."""


class TaskStore(TaskReads, Protocol):
    """Scheduled tasks. Each method is one atomic step per item: whole or not at all, also when cancelled.

    Every method raises StoreUnavailableError when the backend does not answer; the call may be repeated, since no
    step can be done twice. Tasks come with their open executions, read in one snapshot or the task first.
    """

    async def due(
        self, share: Share, *, until: datetime, limit: int, after: Place | None = None
    ) -> Sequence[ScheduledTask | Unreadable]:
        """Return at most `limit` tasks with `look_at <= until`, earliest first, those of one instant by id.

        `after` goes on behind a place of the index, whether or not something is still there.

        That is: active ones whose next run instant has come, paused ones whose pause has ended, quarantined ones to
        be tried again. They lie in `share`, or are 500 ms late by the store's clock, whoever asks. Deleted ones never.

        Deciding looks at no payload, and there may be thousands of large ones: `payload_json` is PAYLOAD_LEFT_OUT.
        Such a task is good for firings and for mutations that leave its definition alone; `mutate` asserts that it
        is never asked to store a definition without its payload.
        """

    async def next_look_at(self, share: Share) -> datetime | None:
        """Return the earliest `look_at` of the tasks in `share`; None if none of them waits for anything."""

    async def scan(self, *, after: TaskId | None, limit: int) -> Sequence[ScheduledTask | Unreadable]:
        """Return at most `limit` tasks not deleted with an id above `after`, by id: a slice of all of them."""

    async def commit_firings(self, decisions: Sequence[Decision]) -> Sequence[CommitAnswer]:
        """Record each firing, make its executions claimable and advance its task, if the task is as it was read.

        As it was read: active, not deleted, same version, same `decided_until` and, unless its overlap is allow,
        same `open_seq`; and the store's clock is before the firing's `good_until`. Answers in order, independent of
        each other: Committed; Moved; TooEarly, also for a firing that only passes over. What has moved is answered
        Moved whether or not it is too early as well. A quarantine is committed if the version and `decided_until`
        are as read (for an unreadable row: if there is such a row), unless the task is completed, failed or deleted.
        """

    async def mutate(self, mutations: Sequence[Mutation]) -> Sequence[MutateAnswer]:
        """Carry out each change with its audit record, version and idempotency record, in order.

        Judged first by the idempotency key, then by `Mutation.holds_for`, by the store's clock (Moved from `good_until`
        on; TooEarly if `change.at` lies ahead of it: ask the clock again, and decide again), then by the name. If one
        of the executions to be run has the task, kind and key of one that is there, that is answered Replayed too,
        under a new idempotency key or none: the key of an execution outlives that of the change that asked for it. A
        task that cannot be read is answered Moved. Answers in order and independent of each other; nothing of a
        mutation not Applied is stored.
        """

    async def replay(self, idempotency_key: str, body_hash: str) -> Replayed | KeyReused | None:
        """Return what `mutate` would answer for this key alone; None if the key is new."""

    async def tzdata(self) -> str | None:
        """Return the version of the time zone data that all next occurrences were last compared with; None: none."""

    async def keep_tzdata(self, version: str) -> None:
        """Keep this version, for `tzdata` to return, in place of the one before."""
