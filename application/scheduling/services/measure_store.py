"""Reading the figures of a whole store for those who watch over it: never often, however often they ask."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import PortError
from application.scheduling.ports.figures import Figures
from application.scheduling.ports.history import Counts, History
from application.scheduling.ports.hold import Holds
from application.scheduling.ports.membership import Member, Membership
from application.scheduling.ports.metrics import (
    BACKLOG,
    DEAD_LETTERS,
    DUE_LAG,
    FIRING_HELD,
    MEMBERS,
    OLDEST_PENDING,
    OPEN,
    OTHER_TYPES,
    OUTBOX,
    OUTBOX_AGE,
    QUARANTINED,
    STORE_UP,
    TASKS,
    TYPES_MAX,
    UNSERVED,
    WORKER_SLOTS,
    Labels,
    Readings,
)
from application.scheduling.ports.outbox import Outbox
from application.scheduling.ports.task_store import TaskStore
from domain.scheduling.execution import ExecutionState
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import TaskStatus

FRESH_FOR = timedelta(seconds=3)
# Reading takes a twentieth of the time at most, whatever the size of the store.
REST = 20
ANSWER_WITHIN = timedelta(seconds=8)
OPEN_STATES = (ExecutionState.WAITING, ExecutionState.PENDING, ExecutionState.RUNNING, ExecutionState.RETRY_WAIT)
ROLES = ("scheduler", "worker", "admin")


@dataclass(slots=True)
class MeasureStore:
    """Keeps what it has read for FRESH_FOR, or REST times as long as the reading took; no answer, for FRESH_FOR."""

    tasks: TaskStore
    history: History
    figures: Figures
    membership: Membership
    holds: Holds
    clock: Clock
    outbox: Outbox | None = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _readings: Readings = field(default_factory=dict)
    _fresh_until: float = 0.0

    async def readings(self) -> Readings:
        """How things stand; of a store that does not answer only that, and not for how long that is so."""
        async with self._reading:
            asked = self.clock.monotonic()
            if asked >= self._fresh_until:
                self._readings = await self._read_in_time()
                answered = self.clock.monotonic()
                # A store that is back must not be told to be away for the minutes that a long wait would make of it.
                rest = REST * (answered - asked) if self._readings[STORE_UP][()] else 0.0
                self._fresh_until = answered + max(FRESH_FOR.total_seconds(), rest)
            return self._readings

    async def _read_in_time(self) -> Readings:
        try:
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                return {STORE_UP: {(): 1}, **await self._read()}
        except (PortError, TimeoutError):
            return {STORE_UP: {(): 0}}

    async def _read(self) -> Readings:
        members, load = await self.membership.members(), await self.figures.load()
        backlog, counts = await self.figures.backlog(), await self.history.counts()
        due_at, now = await self.tasks.next_look_at(EVERYTHING), self.clock.now()
        served = {spec.task_type for member in members if member.concurrency for spec in member.handlers}
        unserved = {each: count for each, count in load.pending.items() if each not in served}
        return {
            **_of_counts(counts),
            **_of_members(members),
            QUARANTINED: {(): load.quarantined},
            FIRING_HELD: {(): await self.holds.current() is not None},
            DUE_LAG: {(): _since(due_at, now)},
            # A type of which nothing waits is told as well: whoever starts workers by this must see it fall to 0.
            BACKLOG: _by_type({**dict.fromkeys(counts.tasks_by_type, 0), **load.pending}),
            UNSERVED: _by_type(unserved),
            OLDEST_PENDING: {(): _since(backlog.oldest_pending_at, now)},
            DEAD_LETTERS: {(): backlog.dead_letters},
            **(await _of_outbox(self.outbox, now) if self.outbox else {}),
        }


def _of_counts(counts: Counts) -> Readings:
    return {
        TASKS: {(status,): counts.tasks_by_status.get(status, 0) for status in TaskStatus},
        OPEN: {(state,): counts.open_by_state.get(state, 0) for state in OPEN_STATES},
    }


async def _of_outbox(outbox: Outbox, now: datetime) -> Readings:
    waiting = await outbox.waiting()
    return {OUTBOX: {(): waiting.count}, OUTBOX_AGE: {(): _since(waiting.oldest_at, now)}}


def _of_members(members: Sequence[Member]) -> Readings:
    by_role = Counter(role for member in members for role in member.roles)
    slots = sum(member.concurrency for member in members if "worker" in member.roles)
    return {MEMBERS: {(role,): by_role[role] for role in {*ROLES, *by_role}}, WORKER_SLOTS: {(): slots}}


def _since(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())


def _by_type(counts: Mapping[str, int]) -> Mapping[Labels, float]:
    """The largest TYPES_MAX, and the others together."""
    ranked = Counter(counts).most_common()
    told: dict[Labels, float] = {(task_type,): count for task_type, count in ranked[:TYPES_MAX]}
    if others := sum(count for _, count in ranked[TYPES_MAX:]):
        told[OTHER_TYPES,] = told.get((OTHER_TYPES,), 0) + others
    return told
