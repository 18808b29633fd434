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

from application.scheduling.drafts import HandlerDefaults, body_from
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.services.errors import ServiceError
from application.scheduling.services.manage_tasks import Author, Done, ManageTasks
from domain.errors import DomainError, TaskStateError
from domain.scheduling.change import Via
from domain.scheduling.execution import ExecutionKind
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.policy import Misfire, Overlap
from domain.scheduling.task import PauseMode, ScheduledTask, TaskStatus
from tests.support.checker_timeline import BESIDE
from tests.support.sim_clock import SimClock, SimEntropy
from tests.support.sim_loop import SimProcess
from tests.support.simulation_documents import a_patch, documents
from tests.support.simulation_handlers import DEEDS
from tests.support.simulation_world import LossyHints, World

TASKS = 40
ASKS_AGAIN = 0.85
PEOPLE = 4
DEEDS_OF = ("run", "run", "run", "edit", "edit", "reschedule", "pause", "pause", "resume", "resume", "cancel", "delete")


@dataclass(slots=True)
class People:
    """Some people at some consoles, one process for all of them, which never dies: the browser is theirs."""

    world: World
    clock: SimClock
    process: SimProcess
    manage: ManageTasks
    # What a key was answered with: the execution of a run, else the task.
    answered: dict[str, set[str]] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    keys: int = 0

    @classmethod
    def of(cls, world: World) -> "People":
        """The people of a world, not yet at work."""
        process = SimProcess(world.loop, "people")
        clock = world.clock(timedelta(seconds=world.dice("people's clock").uniform(-0.5, 0.5)))
        stores = world.store.reached_by(process, clock)
        hints = LossyHints(world, world.dice("hints/people"))
        entropy = SimEntropy("people")
        manage = ManageTasks(
            stores.tasks, stores.executions, stores.membership, clock, entropy, hints, HandlerDefaults()
        )
        return cls(world, clock, process, manage)

    def start(self, until: float) -> None:
        """Create the tasks, and be busy until then."""
        self.process.spawn(self._create())
        for number in range(PEOPLE):
            self.process.spawn(self._busy(self.world.dice(f"person {number}"), until))

    def compare(self) -> None:
        """I14, I15, I21: what was answered is in the store, once, and nothing else is."""
        fail, records = self.world.checker.fail, self.world.checker.executions.lives
        runs: dict[str, list[ExecutionId]] = {}
        for each in (life.execution for life in records.values()):
            if each.kind is ExecutionKind.MANUAL:
                runs.setdefault(each.key, []).append(each.id)
        for key, answers in self.answered.items():
            if len(answers) != 1:
                fail("I15", f"key {key} was answered with {answers}")
            if key.startswith("run") and runs.get(key, []) != sorted(answers):
                fail("I14", f"key {key} was answered with {answers}, on record is {runs.get(key)}")
            if key.startswith("create") and not answers <= self.world.checker.tasks.keys():
                fail("I14", f"{answers} was created and is not there")
        for key, executions in runs.items():
            if len(executions) > 1 or key not in (self.answered.keys() | self.unanswered):
                fail("I14", f"{executions} ran for the key {key}")

    async def pause_all(self) -> None:
        """Pause everything, letting open work end by itself."""
        for kept in list(self.world.store.stores.state.tasks.values()):
            if kept.task.status is TaskStatus.ACTIVE and kept.task.deleted_at is None:
                await self._asked("pause", partial(self.manage.pause, kept.task.id), self._dice())

    def _dice(self) -> Random:
        return self.world.dice("people")

    async def _create(self) -> None:
        dice = self.world.dice("documents")
        for document in documents(dice, TASKS, self.clock.now()):
            await self._asked("create", partial(self.manage.create, body_from(document)), dice)
            await asyncio.sleep(dice.uniform(0, 60))

    async def _busy(self, dice: Random, until: float) -> None:
        await asyncio.sleep(dice.uniform(0, 3_600))
        while self.world.loop.time() < until:
            await self._wait(dice)
            await self._do(dice.choice(DEEDS_OF), dice)

    async def _wait(self, dice: Random) -> None:
        """Until just about when some task is due, or just for a while."""
        await asyncio.sleep(dice.uniform(1, 900))
        task = self._busy_one(dice) or self._some(dice)
        if task is not None and task.look_at is not None and dice.random() < 0.7:
            left = (task.look_at - self.world.store.clock.now()) / timedelta(seconds=1)
            if 0 < left < 1_800:
                await asyncio.sleep(max(0.0, left + dice.uniform(-0.15, 0.15)))
                await self._do(dice.choice(("run", "edit", "edit", "overlap", "reschedule", "pause")), dice, task)

    def _busy_one(self, dice: Random) -> ScheduledTask | None:
        """One that is likely to be due while an execution of it is open: where the order of things matters most."""
        soon = self.world.store.clock.now() + timedelta(minutes=20)
        tasks = [kept.task for kept in self.world.store.stores.state.tasks.values()]
        busy = [each for each in tasks if each.open and each.look_at is not None and each.look_at < soon]
        return dice.choice(busy) if busy and dice.random() < 0.7 else None

    def _some(self, dice: Random) -> ScheduledTask | None:
        tasks = [kept.task for kept in self.world.store.stores.state.tasks.values() if kept.task.deleted_at is None]
        return dice.choice(tasks) if tasks else None

    async def _do(self, deed: str, dice: Random, task: ScheduledTask | None = None) -> None:
        task = task or self._some(dice)
        if deed == "resume":
            paused = [
                kept.task
                for kept in self.world.store.stores.state.tasks.values()
                if kept.task.status in (TaskStatus.PAUSED, TaskStatus.FAILED) and kept.task.deleted_at is None
            ]
            task = dice.choice(paused) if paused else None
        if task is None or (deed == "delete" and dice.random() < 0.7):
            return
        asked = self._asking(deed, task, dice)
        if asked is not None:
            again = dice.random() < 0.1
            await self._asked(deed, asked, dice, beside=deed == "run" and dice.random() < 0.3, twice=again)

    def _asking(self, deed: str, task: ScheduledTask, dice: Random) -> Callable[[Author], Awaitable[Any]] | None:
        manage, task_id = self.manage, task.id
        match deed:
            case "run":
                payload = {"do": dice.choice(DEEDS)} if dice.random() < 0.3 else None
                return lambda by: manage.run_now(task_id, by, payload=payload, allow_overlap=by.reason == BESIDE)
            case "edit" | "reschedule":
                patch = a_patch(dice, self.clock.now(), reschedule=deed == "reschedule")
                version = task.version if dice.random() < 0.3 else None
                return lambda by: manage.patch(task_id, patch, by, if_version=version)
            case "overlap":
                overlap = dice.choice(tuple(Overlap))
                return lambda by: manage.patch(task_id, {"policy": {"overlap": overlap.value}}, by)
            case "pause":
                until = self.clock.now() + timedelta(minutes=dice.uniform(1, 90)) if dice.random() < 0.6 else None
                mode = dice.choice(tuple(PauseMode))
                return lambda by: manage.pause(task_id, by, until=until, mode=mode)
            case "resume":
                missed = dice.choice((Misfire.SKIP, Misfire.SKIP, Misfire.LATEST, Misfire.ALL))
                return lambda by: manage.resume(task_id, by, missed=missed)
            case "delete":
                return lambda by: manage.delete(task_id, by)
        return self._cancelling(dice)

    def _cancelling(self, dice: Random) -> Callable[[Author], Awaitable[Any]] | None:
        open_ = sorted(self.world.store.stores.state.open_ids)
        if not open_:
            return None
        execution_id = dice.choice(open_)
        return lambda by: self.manage.cancel(execution_id, by)

    async def _asked(
        self,
        deed: str,
        ask: Callable[[Author], Awaitable[Any]],
        dice: Random,
        *,
        beside: bool = False,
        twice: bool = False,
    ) -> None:
        self.keys += 1
        key = f"{deed}-{self.keys}"
        by = Author("ana", Via.API, BESIDE if beside else "", key, deed)
        self.unanswered.add(key)
        while True:
            try:
                self._keep(key, await ask(by))
                if not twice:
                    return
                twice = False
            except StoreUnavailableError:
                if dice.random() >= ASKS_AGAIN:
                    return
                await asyncio.sleep(dice.uniform(0, 3))
            except (ServiceError, DomainError) as error:
                self.world.happened(f"refused {deed} {getattr(error, 'code', '')}")
                if isinstance(error, TaskStateError) and deed == "run" and key in self.answered:
                    self.world.checker.fail("I15", f"{key} was answered {self.answered[key]}, then refused: {error}")
                return

    def _keep(self, key: str, answer: Any) -> None:
        self.world.happened(f"did {key.partition('-')[0]}")
        if isinstance(answer, Done):
            self.answered.setdefault(key, set()).add(answer.execution_id or answer.task.id)
