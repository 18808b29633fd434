"""A day in the life of the scheduler: three schedulers, four workers, forty tasks, people, and everything going wrong.

`simulate(seed)` leads one such day in virtual time, heals the world, judges how prompt it is, lets it come to rest,
and judges what is on record. The same seed leads to the same day on every machine and under every hash seed of the
interpreter. Of the invariants of the reliability plan I20 has nothing to judge: nobody leads here.
"""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.support.checker import Checker
from tests.support.sim_clock import SimClock
from tests.support.sim_loop import SimLoop
from tests.support.simulation_holds import HoldChecks
from tests.support.simulation_nodes import Node, SchedulerNode, WorkerNode
from tests.support.simulation_pace import EASY, PRODUCTION
from tests.support.simulation_people import People
from tests.support.simulation_store import SimStore
from tests.support.simulation_troubles import LONGEST, Troubles
from tests.support.simulation_twin import Twin
from tests.support.simulation_world import World
from tests.support.simulation_zones import Zones, zones

HOUR = 3_600.0
# For so long the day keeps the pace of production, at some time of it and while promptness is judged.
PROMPT = 60.0
TROUBLE_EVERY = 1_000.0
TROUBLE_EVERY_WHEN_PROMPT = 20.0
# The longest time-out, and what its stopping takes.
LONGEST_RUN = 1_200.0
# Until everybody has come out of the last wait of the easy pace.
AWAKE_WITHIN = 5.0
# Two that wait for each other, with a handler nobody has, take an hour each.
DRAIN = 2.8 * HOUR
BEHIND_MAX = timedelta(minutes=5)
UNWINDING_TURNS = 20
# Days in which clocks change somewhere, and one in which none does.
DAYS = (
    datetime(2026, 3, 28, 13, tzinfo=UTC),
    datetime(2026, 10, 24, 13, tzinfo=UTC),
    datetime(2026, 3, 7, 21, tzinfo=UTC),
    datetime(2026, 10, 31, 20, tzinfo=UTC),
    datetime(2026, 4, 4, 5, tzinfo=UTC),
    datetime(2028, 2, 28, 11, tzinfo=UTC),
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a simulated day consisted of; two runs of one seed have the same `digest`."""

    seed: int
    steps: int
    callbacks: int
    executions: int
    starts: int
    events: dict[str, int] = field(default_factory=dict)
    # How late firings were committed, by phase: the median, the 99th percentile and the worst, in seconds.
    lags: dict[str, tuple[float, float, float]] = field(default_factory=dict)

    @property
    def digest(self) -> tuple[Any, ...]:
        """What must be the same in every run of the seed."""
        return (self.seed, self.steps, self.callbacks, self.executions, self.starts, sorted(self.events.items()))


def simulate(seed: int, *, hours: float = 24.0, twin: Twin | None = None) -> Report:
    """Lead one day, in a twin as well. Raises BrokenPromiseError, or whatever ended a process that must not end."""
    with zones() as zone_data, _rubbish_left_lying():
        loop = SimLoop(seed)
        day = _Day(seed, loop, hours, zone_data, twin)
        try:
            loop.run(day.lead())
            return day.report()
        finally:
            loop.run_until_complete(day.unwind())
            loop.close()


@contextmanager
def _rubbish_left_lying() -> Iterator[None]:
    """A day leaves less rubbish than looking for it again and again is worth."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Day:
    def __init__(self, seed: int, loop: SimLoop, hours: float, zone_data: Zones, twin: Twin | None) -> None:
        dice = Random(f"{seed}/world")
        self.end = hours * HOUR
        start = dice.choice(DAYS) + timedelta(minutes=dice.uniform(0, 180))
        replay = f"pytest tests/simulation --sim-seed {seed}, and keep it as tests/simulation/seeds/{seed}.txt"
        checker = Checker(seed, replay, broken=loop.fail)
        store = SimStore.open(SimClock(loop, start), checker, Random(f"{seed}/wire"), twin)
        self.world = World(seed, loop, start, store, checker, zone_data)
        shares = dice.random() < 0.1
        self.schedulers = [SchedulerNode(self.world, f"s{n}", self._clock(dice), shares=shares) for n in range(3)]
        self.schedulers[-1].clock.wobble = timedelta(milliseconds=dice.choice((-30, 30)))
        self.workers = [
            WorkerNode(self.world, f"w{n}", self._clock(dice), task_types=("mail", "rare") if n < 2 else ("mail",))
            for n in range(4)
        ]
        both = ("mail", "rare")
        self.workers += [
            WorkerNode(self.world, f"i{n}", self._clock(dice), task_types=both, concurrency=1, isolated=True)
            for n in range(2)
        ]
        store.wire.holds = HoldChecks(checker.fail, loop.time)
        self.people = People.of(self.world)
        self.dice = Random(f"{seed}/trouble")
        self.troubles = Troubles(self.world, self.nodes, self.people, self.dice)

    @property
    def nodes(self) -> list[Node]:
        return [*self.schedulers, *self.workers]

    async def lead(self) -> None:
        """The day from its beginning to the judgement."""
        for node in self.nodes:
            node.start()
        self.people.start(self.end)
        prompt_at = self.dice.uniform(0.1, 0.9) * self.end
        await self._suffer(prompt_at, TROUBLE_EVERY)
        self.world.pace = PRODUCTION
        await self._suffer(prompt_at + PROMPT, TROUBLE_EVERY_WHEN_PROMPT)
        self.world.pace = EASY
        await self._suffer(self.end, TROUBLE_EVERY)
        await self._heal()
        await self._judge_promptness()
        await self._come_to_rest()

    async def unwind(self) -> None:
        """Let nothing be half done when the loop is closed."""
        for process in (*(node.process for node in self.nodes), self.people.process):
            if process is not None:
                process.kill()
        rest = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for _ in range(UNWINDING_TURNS):
            for task in rest:
                task.cancel()
            await asyncio.sleep(0.01)

    def report(self) -> Report:
        """What happened."""
        checker = self.world.checker
        lives, loop = checker.executions.lives, self.world.loop
        return Report(
            self.world.seed,
            checker.steps,
            loop.steps,
            len(lives),
            checker.ledger.count,
            dict(self.world.events),
            checker.pace.lags(),
        )

    def _clock(self, dice: Random) -> SimClock:
        return self.world.clock(timedelta(seconds=dice.gauss(0, 0.2)))

    async def _suffer(self, until: float, every: float) -> None:
        """One trouble after the other."""
        while True:
            left = until - self.world.loop.time()
            wait = self.dice.expovariate(1 / every)
            await asyncio.sleep(max(0.0, min(wait, left)))
            if wait >= left:
                return
            self.troubles.strike()

    async def _heal(self) -> None:
        """End every trouble, and wait until what they left behind has been caught up with."""
        self.world.checker.note("healing")
        # By then each trouble has been undone; so has whatever people had begun.
        await asyncio.sleep(LONGEST)
        self.world.store.wire.rates.heal()
        # A hold that was asked for twice may have come again behind its release.
        self.people.process.spawn(self.people.release())
        for node in self.nodes:
            node.start()
            assert node.process is not None
            node.process.go_on()
        await asyncio.sleep(LONGEST / 2)
        now = self.world.store.clock.now()
        for kept in self.world.store.stores.state.tasks.values():
            look_at = kept.task.look_at
            if look_at is not None and look_at + BEHIND_MAX < now:
                self.world.checker.fail("I2", f"{kept.task.id} was to be looked at {look_at}, and it is {now}")

    async def _judge_promptness(self) -> None:
        """Nothing goes wrong but handlers, then not even these; each time everybody is as quick as in production."""
        await self._be_prompt("calm")
        self.world.healed = True
        await asyncio.sleep(LONGEST_RUN)
        await self._be_prompt("quiet")
        # What has begun in time has to be on the ledger in time as well.
        await asyncio.sleep(60)
        self.world.checker.pace.finish()

    async def _be_prompt(self, phase: str) -> None:
        self.world.pace = PRODUCTION
        await self.people.create_prompt(phase, timedelta(seconds=AWAKE_WITHIN + PROMPT))
        self.world.everybody_looks()
        await asyncio.sleep(AWAKE_WITHIN)
        self.world.checker.pace.phase = phase
        await asyncio.sleep(PROMPT)
        self.world.pace, self.world.checker.pace.phase = EASY, None

    async def _come_to_rest(self) -> None:
        self.people.process.spawn(self.people.pause_all())
        await asyncio.sleep(DRAIN)
        checker, state = self.world.checker, self.world.store.stores.state
        self.people.compare()
        for node in self.nodes:
            for each in node.left_over():
                checker.fail("I22", f"{node.name}: {each}")
        checker.leaks(state, self.world.store.wire, {each.process.name for each in self.schedulers if each.process})
        tasks = [each.task for each in state.tasks.values() if each.task.deleted_at is None]
        checker.finish(tasks, store_now=self.world.store.clock.now(), behind_max=BEHIND_MAX)
