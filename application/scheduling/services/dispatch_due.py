"""Turning due tasks into executions: read, decide, commit; also the end of waits and of pauses.

Tasks due in the next moments are read and decided early, so that only the commit waits for the instant. If another
scheduler or a person comes first the answer is Moved, which is as good: the next pass reads and decides again.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.execution_store import ExecutionStore
from application.scheduling.ports.observer import Observer
from application.scheduling.ports.task_store import Committed, Decision, Moved, TaskStore, TooEarly, Unreadable
from application.scheduling.ports.wakeup import Wakeup
from domain.errors import DomainError
from domain.scheduling.change import ChangeAction
from domain.scheduling.events import Dispatched, TaskQuarantined
from domain.scheduling.firing import Firing, fire
from domain.scheduling.mutation import end_pause, system_change
from domain.scheduling.sharing import Share
from domain.scheduling.task import Quarantine, ScheduledTask, TaskStatus

AHEAD = timedelta(milliseconds=50)
DUE_MAX = 10_000
COMMIT_MAX = 1_000
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

    async def run_once(self, share: Share) -> datetime | None:
        """Decide and commit what is due now or within AHEAD, then return the next instant at which anything is.

        None: nothing waits for any instant. Raises StoreUnavailableError; whatever was committed stays committed.
        """
        released = await self.executions.release_due(RELEASE_MAX)
        if released.moved:
            self.wakeup.workers()
        now = self.clock.now()
        found = await self.tasks.due(share, until=now + AHEAD, limit=DUE_MAX)
        await self._end_pauses([each for each in found if _is_paused(each)], now)
        await self._commit_in_time([self._decided(each, now) for each in found if not _is_paused(each)])
        if len(found) == DUE_MAX or released.moved == RELEASE_MAX:
            return self.clock.now()
        looks = [await self.tasks.next_look_at(share), released.next_at]
        return min((look for look in looks if look is not None), default=None)

    def _decided(self, found: ScheduledTask | Unreadable, now: datetime) -> Decision:
        if isinstance(found, Unreadable):
            return self._quarantined(found, found.error, now)
        try:
            return Decision(found, fire(found, max(now, found.look_at or now)))
        except (DomainError, ArithmeticError, ValueError) as error:
            # One task that can't be decided must not keep the others from running.
            return self._quarantined(found, f"{type(error).__name__}: {error}", now)

    def _quarantined(self, found: ScheduledTask | Unreadable, error: str, now: datetime) -> Decision:
        verdict = Quarantine(error, now + QUARANTINE_FOR)
        task_id = found.task_id if isinstance(found, Unreadable) else found.id
        self.observer.observe(TaskQuarantined(task_id, error, verdict.look_at))
        return Decision(found, verdict)

    async def _commit_in_time(self, decisions: list[Decision]) -> None:
        """Commit each decision once its instant has come, together with all others whose instant has come by then."""
        waiting = deque(sorted(decisions, key=_instant))
        while waiting:
            await self.clock.sleep_until(_instant(waiting[0]))
            now = self.clock.now()
            ready = []
            while waiting and _instant(waiting[0]) <= now:
                ready.append(waiting.popleft())
            await self._commit(ready)

    async def _commit(self, decisions: Sequence[Decision]) -> None:
        early: list[Decision] = []
        for start in range(0, len(decisions), COMMIT_MAX):
            early += await self._commit_batch(decisions[start : start + COMMIT_MAX])
        if early:
            # The store's clock is behind ours; it has caught up by the time these few go again.
            await self._commit_batch(early)

    async def _commit_batch(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Commit, tell, and return what came too early, once the store's clock has reached it."""
        answers = await self.tasks.commit_firings(decisions)
        pairs = list(zip(decisions, answers, strict=True))
        committed = [(decision, answer) for decision, answer in pairs if isinstance(answer, Committed)]
        if any(answer.execution_ids for _, answer in committed):
            self.wakeup.workers()
        self.wakeup.changed(decision.task.id for decision, _ in committed if isinstance(decision.task, ScheduledTask))
        now = self.clock.now()
        self.observer.observe(
            Dispatched(
                committed=len(committed),
                executions=sum(len(answer.execution_ids) for _, answer in committed),
                moved=sum(isinstance(answer, Moved) for answer in answers),
                lateness=_lateness((decision for decision, _ in committed), now),
            )
        )
        early = [(decision, answer.by) for decision, answer in pairs if isinstance(answer, TooEarly)]
        if early:
            await self.clock.sleep_until(now + max(by for _, by in early))
        return [decision for decision, _ in early]

    async def _end_pauses(self, found: Sequence[ScheduledTask | Unreadable], now: datetime) -> None:
        tasks = [each for each in found if isinstance(each, ScheduledTask) and each.look_at and each.look_at <= now]
        change = system_change(ChangeAction.PAUSE_ENDED, now, "its time was over")
        if tasks:
            await self.tasks.mutate([end_pause(task, change) for task in tasks])
            self.wakeup.changed(task.id for task in tasks)


def _is_paused(found: ScheduledTask | Unreadable) -> bool:
    return isinstance(found, ScheduledTask) and found.quarantine is None and found.status is TaskStatus.PAUSED


def _instant(decision: Decision) -> datetime:
    """The instant before which the commit would be too early."""
    verdict, task = decision.verdict, decision.task
    if isinstance(verdict, Firing) and isinstance(task, ScheduledTask):
        return max(verdict.decided_until, task.look_at or verdict.decided_until)
    return verdict.look_at - QUARANTINE_FOR if isinstance(verdict, Quarantine) else verdict.decided_until


def _lateness(decisions: Iterable[Decision], now: datetime) -> timedelta:
    latest = [
        now - decision.verdict.run[-1].occurrence.run_at
        for decision in decisions
        if isinstance(decision.verdict, Firing) and decision.verdict.run
    ]
    return max(latest, default=timedelta(0))
