"""Turning due tasks into executions: read, decide, commit; also the end of waits and of pauses.

What is due at a near instant is read and decided before, so that only the commit waits for it; what is due already goes
through a few lanes, of which one reads while others commit. If another scheduler or a person comes first the answer is
Moved, which is as good: the next pass reads and decides again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import ExecutionStore
from application.scheduling.ports.observer import Observer
from application.scheduling.ports.task_store import Applied, Decision, Place, TaskStore, TooEarly, Unreadable
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.services.change_events import changed_event
from application.scheduling.services.commit_in_time import CommitInTime
from application.scheduling.services.deciding import AHEAD, decided, is_paused, undecidable
from application.scheduling.services.errors import UNDECIDABLE
from application.scheduling.services.watch_clock import WatchClock
from domain.scheduling.change import ChangeAction
from domain.scheduling.mutation import Mutation, end_pause, system_change
from domain.scheduling.sharing import Share
from domain.scheduling.task import ScheduledTask

COMMIT_MAX = 500
# One reads and decides while the store commits the others.
LANES = 3
# A pass ends after so many, for the sake of what else it does.
DUE_MAX = 5_000
RELEASE_MAX = 1_000
# How long before an instant what is due at it is decided, and how many tasks at most.
LEAD = timedelta(seconds=1)
DECIDED_MAX = 20_000

Batches = Callable[[], Awaitable[Sequence[Decision]]]


@dataclass(slots=True)
class Pages:
    """What is due until an instant, page by page, whoever asks for the next; `paused` is what of it is not fired."""

    tasks: TaskStore
    watch: WatchClock
    share: Share
    until: datetime
    after: Place | None = None
    left: int = DUE_MAX
    is_filled: bool = False
    paused: list[ScheduledTask] = field(default_factory=list)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def decided(self) -> Sequence[Decision]:
        """The next page, decided; empty: there is no more in this pass, or the clock has leapt."""
        while True:
            async with self._turn:
                found = await self._read()
            if not found or (now := self.watch.now()) is None:
                return ()
            self.paused += [each for each in found if is_paused(each)]
            if decisions := [decided(each, now) for each in found if not is_paused(each)]:
                return decisions

    async def _read(self) -> Sequence[ScheduledTask | Unreadable]:
        limit = min(COMMIT_MAX, self.left)
        if not limit:
            return ()
        found = await self.tasks.due(self.share, until=self.until, limit=limit, after=self.after)
        self.after = _place(found)
        self.is_filled = len(found) == limit
        # Behind what cannot be read nobody can go on; it is put aside now, and the next pass begins behind it.
        self.left = self.left - len(found) if self.is_filled and self.after else 0
        return found


@dataclass(slots=True)
class DecidedAhead:
    """What is due at one near instant, as far as it is read and decided; whoever changes it meanwhile, moves it."""

    due_at: datetime | None = None
    after: Place | None = None
    is_whole: bool = False
    decisions: list[Decision] = field(default_factory=list)

    def take(self, until: datetime) -> list[Decision]:
        """What was decided, if its instant is here; it is not told twice."""
        if self.due_at is None or self.due_at > until:
            return []
        taken = self.decisions
        self._begin(None)
        return taken

    async def go_on(self, tasks: TaskStore, share: Share, due_at: datetime, now: datetime) -> bool:
        """Read and decide one page more of what is due at this instant; True if there may be yet more."""
        if self.due_at is None or self.due_at < due_at:
            self._begin(due_at)
        if self.due_at != due_at or self.is_whole:
            return False
        found = await tasks.due(share, until=due_at, limit=COMMIT_MAX, after=self.after)
        self.decisions += [decided(each, now) for each in found if not is_paused(each)]
        self.after = _place(found)
        self.is_whole = len(found) < COMMIT_MAX or self.after is None or len(self.decisions) >= DECIDED_MAX
        return not self.is_whole

    def _begin(self, due_at: datetime | None) -> None:
        self.due_at, self.after, self.is_whole, self.decisions = due_at, None, False, []


@dataclass(frozen=True, slots=True)
class DispatchDue:
    """One pass over what is due, on whichever node gets there first."""

    tasks: TaskStore
    executions: ExecutionStore
    clock: Clock
    wakeup: Wakeup
    observer: Observer
    watch: WatchClock
    ahead: DecidedAhead = field(default_factory=DecidedAhead)

    async def run_once(self, share: Share) -> datetime | None:
        """Decide and commit what is due now or within AHEAD, then return the next instant at which anything is.

        Of what is due at that instant, if it is near, a part may be decided already; then the answer is now, until all
        is. None: nothing waits for any instant, or the clock has leapt and is not followed yet. Raises
        StoreUnavailableError; whatever was committed stays committed.
        """
        if (now := self.watch.now()) is None:
            return None
        released = await self.executions.release_due(RELEASE_MAX)
        if released.moved:
            self.wakeup.workers()
        if decided_ahead := self.ahead.take(now + AHEAD):
            await self._fire(_batches(decided_ahead))
        pages = Pages(self.tasks, self.watch, share, now + AHEAD)
        await self._fire(pages.decided)
        if self.watch.now() is None:
            return None
        # Last: whatever a change of a pause may meet, what was due has been fired.
        await self._in_time.commit(await self._end_pauses(pages.paused, now))
        if pages.is_filled or released.moved == RELEASE_MAX:
            return self.clock.now()
        next_at = await self.tasks.next_look_at(share)
        if next_at is not None and await self._decides_ahead(share, next_at):
            return self.clock.now()
        return min((look for look in (next_at, released.next_at) if look is not None), default=None)

    @property
    def _in_time(self) -> CommitInTime:
        return CommitInTime(self.tasks, self.clock, self.wakeup, self.observer, self.watch)

    async def _decides_ahead(self, share: Share, next_at: datetime) -> bool:
        """Decide some of what is due at the next instant, if that is near; True if there may be more of it."""
        now = self.watch.now()
        if now is None or not AHEAD < next_at - now <= LEAD:
            return False
        return await self.ahead.go_on(self.tasks, share, next_at, now)

    async def _fire(self, batches: Batches) -> None:
        """Commit batch after batch, several at a time, until there is none."""
        async with asyncio.TaskGroup() as group:
            lanes = [group.create_task(self._fire_some(batches)) for _ in range(LANES)]
        for lane in lanes:
            if (error := lane.result()) is not None:
                raise error

    async def _fire_some(self, batches: Batches) -> StoreUnavailableError | None:
        """Take batch after batch; a store that does not answer is answered, as the group of lanes would wrap it."""
        try:
            while batch := await batches():
                await self._in_time.commit(batch)
        except StoreUnavailableError as error:
            return error
        return None

    async def _end_pauses(self, paused: Sequence[ScheduledTask], now: datetime) -> list[Decision]:
        """End the pauses that are over; return the quarantines of tasks for which that cannot be decided."""
        mutations: list[Mutation] = []
        put_aside: list[Decision] = []
        for task in paused:
            try:
                mutations += _resumed(task, now)
            except UNDECIDABLE as error:
                put_aside.append(undecidable(task, error, now))
        for start in range(0, len(mutations), COMMIT_MAX):
            batch = mutations[start : start + COMMIT_MAX]
            if (by := await self._mutate(batch)) and await self._in_time.reached(now + by):
                # As with firings: the store's clock has caught up by now.
                await self._mutate(batch)
        return put_aside

    async def _mutate(self, mutations: Sequence[Mutation]) -> timedelta:
        """Carry them out, tell, and return by how much the earliest were too early."""
        answers = await self.tasks.mutate(mutations)
        for mutation, answer in zip(mutations, answers, strict=True):
            # A quarantine that is lifted changes nothing; the end of a pause does.
            if isinstance(answer, Applied) and mutation.change.action is ChangeAction.PAUSE_ENDED:
                self.observer.observe(changed_event(mutation, answer))
        self.wakeup.changed(answer.task.id for answer in answers if isinstance(answer, Applied))
        return max((answer.by for answer in answers if isinstance(answer, TooEarly)), default=timedelta(0))


def _place(found: Sequence[ScheduledTask | Unreadable]) -> Place | None:
    """Behind which to go on; None: nothing was found, or the last of it cannot be read."""
    last = found[-1] if found else None
    return Place(last.look_at, last.id) if isinstance(last, ScheduledTask) and last.look_at is not None else None


def _batches(decisions: Sequence[Decision]) -> Batches:
    slices = iter([decisions[start : start + COMMIT_MAX] for start in range(0, len(decisions), COMMIT_MAX)])

    async def following() -> Sequence[Decision]:
        return next(slices, ())

    return following


def _resumed(task: ScheduledTask, now: datetime) -> list[Mutation]:
    """What becomes of a paused task that is looked at: nothing before its instant has come."""
    if task.look_at is None or task.look_at > now:
        return []
    if task.pause is not None and task.pause.until is not None and task.pause.until <= now:
        return [end_pause(task, system_change(ChangeAction.PAUSE_ENDED, now, "its time was over"))]
    # It was quarantined and can be read again; any change lifts that, and the pause goes on.
    return [Mutation(system_change(ChangeAction.REDERIVE, now, "its record can be read again"), task, task)]
