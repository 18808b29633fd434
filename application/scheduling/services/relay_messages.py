"""Taking messages from the outbox to the streams of external types, however long those are away."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.observer import Observer
from application.scheduling.ports.outbox import Outbox, Streams, StreamsUnavailableError
from domain.scheduling.events import StreamRefused, StreamsFailed, StreamsRecovered

# At most 64 kB each, in the hands of one transaction.
BATCH_MAX = 100
LOOK_EVERY = timedelta(milliseconds=500)
# After a look that found nothing: whoever dispatches many managed executions wakes this relay for each batch of them.
REST = timedelta(milliseconds=25)
PAUSE_MIN = timedelta(milliseconds=250)
PAUSE_MAX = timedelta(seconds=5)
# How long a stream is left alone that refused a message.
REFUSED_FOR = timedelta(seconds=5)


@dataclass(slots=True)
class RelayMessages:
    """One of any number of relays of a store; it remembers what failed, and for how long to leave that alone."""

    outbox: Outbox
    streams: Streams
    clock: Clock
    observer: Observer
    _again_at: float = 0.0
    _failing_since: float | None = None
    _pause: timedelta = PAUSE_MIN
    _refused_until: dict[str, float] = field(default_factory=dict)

    async def run_once(self) -> timedelta:
        """Relay a batch, and return how long to wait for the next; a pass that comes before does nothing.

        Streams that are away are asked for before anything is taken: then no connection of the store waits for them.
        Raises StoreUnavailableError.
        """
        now = self.clock.monotonic()
        if now < self._again_at:
            return timedelta(seconds=self._again_at - now)
        try:
            if self._failing_since is not None:
                await self.streams.reach()
            left_alone = [each for each, until in self._refused_until.items() if now < until]
            relayed = await self.outbox.relay(self.streams.send, limit=BATCH_MAX, without=left_alone)
        except StreamsUnavailableError as error:
            return self._failed(str(error))
        self._recovered()
        self._note(relayed.refused)
        if relayed.taken:
            return timedelta(0)
        return self._rested(REST, LOOK_EVERY)

    def _failed(self, error: str) -> timedelta:
        if self._failing_since is None:
            self._failing_since, self._pause = self.clock.monotonic(), PAUSE_MIN
            self.observer.observe(StreamsFailed(error))
        pause, self._pause = self._pause, min(self._pause * 2, PAUSE_MAX)
        return self._rested(pause, pause)

    def _recovered(self) -> None:
        since, self._failing_since = self._failing_since, None
        if since is not None:
            self.observer.observe(StreamsRecovered(timedelta(seconds=self.clock.monotonic() - since)))

    def _note(self, refused: Mapping[str, str]) -> None:
        """Leave streams alone that refused a message, so that they keep none of the others waiting."""
        now = self.clock.monotonic()
        for task_type, error in refused.items():
            if task_type not in self._refused_until:
                self.observer.observe(StreamRefused(task_type, error))
            self._refused_until[task_type] = now + REFUSED_FOR.total_seconds()
        # One that has taken messages again since is told anew when it refuses the next.
        forgotten = now - REFUSED_FOR.total_seconds()
        self._refused_until = {each: until for each, until in self._refused_until.items() if until > forgotten}

    def _rested(self, at_least: timedelta, at_most: timedelta) -> timedelta:
        self._again_at = self.clock.monotonic() + at_least.total_seconds()
        return at_most
