"""A day in the life of the scheduler: three schedulers, four workers, forty tasks, people, and everything going wrong.

`simulate(seed)` leads one such day in virtual time, heals the world, lets it come to rest, and judges it. The same
seed leads to the same day on every machine and under every hash seed of the interpreter.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.support.checker import Checker
from tests.support.sim_clock import SimClock
from tests.support.sim_loop import SimLoop
from tests.support.simulation_nodes import Node, SchedulerNode, WorkerNode
from tests.support.simulation_people import People
from tests.support.simulation_store import SimStore
from tests.support.simulation_world import World

HOUR = 3_600.0
DAY = 24 * HOUR
# After the day everything is repaired, then the people pause every task, then all that is open ends.
CATCH_UP = 0.5 * HOUR
DRAIN = 1.7 * HOUR
BEHIND_MAX = timedelta(minutes=5)
TROUBLE_EVERY = 1_200.0
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
TROUBLES = (
    "crash",
    "crash",
    "freeze",
    "freeze",
    "freeze",
    "freeze",
    "deploy",
    "step",
    "outage",
    "storm",
    "store steps",
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

    @property
    def digest(self) -> tuple[Any, ...]:
        """What must be the same in every run of the seed."""
        return (self.seed, self.steps, self.callbacks, self.executions, self.starts, sorted(self.events.items()))


def simulate(seed: int, *, hours: float = 24.0) -> Report:
    """Lead one day. Raises BrokenPromiseError, or whatever ended a process that must not end."""
    loop = SimLoop(seed)
    day = _Day(seed, loop, hours)
    try:
        loop.run(day.lead())
        return day.report()
    finally:
        loop.run_until_complete(day.unwind())
        loop.close()


class _Day:
    def __init__(self, seed: int, loop: SimLoop, hours: float) -> None:
        dice = Random(f"{seed}/world")
        self.end = hours * HOUR
        start = dice.choice(DAYS) + timedelta(minutes=dice.uniform(0, 180))
        replay = f"pytest tests/simulation --sim-seed {seed}"
        checker = Checker(seed, replay, broken=loop.fail)
        store = SimStore.open(SimClock(loop, start), checker, Random(f"{seed}/wire"))
        self.world = World(seed, loop, start, store, checker)
        shares = dice.random() < 0.2
        self.schedulers = [SchedulerNode(self.world, f"s{n}", self._clock(dice), shares=shares) for n in range(3)]
        self.workers = [
            WorkerNode(self.world, f"w{n}", self._clock(dice), task_types=("mail", "rare") if n < 2 else ("mail",))
            for n in range(4)
        ]
        self.people = People.of(self.world)
        self.dice = Random(f"{seed}/trouble")

    @property
    def nodes(self) -> list[Node]:
        return [*self.schedulers, *self.workers]

    async def lead(self) -> None:
        """The day from its beginning to the judgement."""
        for node in self.nodes:
            node.start()
        self.people.start(self.end)
        while self.world.loop.time() < self.end:
            await asyncio.sleep(self.dice.expovariate(1 / TROUBLE_EVERY))
            self._trouble(self.dice.choice(TROUBLES))
        await self._heal()
        await asyncio.sleep(CATCH_UP)
        self._judge_caught_up()
        self.people.process.spawn(self.people.pause_all())
        await asyncio.sleep(DRAIN)
        self.people.compare()
        state = self.world.store.stores.state
        now = self.world.store.clock.now()
        tasks = [each.task for each in state.tasks.values() if each.task.deleted_at is None]
        self.world.checker.finish(tasks, store_now=now, behind_max=BEHIND_MAX)

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
            self.world.seed, checker.steps, loop.steps, len(lives), checker.ledger.count, dict(self.world.events)
        )

    def _clock(self, dice: Random) -> SimClock:
        return self.world.clock(timedelta(seconds=dice.gauss(0, 0.2)))

    def _judge_caught_up(self) -> None:
        now = self.world.store.clock.now()
        for kept in self.world.store.stores.state.tasks.values():
            look_at = kept.task.look_at
            if look_at is not None and look_at + BEHIND_MAX < now:
                self.world.checker.fail("I2", f"{kept.task.id} was to be looked at {look_at}, and it is {now}")

    def _trouble(self, what: str) -> None:
        dice, rates = self.dice, self.world.store.wire.rates
        node = dice.choice(self.nodes)
        self.world.checker.note(f"{self.world.loop.time():.6f} trouble {what} {node.name}")
        match what:
            case "crash":
                node.crash(back_after=dice.choice((0.5, 20, 600)))
            case "freeze":
                node.freeze(dice.choice((0.2, 5, 70, 100, 200, 900)))
            case "deploy" if isinstance(node, WorkerNode):
                node.deploy()
            case "step":
                # Until the next reply of the store tells better.
                node.clock.step(timedelta(seconds=dice.choice((-3_600, -45, -2, 2, 45, 3_600))))
            case "store steps":
                by = timedelta(seconds=dice.choice((-1_800, -30, -1, 1, 30, 1_800, 1_800)))
                self.world.loop.call_outside(self._until_something_is_due(), self.world.store.clock.step, by)
            case "outage":
                rates.down = True
                self.world.loop.call_outside(dice.choice((1, 20, 300)), setattr, rates, "down", False)
            case "storm":
                self._storm(dice.uniform(30, 900))

    def _until_something_is_due(self) -> float:
        """Seconds until some task is decided but not committed yet, if that is soon."""
        store = self.world.store
        looks = [kept.task.look_at for kept in store.stores.state.tasks.values()]
        left = [(each - store.clock.now()) / timedelta(seconds=1) for each in looks if each is not None]
        return max(0.0, min((each for each in left if each > 1), default=0.0) - self.dice.uniform(0, 0.045))

    def _storm(self, seconds: float) -> None:
        """Ten times as many faults, for a while."""
        rates = self.world.store.wire.rates
        usual = {name: getattr(rates, name) for name in ("before", "reply_lost", "twice", "stale", "slow")}
        if rates.before > 0.01:
            return
        for name, rate in usual.items():
            setattr(rates, name, min(0.5, rate * 10))
            self.world.loop.call_outside(seconds, setattr, rates, name, rate)

    async def _heal(self) -> None:
        """End every trouble: what was to be undone later has been by then."""
        self.world.checker.note("healing")
        await asyncio.sleep(HOUR)
        self.world.store.wire.rates.heal()
        self.world.healed = True
        for node in self.nodes:
            node.start()
            assert node.process is not None
            node.process.go_on()
