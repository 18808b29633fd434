"""What the people of a simulation ask for: each deed as a request that can be made again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from application.scheduling.drafts import HandlerDefaults, body_from, define
from application.scheduling.services.backfill_task import BackfillTask
from application.scheduling.services.change_task import Author, ChangeTask
from application.scheduling.services.hold_firing import HoldFiring
from application.scheduling.services.manage_tasks import ManageTasks
from application.scheduling.services.redrive_execution import RedriveExecution
from application.scheduling.services.restore_version import RestoreVersion
from domain.access.events import AccessEvent
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import create
from domain.scheduling.policy import Misfire, Overlap
from domain.scheduling.task import PauseMode, ScheduledTask, TaskStatus
from tests.support.checker_timeline import BESIDE
from tests.support.sim_clock import SimClock, SimEntropy
from tests.support.simulation_documents import a_patch, a_payload, external
from tests.support.simulation_wire import RemoteStores
from tests.support.simulation_world import CountingObserver, LossyHints, World

Ask = Callable[[Author], Awaitable[Any]]


class Unheard:
    """`AccessLog` of people whom nobody watches."""

    def observe(self, event: AccessEvent) -> None:
        """See the port."""


@dataclass(frozen=True, slots=True)
class Deeds:
    """The services as people reach them, and what they ask of them."""

    world: World
    clock: SimClock
    entropy: SimEntropy
    manage: ManageTasks
    redriving: RedriveExecution
    restoring: RestoreVersion
    backfilling: BackfillTask
    holding: HoldFiring

    @classmethod
    def of(cls, world: World, clock: SimClock, stores: RemoteStores) -> "Deeds":
        """Those of people with this clock and these connections."""
        entropy = SimEntropy("people")
        hints = LossyHints(world, world.dice("hints/people"))
        change = ChangeTask(stores.tasks, clock, hints, CountingObserver(world))
        manage = ManageTasks(change, stores.executions, stores.membership, entropy, HandlerDefaults())
        redriving = RedriveExecution(change, stores.history, stores.membership)
        restoring = RestoreVersion(change, stores.history, stores.membership)
        backfilling = BackfillTask(change, stores.history, entropy)
        holding = HoldFiring(stores.holds, hints, Unheard())
        return cls(world, clock, entropy, manage, redriving, restoring, backfilling, holding)

    def creating(self, document: dict[str, Any]) -> Ask:
        """A new task."""
        body = body_from(document)
        return lambda by: self.manage.create(body, by)

    def creating_external(self, dice: Random, number: int) -> Ask:
        """A task for a foreign program, which this store has, though the service of people does not offer it."""
        body, task_id = body_from(external(dice, number)), TaskId(self.entropy.identifier())
        return lambda by: self.manage.change_task.create(
            by, lambda change: create(task_id, define(body, now=change.at, defaults=HandlerDefaults()), change)
        )

    def fits(self, deed: str, dice: Random) -> ScheduledTask | None:
        """Some task that a deed makes sense for."""
        kept = [each.task for each in self.world.store.stores.state.tasks.values()]
        tasks = [each for each in kept if (each.deleted_at is not None) == (deed == "undelete")]
        if deed == "resume":
            tasks = [each for each in tasks if each.status in (TaskStatus.PAUSED, TaskStatus.FAILED)]
        return dice.choice(tasks) if tasks else None

    def asking(self, deed: str, task: ScheduledTask, dice: Random) -> Ask | None:
        """What to ask for; None if there is nothing to do it to."""
        match deed:
            case "run":
                payload = a_payload(dice) if dice.random() < 0.3 else None
                return lambda by: self.manage.run_now(task.id, by, payload=payload, allow_overlap=by.reason == BESIDE)
            case "cancel":
                return self._cancelling(dice)
            case "redrive":
                return self._redriving(dice)
            case "restore":
                return self._restoring(task, dice)
            case "backfill":
                until = self.clock.now() - timedelta(minutes=dice.uniform(0, 120))
                begin = until - timedelta(minutes=dice.uniform(0, 150))
                return lambda by: self.backfilling.backfill(
                    task.id, by, begin=begin, until=until, allow_overlap=by.reason == BESIDE
                )
            case "edit" | "reschedule":
                return self._editing(task, a_patch(dice, self.clock.now(), reschedule=deed == "reschedule"))
            case "overlap":
                return self._editing(task, {"policy": {"overlap": dice.choice(tuple(Overlap)).value}})
        return self._stopping(deed, task.id, dice)

    def editing_version(self, task: ScheduledTask, text: str) -> Ask:
        """An edit of the version that is known, to something nobody else writes."""
        return lambda by: self.manage.patch(task.id, {"description": text}, by, if_version=task.version)

    def _stopping(self, deed: str, task_id: TaskId, dice: Random) -> Ask:
        match deed:
            case "pause":
                until = self.clock.now() + timedelta(minutes=dice.uniform(1, 90)) if dice.random() < 0.6 else None
                mode = dice.choice(tuple(PauseMode))
                return lambda by: self.manage.pause(task_id, by, until=until, mode=mode)
            case "resume":
                missed = dice.choice((Misfire.SKIP, Misfire.SKIP, Misfire.LATEST, Misfire.ALL))
                return lambda by: self.manage.resume(task_id, by, missed=missed)
            case "delete":
                return lambda by: self.manage.delete(task_id, by)
            case "undelete":
                return lambda by: self.manage.undelete(task_id, by)
        raise AssertionError(f"nobody knows how to {deed}")

    def _editing(self, task: ScheduledTask, patch: dict[str, Any]) -> Ask:
        return lambda by: self.manage.patch(task.id, patch, by)

    def _restoring(self, task: ScheduledTask, dice: Random) -> Ask | None:
        versions = sorted(self.world.store.stores.state.versions.get(task.id, ()))
        if not versions:
            return None
        version = dice.choice(versions)
        return lambda by: self.restoring.restore(task.id, version, by)

    def _cancelling(self, dice: Random) -> Ask | None:
        open_ = sorted(self.world.store.stores.state.open_ids)
        if not open_:
            return None
        execution_id = dice.choice(open_)
        return lambda by: self.manage.cancel(execution_id, by)

    def _redriving(self, dice: Random) -> Ask | None:
        executions = self.world.store.stores.state.executions
        dead = [each for each, kept in executions.items() if kept.execution.state is ExecutionState.DEAD]
        if not dead:
            return None
        execution_id = dice.choice(dead)
        return lambda by: self.redriving.redrive(execution_id, by, allow_overlap=by.reason == BESIDE)
