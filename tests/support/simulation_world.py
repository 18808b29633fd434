"""What the actors of a simulation share: loop, store, dice, pace, the judge, and hints that get lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from application.scheduling.ports.errors import StoreUnavailableError
from domain.scheduling.events import Dispatched, Event
from entrypoints.loop import BACKOFF_MAX, BACKOFF_MIN
from tests.support.checker import Checker
from tests.support.sim_clock import SimClock
from tests.support.sim_loop import SimLoop
from tests.support.simulation_pace import EASY, Pace
from tests.support.simulation_store import SimStore
from tests.support.simulation_zones import Zones

HINTS_LOST = 0.9


@dataclass(slots=True)
class World:
    """One seed's world."""

    seed: int
    loop: SimLoop
    start: datetime
    store: SimStore
    checker: Checker
    zones: Zones
    pace: Pace = EASY
    scheduler_bells: dict[str, asyncio.Event] = field(default_factory=dict)
    worker_bells: dict[str, asyncio.Event] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    # Once healed, handlers make no more trouble, so that the world comes to rest.
    healed: bool = False

    def dice(self, name: str) -> Random:
        """A generator of its own for each purpose, so that one more draw here changes nothing there."""
        return Random(f"{self.seed}/{name}")

    def clock(self, skew: timedelta, wobble: timedelta = timedelta(0)) -> SimClock:
        """The clock of a process, wrong by `skew` until the store tells better, and now and then by `wobble`."""
        return SimClock(self.loop, self.start, skew, wobble)

    def everybody_looks(self) -> None:
        """Ring every bell."""
        for bell in (*self.scheduler_bells.values(), *self.worker_bells.values()):
            bell.set()

    def happened(self, what: str) -> None:
        """Count something, for the question whether the simulation exercises what it claims to."""
        self.events[what] = self.events.get(what, 0) + 1


@dataclass(slots=True)
class LossyHints:
    """`Wakeup` between simulated processes: late, and often lost."""

    world: World
    random: Random

    def scheduler(self) -> None:
        """See the port."""
        self._ring(self.world.scheduler_bells)

    def workers(self) -> None:
        """See the port."""
        self._ring(self.world.worker_bells)

    def changed(self, task_ids: Iterable[str]) -> None:
        """See the port. Nobody listens."""

    def _ring(self, bells: dict[str, asyncio.Event]) -> None:
        for name in bells:
            if self.random.random() >= HINTS_LOST:
                self.world.loop.call_outside(self.random.uniform(0.001, 0.02), self._ring_one, bells, name)

    def _ring_one(self, bells: dict[str, asyncio.Event], name: str) -> None:
        if name in bells:
            bells[name].set()


@dataclass(slots=True)
class CountingObserver:
    """`Observer` that counts events by kind, and shows them to the judge."""

    world: World

    def observe(self, event: Event) -> None:
        """See the port."""
        self.world.happened(type(event).__name__)
        if not isinstance(event, Dispatched):
            self.world.checker.secrets.told("an event", event)


async def keep_doing(step: Callable[[], Awaitable[float]], loop: SimLoop, bell: asyncio.Event) -> None:
    """Pass after pass, paced by the seconds each answers, sooner if the bell rings; a silent store is waited for.

    It is `entrypoints.loop.repeat` without the tasks that one needs to hear of its end; a test holds the two together.
    """
    backoff = BACKOFF_MIN
    while True:
        bell.clear()
        try:
            pause = await step()
            backoff = BACKOFF_MIN
        except StoreUnavailableError:
            pause, backoff = backoff.total_seconds(), min(2 * backoff, BACKOFF_MAX)
        if pause <= 0 or bell.is_set():
            await asyncio.sleep(0)
            continue
        timer = loop.call_later(pause, bell.set)
        await bell.wait()
        timer.cancel()
