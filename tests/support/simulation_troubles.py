"""Everything that goes wrong in a simulated day, and how it is undone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from domain.scheduling.identifiers import TaskId
from tests.support.simulation_nodes import Node, WorkerNode
from tests.support.simulation_people import People
from tests.support.simulation_world import World
from tests.support.simulation_zones import MOVES

TROUBLES = (
    *("crash", "crash", "freeze", "freeze", "freeze", "freeze", "deploy", "step", "store steps"),
    *("outage", "storm", "full", "fail-over", "unreadable", "new zone data"),
)
# What takes longer is undone by the end of the hour that follows the day.
LONGEST = 1_800


@dataclass(slots=True)
class Troubles:
    """Does one thing after another to a world, drawn by lot."""

    world: World
    nodes: list[Node]
    people: People
    dice: Random

    def strike(self) -> None:
        """Something goes wrong."""
        what, node = self.dice.choice(TROUBLES), self.dice.choice(self.nodes)
        self.world.checker.note(f"{self.world.loop.time():.6f} trouble {what} {node.name}")
        if not self._befalls(node, what):
            self._befalls_store(what)

    def _befalls(self, node: Node, what: str) -> bool:
        """Trouble of one process; False if this is of another kind."""
        dice = self.dice
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
            case _:
                return False
        return True

    def _befalls_store(self, what: str) -> None:
        dice = self.dice
        match what:
            case "store steps":
                by = timedelta(seconds=dice.choice((-3_600, -1_800, -30, -1, 1, 30, 1_800, 3_600)))
                self._after(self._until_something_is_due(), lambda: self.world.store.clock.step(by))
            case "outage":
                self._for_a_while("down", dice.choice((1, 20, 300)))
            case "full":
                self._for_a_while("full", dice.choice((20, 120, 600)))
            case "storm":
                self._storm(dice.uniform(30, 900))
            case "fail-over":
                self._after(self._until_something_is_due(), self._replicate)
            case "unreadable":
                self._mar(dice.choice((60, 600, LONGEST)))
            case "new zone data":
                self._new_zone_data()

    def _after(self, seconds: float, callback: Callable[[], object]) -> None:
        self.world.loop.call_outside(seconds, callback)

    def _until_something_is_due(self) -> float:
        """Seconds until some task is decided but not committed yet, if that is soon."""
        store = self.world.store
        looks = [kept.task.look_at for kept in store.stores.state.tasks.values()]
        left = [(each - store.clock.now()) / timedelta(seconds=1) for each in looks if each is not None]
        return max(
            0.0, min((each for each in left if 1 < each < LONGEST / 3), default=0.0) - self.dice.uniform(0, 0.045)
        )

    def _for_a_while(self, what: str, seconds: float) -> None:
        rates = self.world.store.wire.rates
        if getattr(rates, what):
            return
        self.world.happened(what)
        setattr(rates, what, True)
        self._after(seconds, lambda: setattr(rates, what, False))

    def _storm(self, seconds: float) -> None:
        """Ten times as many faults, for a while."""
        rates = self.world.store.wire.rates
        usual = {name: getattr(rates, name) for name in ("before", "reply_lost", "twice", "stale", "slow")}
        if rates.before > 0.01:
            return
        for name, rate in usual.items():
            setattr(rates, name, min(0.5, rate * 10))
            self.world.loop.call_outside(seconds, setattr, rates, name, rate)

    def _replicate(self) -> None:
        """A replica hears nothing any more, and takes over a little later."""
        store = self.world.store
        if store.replica is not None:
            return
        store.replicate()
        forget = self.world.checker.remember()
        self._after(self.dice.choice((0.05, 0.5, 2, 20)), lambda: self._fail_over(forget))

    def _fail_over(self, forget: Callable[[], None]) -> None:
        keys = self.world.store.fail_over()
        forget()
        self.people.forget(keys)
        self.world.happened("fail-over")
        self.world.checker.note(f"{self.world.loop.time():.6f} fail-over, {len(keys)} changes lost")
        self._for_a_while("down", self.dice.uniform(0.2, 5))

    def _mar(self, seconds: float) -> None:
        task_id: TaskId = self.dice.choice([*self.world.store.stores.state.tasks] or [TaskId("")])
        if self.world.store.mar(task_id):
            self.world.happened("unreadable")
            self._after(seconds, lambda: self.world.store.mend(task_id))

    def _new_zone_data(self) -> None:
        """Every process is started anew with other rules for a zone; people edit meanwhile."""
        left = [each for each in MOVES if each not in self.world.zones.moved]
        if not left or self.world.store.replica is not None:
            return
        zone = self.dice.choice(left)
        self.world.happened("new zone data")
        self.world.zones.move(zone)
        self.world.store.wire.cut()
        tasks = [kept.task for kept in self.world.store.stores.state.tasks.values()]
        self.world.checker.timeline.outdated |= {each.id for each in tasks if each.definition.timezone == zone}
        for node in self.nodes:
            if node.process is not None:
                node.process.kill()
                node.start()
        self.people.process.spawn(self.people.edit_all(zone))
