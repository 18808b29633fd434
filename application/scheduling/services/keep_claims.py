"""The heartbeat of a worker: it keeps claims alive and hears what became of them.

It runs in a thread with a store connection of its own, so that a handler which blocks the worker's event loop loses
neither its claim nor those of its neighbours, and so that its time-out is settled although the loop can't. A loop that
is not going to come back it stands in for: plain functions go on in their threads, and their ends are settled here.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.execution_store import ExecutionStore, Settlement
from application.scheduling.ports.observer import Observer
from application.scheduling.services.attempt import Attempt, Ended, Hurry
from application.scheduling.services.live_attempts import LiveAttempts
from application.scheduling.services.rescue_stuck import LEASE, trusted
from application.scheduling.services.settle_execution import put_on_record
from domain.scheduling.identifiers import NodeId
from domain.scheduling.outcome import HandedBack

BEAT_EVERY = timedelta(seconds=1)
OVERDUE_AFTER = timedelta(seconds=7)


def _nobody() -> None:
    """No handler's code is known to hold the event loop."""


@dataclass(slots=True)
class KeepClaims:
    """One call for all attempts of a worker, which it gives up and settles itself where the event loop does not.

    `holder` answers the token of the attempt in whose code the event loop is at this moment, if it is in any.
    """

    executions: ExecutionStore
    live: LiveAttempts
    clock: Clock
    worker_id: NodeId
    observer: Observer
    holder: Callable[[], str | None] = _nobody
    lease: timedelta = LEASE
    _named_at: float | None = None

    async def run_once(self) -> None:
        """Give up what is long overdue, name every claim, lose those that are lost, stop those that are to stop.

        What is overdue is settled then, whether the loop has given it up and did not come to settle it, or this did.
        If another handler's code holds the loop, it is handed back: its time-out ran while it could not.
        """
        overdue = self._overdue()
        for attempt in overdue:
            if self._is_kept_from_running(attempt):
                attempt.hurry(Hurry.LEAVING)
                continue
            attempt.hurry(Hurry.TIMEOUT)
            attempt.give_up()
        await self._name(self._held())
        await self._record([attempt.conclude() for attempt in overdue if not attempt.is_lost])

    async def stand_in(self, *, threads_too: bool) -> bool:
        """Settle what has ended, and hand back what only the event loop could go on with, for a loop that is held.

        Plain functions go on unless `threads_too`. True while any does; if none, nothing is left to this worker, not
        even what the store gave it and it never heard of.
        """
        held = self._held()
        ended = [each for attempt in held if (each := attempt.cut_off(threads_too=threads_too)) is not None]
        await self._record(ended)
        if len(ended) < len(held):
            return True
        await self._hand_back_unheard()
        return False

    def _held(self) -> Sequence[Attempt]:
        # A lost claim is named no more: whoever looks after it must see it fall silent.
        return [attempt for attempt in self.live.all() if not attempt.is_lost]

    async def _name(self, attempts: Sequence[Attempt]) -> None:
        started = self.clock.monotonic()
        if not attempts or self._named_at is None:
            self._named_at = started
        if not attempts:
            return
        beats = [attempt.beat() for attempt in attempts]
        try:
            answer = await self.executions.heartbeat(self.worker_id, beats)
        except BaseException:
            for attempt, beat in zip(attempts, beats, strict=True):
                attempt.unsent(beat)
            self._lose_if_silent_too_long(attempts, since=self._named_at)
            raise
        # From the start of the call: the store may have heard it that early and not a moment later.
        self._named_at = started
        for attempt in attempts:
            if attempt.token in answer.lost:
                attempt.lose()
            if attempt.token in answer.cancelled:
                attempt.ask_to_stop()

    def _lose_if_silent_too_long(self, attempts: Iterable[Attempt], *, since: float) -> None:
        """Stop working on claims that others may take before we can name them again."""
        now = self.clock.monotonic()
        for attempt in attempts:
            # Its claim was the first sign of life it gave, however long ago a heartbeat was.
            if now - max(since, attempt.began) > trusted(self.lease):
                attempt.lose()

    def _overdue(self) -> Sequence[Attempt]:
        """What the event loop should have given up and settled by now, but code that never yields holds it."""
        now = self.clock.monotonic()
        return [each for each in self.live.all() if each.deadline + OVERDUE_AFTER.total_seconds() < now]

    def _is_kept_from_running(self, attempt: Attempt) -> bool:
        holder = self.holder()
        if attempt.is_in_thread or attempt.token == holder:
            return False
        return any(each.token == holder for each in self.live.all())

    async def _record(self, ended: Sequence[Ended]) -> None:
        if not ended:
            return
        await put_on_record(self.executions, ended, self.live, self.observer)
        for each in ended:
            # What its code still does, or the event loop still hears of it, counts for nothing.
            each.attempt.lose()

    async def _hand_back_unheard(self) -> None:
        """Hand back what the store counts as ours all the same: claims whose answer the event loop never read."""
        held = [each for each in await self.executions.held() if each.worker_id == self.worker_id]
        await self.executions.settle([Settlement(each.execution_id, each.token, HandedBack()) for each in held])
