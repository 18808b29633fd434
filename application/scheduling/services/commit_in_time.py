"""Committing decisions, each as soon as its instant has come by the store's clock, and telling what was committed."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.observer import Observer
from application.scheduling.ports.task_store import CommitAnswer, Committed, Decision, Moved, TaskStore, TooEarly
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.services.deciding import instant_of
from application.scheduling.services.watch_clock import WatchClock
from domain.scheduling.durations import Spread
from domain.scheduling.events import Dispatched, TaskQuarantined
from domain.scheduling.firing import Firing
from domain.scheduling.task import Quarantine, ScheduledTask, SkipReason

# A wait longer than this was made long by a clock that was set back; the next pass reads afresh what is due by it.
WAIT_MAX = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class CommitInTime:
    """Never early, and no later than others of the batch make it: what has moved meanwhile is left to the next pass."""

    tasks: TaskStore
    clock: Clock
    wakeup: Wakeup
    observer: Observer
    watch: WatchClock

    async def commit(self, decisions: Sequence[Decision]) -> None:
        """Commit each decision once its instant has come, together with all others whose instant has come by then.

        Raises StoreUnavailableError; whatever was committed stays committed.
        """
        waiting = deque(sorted(decisions, key=instant_of))
        while waiting and await self.reached(instant_of(waiting[0])) and (now := self.watch.now()) is not None:
            ready = []
            while waiting and instant_of(waiting[0]) <= now:
                ready.append(waiting.popleft())
            early = await self._commit(ready)
            if early and await self.reached(now + max(by for _, by in early)):
                # The store's clock was behind ours, and has caught up by the time these few go again.
                await self._commit([decision for decision, _ in early])

    async def reached(self, instant: datetime) -> bool:
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
        waits = _waits((decision for decision, _ in committed), self.clock.now())
        self.observer.observe(
            Dispatched(
                committed=len(committed),
                executions=sum(len(answer.execution_ids) for _, answer in committed),
                moved=sum(isinstance(answer, Moved) for _, answer in pairs),
                lateness=max(waits, default=timedelta(0)),
                passed_over=_passed_over(decision for decision, _ in committed),
                waits=Spread.of(waits),
                too_early=sum(isinstance(answer, TooEarly) for _, answer in pairs),
            )
        )


def _waits(decisions: Iterable[Decision], now: datetime) -> list[timedelta]:
    """The distances from the run instant of each execution to now."""
    return [
        now - start.occurrence.run_at
        for decision in decisions
        if isinstance(decision.verdict, Firing)
        for start in decision.verdict.run
    ]


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
