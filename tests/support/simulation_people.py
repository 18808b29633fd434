"""The people of a simulation: they create, edit, pause, resume, run, cancel and delete, most of all at the worst time.

Whoever gets no answer asks again with the same idempotency key, or gives up without knowing; what was answered is
remembered, so that the end can be compared with it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.services.backfill_task import Backfilled
from application.scheduling.services.change_task import Author, Done
from application.scheduling.services.errors import ServiceError, TaskNotFoundError, TaskUnreadableError
from domain.access.record import Doer
from domain.errors import DomainError
from domain.scheduling.change import Via
from domain.scheduling.execution import ExecutionKind
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.task import ScheduledTask
from tests.support.checker_timeline import BESIDE
from tests.support.sim_loop import SimProcess
from tests.support.simulation_deeds import Ask, Deeds
from tests.support.simulation_documents import documents, prompt
from tests.support.simulation_world import World

ANA = Doer("ana", Via.PAGE)
HELD_EVERY = 14_400.0
TASKS = 40
EXTERNAL = 2
PROMPT_TASKS = 5
ASKS_AGAIN = 0.85
PEOPLE = 4
RUSHING = 3
DEEDS_OF = (
    *("run", "run", "run", "edit", "edit", "reschedule", "pause", "pause", "resume", "resume"),
    *("cancel", "delete", "undelete", "restore", "redrive", "backfill", "rush"),
)
RUNS = ("run", "redrive", "backfill")
AT_THE_WORST_TIME = ("run", "edit", "edit", "overlap", "reschedule", "pause", "restore")


@dataclass(slots=True)
class People:
    """Some people at some consoles, one process for all of them, which never dies: the browser is theirs."""

    world: World
    process: SimProcess
    deeds: Deeds
    # What a key was answered with: the execution of a run, else the task.
    answered: dict[str, set[str]] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    # Whose edit of a version that was named came first.
    won: dict[tuple[TaskId, int], set[str]] = field(default_factory=dict)
    keys: int = 0

    @classmethod
    def of(cls, world: World) -> "People":
        """The people of a world, not yet at work."""
        process = SimProcess(world.loop, "people")
        wrong_by = timedelta(seconds=world.dice("people's clock").uniform(-0.5, 0.5))
        clock = world.clock(wrong_by, wobble=wrong_by)
        return cls(world, process, Deeds.of(world, clock, world.store.reached_by(process, clock)))

    def start(self, until: float) -> None:
        """Create the tasks, and be busy until then."""
        self.process.spawn(self._create())
        self.process.spawn(self._hold_now_and_then(until))
        for number in range(PEOPLE):
            self.process.spawn(self._busy(self.world.dice(f"person {number}"), until))

    def forget(self, keys: frozenset[str]) -> None:
        """The store has forgotten what was done under these keys: whoever heard an answer knows nothing now."""
        for key in keys & self.answered.keys():
            del self.answered[key]
        for version, winners in self.won.items():
            self.won[version] = winners - keys

    def compare(self) -> None:
        """I14, I15, I21: what was answered is in the store, once, and nothing else is."""
        fail, records = self.world.checker.fail, self.world.checker.executions.lives
        runs = self._runs()
        for key, answers in self.answered.items():
            deed = key.partition("-")[0]
            if len(answers) != 1:
                fail("I15", f"key {key} was answered with {answers}")
            if deed == "run" and runs.get(key, []) != sorted(answers):
                fail("I14", f"key {key} was answered with {answers}, on record is {runs.get(key)}")
            if deed == "redrive" and not answers <= records.keys():
                fail("I14", f"key {key} was answered with {answers}, which is not there")
            if deed == "create" and not answers <= self.world.checker.tasks.keys():
                fail("I14", f"{answers} was created and is not there")

    def _runs(self) -> dict[str, list[ExecutionId]]:
        """The executions that people asked for, by key; a key nobody used is told of."""
        known, runs = self.answered.keys() | self.unanswered, dict[str, list[ExecutionId]]()
        for each in (life.execution for life in self.world.checker.executions.lives.values()):
            if each.kind not in (ExecutionKind.MANUAL, ExecutionKind.BACKFILL):
                continue
            runs.setdefault(each.key, []).append(each.id)
            key, _, rest = each.key.partition(":")
            if len(runs[each.key]) > 1 or (key not in known and not (key == "redrive" and rest)):
                self.world.checker.fail("I14", f"{runs[each.key]} ran for the key {each.key}")
        return runs

    async def pause_all(self) -> None:
        """Pause everything for good, letting open work end by itself."""
        dice = self.world.dice("people")
        for kept in list(self.world.store.stores.state.tasks.values()):
            goes_on = kept.task.look_at is not None and kept.task.deleted_at is None
            if goes_on:
                await self._asked(
                    "pause", partial(self.deeds.manage.pause, kept.task.id, until=None), dice, reason="good night"
                )

    async def release(self) -> None:
        """Let it all go on."""
        await self._throw(lambda: self.deeds.holding.release("", ANA))

    async def _hold_now_and_then(self, until: float) -> None:
        """All firing, for a while."""
        dice = self.world.dice("holds")
        await asyncio.sleep(dice.uniform(300, 2_400))
        while self.world.loop.time() < until:
            await self._throw(lambda: self.deeds.holding.hold("new disks", ANA))
            self.world.happened("held")
            await asyncio.sleep(dice.choice((2, 60, 900)))
            await self.release()
            await asyncio.sleep(dice.expovariate(1 / HELD_EVERY))

    async def _throw(self, switch: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await switch()
                return
            except StoreUnavailableError:
                await asyncio.sleep(1)

    async def edit_all(self, timezone: str) -> None:
        """Something to do to the tasks of a zone at a moment at which it hurts."""
        dice = self.world.dice(timezone)
        for kept in list(self.world.store.stores.state.tasks.values()):
            if kept.task.definition.timezone == timezone:
                await self._do(dice.choice(("edit", "resume")), dice, kept.task)

    async def create_prompt(self, phase: str, lasting: timedelta) -> None:
        """Tasks that keep everybody busy while promptness is judged."""
        dice, end = self.world.dice(phase), self.deeds.clock.now() + lasting
        for number in range(PROMPT_TASKS):
            await self._asked("create", self.deeds.creating(prompt(dice, f"{phase}-{number}", end)), dice)

    async def _create(self) -> None:
        dice = self.world.dice("documents")
        for number in range(EXTERNAL):
            await self._asked("create", self.deeds.creating_external(dice, number), dice)
        for document in documents(dice, TASKS, self.deeds.clock.now()):
            await self._asked("create", self.deeds.creating(document), dice)
            await asyncio.sleep(dice.uniform(0, 60))

    async def _busy(self, dice: Random, until: float) -> None:
        await asyncio.sleep(dice.uniform(0, 3_600))
        while self.world.loop.time() < until:
            await self._wait(dice)
            await self._do(dice.choice(DEEDS_OF), dice)

    async def _wait(self, dice: Random) -> None:
        """Until just about when some task is due, or just for a while."""
        await asyncio.sleep(dice.uniform(1, 900))
        task = self._busy_one(dice) or self.deeds.fits("edit", dice)
        if task is not None and task.look_at is not None and dice.random() < 0.7:
            left = (task.look_at - self.world.store.clock.now()) / timedelta(seconds=1)
            if 0 < left < 1_800:
                await asyncio.sleep(max(0.0, left + dice.uniform(-0.15, 0.15)))
                await self._do(dice.choice(AT_THE_WORST_TIME), dice, task)

    def _busy_one(self, dice: Random) -> ScheduledTask | None:
        """One that is likely to be due while an execution of it is open: where the order of things matters most."""
        soon = self.world.store.clock.now() + timedelta(minutes=20)
        tasks = [kept.task for kept in self.world.store.stores.state.tasks.values()]
        busy = [each for each in tasks if each.open and each.look_at is not None and each.look_at < soon]
        return dice.choice(busy) if busy and dice.random() < 0.7 else None

    async def _do(self, deed: str, dice: Random, task: ScheduledTask | None = None) -> None:
        task = task or self.deeds.fits(deed, dice)
        if task is None or task.id not in self.world.store.stores.state.tasks:
            return
        if deed == "delete" and dice.random() < 0.7:
            return
        if deed == "rush":
            await self._rush(task, dice)
            return
        asked = self.deeds.asking(deed, task, dice)
        if asked is not None:
            reason = BESIDE if deed in RUNS and dice.random() < 0.3 else ""
            await self._asked(deed, asked, dice, reason=reason, twice=dice.random() < 0.1)

    async def _rush(self, task: ScheduledTask, dice: Random) -> None:
        """Several edit the version they all see: one of them wins (I16)."""

        async def edit(number: int) -> None:
            text = f"{number} of {self.keys}"
            key = await self._asked("edit", self.deeds.editing_version(task, text), dice)
            if key in self.answered:
                self.won.setdefault((task.id, task.version), set()).add(key)

        async with asyncio.TaskGroup() as everybody:
            for number in range(RUSHING):
                everybody.create_task(edit(number))
        winners = self.won.get((task.id, task.version), set())
        self.world.happened(f"rush won by {len(winners)}")
        if len(winners) > 1:
            self.world.checker.fail("I16", f"{winners} all edited version {task.version} of {task.id}")

    async def _asked(self, deed: str, ask: Ask, dice: Random, *, reason: str = "", twice: bool = False) -> str:
        """Ask until there is an answer, or for as long as one has patience; returns the key."""
        self.keys += 1
        key = f"{deed}-{self.keys}"
        by = Author("ana", Via.API, reason, key, deed)
        self.unanswered.add(key)
        while True:
            try:
                self._keep(key, await ask(by))
                if not twice:
                    return key
                twice = False
            except StoreUnavailableError:
                if dice.random() >= ASKS_AGAIN:
                    return key
                await asyncio.sleep(dice.uniform(0, 3))
            except (ServiceError, DomainError) as error:
                self._refused(key, error)
                return key

    def _keep(self, key: str, answer: Any) -> None:
        self.world.happened(f"did {key.partition('-')[0]}")
        answer = answer.done if isinstance(answer, Backfilled) else answer
        if not isinstance(answer, Done):
            return
        if key in self.answered and not answer.replayed:
            self.world.checker.fail("I15", f"{key} was answered {self.answered[key]}, then done again")
        self.answered.setdefault(key, set()).add(answer.execution_id or answer.task.id)

    def _refused(self, key: str, error: Exception) -> None:
        """What was answered once is not refused later, unless the task to tell of is not there."""
        self.world.happened(f"refused {key.partition('-')[0]} {getattr(error, 'code', '')}")
        if key in self.answered and not isinstance(error, TaskNotFoundError | TaskUnreadableError):
            self.world.checker.fail("I15", f"{key} was answered {self.answered[key]}, then refused: {error}")
