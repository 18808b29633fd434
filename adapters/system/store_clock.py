"""The clock of a store on another machine, as far as this process can know it: from the time each reply tells.

A reply that tells `at`, to a request sent at `sent` and answered by `received` on our stop-watch, was written somewhere
between the two. So the store's clock is ahead of the stop-watch by `at - received` at least and by `at - sent` at most
(Cristian, 1989). The least is kept, and raised by every reply that came faster: whoever asks this clock is never told
an instant that the store has not reached, and is behind it by the way of the fastest reply.
"""

from dataclasses import dataclass
from datetime import datetime

from adapters.system.clock import SystemClock
from domain.scheduling.identifiers import instant_of, microseconds

# By how much the store's clock may run slower than our stop-watch: as fast as NTP slews a clock, adjtimex(2).
DRIFT_PER_MILLION = 500


@dataclass(slots=True)
class StoreClock(SystemClock):
    """`Clock` whose calendar is the store's; until the first reply it is this machine's.

    `heard` may be called from any thread; what is known is replaced as a whole.
    """

    # By how many microseconds the store's clock is ahead of the stop-watch at least, and when that was found.
    _known: tuple[int, int] | None = None

    def now(self) -> datetime:
        """See the port. It steps where the store's clock does, at the first reply that shows it."""
        known = self._known
        if known is None:
            return SystemClock.now(self)
        now = _whole(self.uptime())
        return instant_of(now + _least(known, now))

    def heard(self, at: datetime, *, sent: float, received: float) -> None:
        """Take note of a reply; `sent` and `received` are readings of `uptime`."""
        told, end = microseconds(at), _whole(received)
        least, most, known = told - end, told - _whole(sent), self._known
        if known is None or not least < _least(known, end) <= most:
            self._known = (least, end)


def _least(known: tuple[int, int], now: int) -> int:
    ahead, since = known
    return ahead - (now - since) * DRIFT_PER_MILLION // 1_000_000


def _whole(seconds: float) -> int:
    return round(seconds * 1_000_000)
