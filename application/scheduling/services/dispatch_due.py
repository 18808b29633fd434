"""Turning due tasks into executions: read, decide, commit; also the end of waits and of pauses.

Tasks due in the next moments are read and decided early, so that only the commit waits for the instant. If another
scheduler or a person comes first the answer is Moved, which is as good: the next pass reads and decides again.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeGuard

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import ExecutionStore
from application.scheduling.ports.observer import Observer
from application.scheduling.ports.task_store import (
    Applied,
    CommitAnswer,
    Committed,
    Decision,
    Moved,
    TaskStore,
    TooEarly,
    Unreadable,
)
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.services.change_events import changed_event
from application.scheduling.services.errors import UNDECIDABLE
from application.scheduling.services.watch_clock import WatchClock
from domain.scheduling.change import ChangeAction
from domain.scheduling.events import Dispatched, TaskQuarantined
from domain.scheduling.firing import Firing, fire
from domain.scheduling.mutation import Mutation, end_pause, system_change
from domain.scheduling.sharing import Share
from domain.scheduling.task import Quarantine, ScheduledTask, SkipReason, TaskStatus

AHEAD = timedelta(milliseconds=50)
# A wait longer than this was made long by a clock that was set back; the next pass reads afresh what is due by it.
WAIT_MAX = timedelta(seconds=1)
COMMIT_MAX = 500
# While the store commits some, others are decided.
IN_FLIGHT_MAX = 2
# Few enough that what was read is still so when it is committed.
DUE_MAX = 5_000
RELEASE_MAX = 1_000
QUARANTINE_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class DispatchDue:
    """One pass over what is due, on whichever node gets there first."""

    tasks: TaskStore
    executions: ExecutionStore
    clock: Clock
    wakeup: Wakeup
    observer: Observer
    watch: WatchClock

    async def run_once(self, share: Share) -> datetime | None:
        """Decide and commit what is due now or within AHEAD, then return the next instant at which anything is.

        None: nothing waits for any instant, or the clock has leapt and is not followed yet. Raises
        StoreUnavailableError; whatever was committed stays committed.
        """
        if (now := self.watch.now()) is None:
            return None
        released = await self.executions.release_due(RELEASE_MAX)
        if released.moved:
            self.wakeup.workers()
        found = await self.tasks.due(share, until=now + AHEAD, limit=DUE_MAX)
        if not await self._fire([each for each in found if not _is_paused(each)]):
            return None
        # Last: whatever a change of a pause may meet, what was due has been fired.
        undecidable = await self._end_pauses([each for each in found if _is_paused(each)], now)
        await self._commit_in_time(undecidable)
        if len(found) == DUE_MAX or released.moved == RELEASE_MAX:
            return self.clock.now()
        looks = [await self.tasks.next_look_at(share), released.next_at]
        return min((look for look in looks if look is not None), default=None)

    async def _fire(self, found: Sequence[ScheduledTask | Unreadable]) -> bool:
        """Decide and commit these; False if the clock has leapt meanwhile, and what was left was not decided."""
        slices = [found[start : start + COMMIT_MAX] for start in range(0, len(found), COMMIT_MAX)]
        left = iter(slices)
        async with asyncio.TaskGroup() as group:
            lanes = [group.create_task(self._fire_some(left)) for _ in slices[:IN_FLIGHT_MAX]]
        outcomes = [lane.result() for lane in lanes]
        for outcome in outcomes:
            if isinstance(outcome, StoreUnavailableError):
                raise outcome
        return all(outcomes)

    async def _fire_some(self, slices: Iterator[Sequence[ScheduledTask | Unreadable]]) -> bool | StoreUnavailableError:
        """Take slice after slice; a store that does not answer is answered, as the group of lanes would wrap it."""
        try:
            for each in slices:
                if (now := self.watch.now()) is None:
                    return False
                await self._commit_in_time([self._decided(found, now) for found in each])
        except StoreUnavailableError as error:
            return error
        return True

    def _decided(self, found: ScheduledTask | Unreadable, now: datetime) -> Decision:
        if isinstance(found, Unreadable):
            return _quarantined(found, found.error, now)
        if found.decided_until > now + AHEAD:
            # The clock was set back behind what is decided already: there is nothing to decide until it is there again,
            # or was set right.
            error = "decided until an instant that lies ahead: was the clock set back?"
            return Decision(found, Quarantine(error, min(found.decided_until, now + QUARANTINE_FOR)))
        try:
            return Decision(found, fire(found, max(now, found.look_at or now)))
        except UNDECIDABLE as error:
            # One task that can't be decided must not keep the others from running.
            return _quarantined(found, f"{type(error).__name__}: {error}", now)

    async def _commit_in_time(self, decisions: list[Decision]) -> None:
        """Commit each decision once its instant has come, together with all others whose instant has come by then."""
        waiting = deque(sorted(decisions, key=_instant))
        while waiting and await self._reached(_instant(waiting[0])) and (now := self.watch.now()) is not None:
            ready = []
            while waiting and _instant(waiting[0]) <= now:
                ready.append(waiting.popleft())
            early = await self._commit(ready)
            if early and await self._reached(now + max(by for _, by in early)):
                # The store's clock was behind ours, and has caught up by the time these few go again.
                await self._commit([decision for decision, _ in early])

    async def _reached(self, instant: datetime) -> bool:
        """Wait for an instant that is near; False if the clock does not get there in about WAIT_MAX."""
        wait = instant - self.clock.now()
        if wait > WAIT_MAX:
            return False
        try:
            async with asyncio.timeout((max(wait, timedelta(0)) + WAIT_MAX).total_seconds()):
                await self.clock.sleep_until(instant)
        except TimeoutError:
            return False
        return True

    async def _commit(self, decisions: Sequence[Decision]) -> list[tuple[Decision, timedelta]]:
        """Commit, tell, and return what came too early, and by how much."""
        answers = await self.tasks.commit_firings(decisions)
        pairs = list(zip(decisions, answers, strict=True))
        self._tell(pairs)
        return [(decision, answer.by) for decision, answer in pairs if isinstance(answer, TooEarly)]

    def _tell(self, pairs: Sequence[tuple[Decision, CommitAnswer]]) -> None:
        committed = [(decision, answer) for decision, answer in pairs if isinstance(answer, Committed)]
        if any(answer.execution_ids for _, answer in committed):
            self.wakeup.workers()
        for decision, _ in committed:
            if isinstance(decision.verdict, Quarantine):
                quarantine = decision.verdict
                self.observer.observe(TaskQuarantined(decision.task_id, quarantine.error, quarantine.look_at))
        self.wakeup.changed(decision.task.id for decision, _ in committed if isinstance(decision.task, ScheduledTask))
        self.observer.observe(
            Dispatched(
                committed=len(committed),
                executions=sum(len(answer.execution_ids) for _, answer in committed),
                moved=sum(isinstance(answer, Moved) for _, answer in pairs),
                lateness=_lateness((decision for decision, _ in committed), self.clock.now()),
                passed_over=_passed_over(decision for decision, _ in committed),
            )
        )

    async def _end_pauses(self, paused: Sequence[ScheduledTask], now: datetime) -> list[Decision]:
        """End the pauses that are over; return the quarantines of tasks for which that cannot be decided."""
        mutations: list[Mutation] = []
        undecidable: list[Decision] = []
        for task in paused:
            try:
                mutations += _resumed(task, now)
            except UNDECIDABLE as error:
                undecidable.append(_quarantined(task, f"{type(error).__name__}: {error}", now))
        for start in range(0, len(mutations), COMMIT_MAX):
            batch = mutations[start : start + COMMIT_MAX]
            if (by := await self._mutate(batch)) and await self._reached(now + by):
                # As with firings: the store's clock has caught up by now.
                await self._mutate(batch)
        return undecidable

    async def _mutate(self, mutations: Sequence[Mutation]) -> timedelta:
        """Carry them out, tell, and return by how much the earliest were too early."""
        answers = await self.tasks.mutate(mutations)
        for mutation, answer in zip(mutations, answers, strict=True):
            # A quarantine that is lifted changes nothing; the end of a pause does.
            if isinstance(answer, Applied) and mutation.change.action is ChangeAction.PAUSE_ENDED:
                self.observer.observe(changed_event(mutation, answer))
        self.wakeup.changed(answer.task.id for answer in answers if isinstance(answer, Applied))
        return max((answer.by for answer in answers if isinstance(answer, TooEarly)), default=timedelta(0))


def _quarantined(found: ScheduledTask | Unreadable, error: str, now: datetime) -> Decision:
    return Decision(found, Quarantine(error, now + QUARANTINE_FOR))


def _is_paused(found: ScheduledTask | Unreadable) -> TypeGuard[ScheduledTask]:
    return isinstance(found, ScheduledTask) and found.status is TaskStatus.PAUSED


def _resumed(task: ScheduledTask, now: datetime) -> list[Mutation]:
    """What becomes of a paused task that is looked at: nothing before its instant has come."""
    if task.look_at is None or task.look_at > now:
        return []
    if task.pause is not None and task.pause.until is not None and task.pause.until <= now:
        return [end_pause(task, system_change(ChangeAction.PAUSE_ENDED, now, "its time was over"))]
    # It was quarantined and can be read again; any change lifts that, and the pause goes on.
    return [Mutation(system_change(ChangeAction.REDERIVE, now, "its record can be read again"), task, task)]


def _instant(decision: Decision) -> datetime:
    """The instant before which the commit would be too early."""
    verdict = decision.verdict
    return verdict.look_at - QUARANTINE_FOR if isinstance(verdict, Quarantine) else verdict.decided_at


def _lateness(decisions: Iterable[Decision], now: datetime) -> timedelta:
    """The largest distance from a run instant to now: a firing's first run has waited longest."""
    waits = [
        now - decision.verdict.run[0].occurrence.run_at
        for decision in decisions
        if isinstance(decision.verdict, Firing) and decision.verdict.run
    ]
    return max(waits, default=timedelta(0))


def _passed_over(decisions: Iterable[Decision]) -> tuple[tuple[SkipReason, int], ...]:
    """How many occurrences these firings passed over, by reason."""
    counts: Counter[SkipReason] = Counter()
    for decision in decisions:
        if isinstance(decision.verdict, Firing) and decision.verdict.skips:
            assert isinstance(decision.task, ScheduledTask), "only what can be read is decided"
            last = decision.task.trailing_skip
            for skip in decision.verdict.skips:
                # One that has grown out of the task's last one counts what that one did, too.
                grown = last is not None and last.first_at == skip.first_at
                counts[skip.reason] += skip.count - (last.count if last is not None and grown else 0)
    return tuple(counts.items())
