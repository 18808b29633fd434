"""The judge of a simulation: the promises of the scheduler, checked on every step of its store and on the ledger.

It knows the promises and nothing of how they are kept. The first step that breaks one is reported with the events
around it. Names of invariants are those of the reliability plan (I1 to I24). Those of them that have nothing to judge
here: I20, for nobody leads.
"""

from collections import deque
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from datetime import timedelta

from adapters.memory.state import State
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask, TaskStatus
from tests.support.checker_deaths import DeathChecks
from tests.support.checker_executions import ExecutionChecks
from tests.support.checker_pace import PaceChecks
from tests.support.checker_secrets import SecretChecks
from tests.support.checker_timeline import TimelineChecks
from tests.support.ledger import Ledger, Line
from tests.support.simulation_wire import Wire
from tests.support.simulation_witness import StoreStep

EVENTS_AROUND = 20
# What people change of a task; all else of it moves with its executions.
CHANGED = ("definition", "status", "pause", "deleted_at", "decided_until", "next_occurrence", "quarantine")
CHANGED_FROM = {
    ChangeAction.PAUSE: {TaskStatus.ACTIVE, TaskStatus.PAUSED},
    ChangeAction.RESUME: {TaskStatus.PAUSED, TaskStatus.FAILED},
    ChangeAction.PAUSE_ENDED: {TaskStatus.PAUSED},
}


class BrokenPromiseError(AssertionError):
    """A promise was broken; the text tells where, and how to see it again."""


@dataclass(slots=True)
class Checker:
    """Takes every step of the store and every line of the ledger; `broken` is called once, with the report."""

    seed: int
    replay: str
    broken: Callable[[BrokenPromiseError], None]
    ledger: Ledger = field(default_factory=Ledger)
    steps: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    timeline: TimelineChecks = field(init=False)
    executions: ExecutionChecks = field(init=False)
    pace: PaceChecks = field(init=False)
    secrets: SecretChecks = field(init=False)
    tasks: dict[TaskId, ScheduledTask] = field(default_factory=dict)
    _events: deque[str | StoreStep] = field(default_factory=lambda: deque(maxlen=2 * EVENTS_AROUND + 1))
    _finding: str | None = None
    _events_left: int = EVENTS_AROUND

    def __post_init__(self) -> None:
        self.timeline = TimelineChecks(self.fail)
        self.executions = ExecutionChecks(self.fail, self.ledger, DeathChecks(self.fail, self.ledger))
        self.pace = PaceChecks(self.fail)
        self.secrets = SecretChecks(self.fail)

    def step(self, step: StoreStep, before: dict[TaskId, ScheduledTask]) -> None:
        """Judge one step of the store."""
        if step.tasks or step.executions or step.call in ("commit_firings", "mutate", "settle"):
            self.note(step)
        if self._finding is not None:
            return
        self.steps += 1
        self.timeline.step(step, before)
        self.executions.step(step, self.tasks)
        self._lifecycle(step)
        self.tasks.update((after.id, after) for _, after in step.tasks)
        self.pace.step(step, self.tasks)
        self.secrets.step(step)
        self._audit(step)

    def line(self, line: Line) -> None:
        """Judge one line of the ledger, and keep it."""
        self.note(
            f"{line.elapsed / 1e6:.6f} ledger {line.what} {line.execution_id} fence {line.fence} on {line.worker}"
        )
        if self._finding is None:
            self.executions.line(line)
            if line.what == "start" and (life := self.executions.lives.get(line.execution_id)) is not None:
                self.pace.began(life.execution.task_id, line.elapsed)
        self.ledger.write(line)

    def note(self, event: str | StoreStep) -> None:
        """One event for the report; ends the simulation once enough of them followed a broken promise."""
        self._events.append(event)
        if self._finding is not None:
            self._events_left -= 1
            if self._events_left <= 0:
                self.report()

    def fail(self, invariant: str, text: str) -> None:
        """A promise is broken; the first one counts."""
        if self._finding is None:
            self._finding = f"{invariant}: {text}"
            self._events.append(f">>> {self._finding}")

    def remember(self) -> Callable[[], None]:
        """What to call when the store has forgotten everything from now on: then so has its judge.

        What handlers did under claims that were forgotten is the one thing a lost suffix excuses; whatever is left of
        the store's records has to add up without it.
        """
        tasks = dict(self.tasks)
        forgets = (self.timeline.remember(), self.executions.remember())

        def forget() -> None:
            self.tasks = tasks
            for each in forgets:
                each()

        return forget

    @property
    def has_failed(self) -> bool:
        """True once a promise was broken."""
        return self._finding is not None

    def report(self) -> None:
        """Tell of the broken promise, if there is one."""
        if self._finding is not None:
            around = "\n".join(each if isinstance(each, str) else _told(each) for each in self._events)
            self.broken(BrokenPromiseError(f"seed {self.seed}: {self._finding}\n{around}\nreplay: {self.replay}"))

    def _lifecycle(self, step: StoreStep) -> None:
        for before, after in step.tasks:
            known = self.tasks.get(after.id)
            moves = [each for each in step.changes if each.task_id == after.id and each.change.action.moves_version]
            if before is None:
                if after.version != 1 or len(moves) != 1:
                    self.fail("I16", f"{after.id} was born at version {after.version} with {len(moves)} changes")
                continue
            changed = bool(moves) and _is_another(before, after)
            # That a task is at an end may come to light with a change that leaves it as it was.
            ended = after.status != before.status and after.status in (TaskStatus.COMPLETED, TaskStatus.FAILED)
            steps = after.version - before.version
            if len(moves) > 1 or (steps != changed and not (ended and 0 <= steps <= len(moves))):
                self.fail("I16", f"{after.id}: {len(moves)} changes led from {before.version} to {after.version}")
            for each in moves:
                if changed and before.status not in CHANGED_FROM.get(each.change.action, TaskStatus):
                    self.fail("I4", f"{after.id}: {each.change.action} was done while it was {before.status}")
            if known is not None and known is not before:
                self.fail("I16", f"{after.id} moved between two steps")
            if before.definition != after.definition and not moves:
                self.fail("I16", f"{after.id}: its definition moved without a change")

    def _audit(self, step: StoreStep) -> None:
        """I21: as many records as accepted mutations."""
        if step.call == "mutate":
            accepted = sum(type(each).__name__ == "Applied" for each in step.answer)
        elif step.call == "cancel":
            asked = [after for before, after in step.executions if before is not None and after.cancel != before.cancel]
            accepted = min(1, len(asked))
        else:
            accepted = 0
        if len(step.changes) != accepted:
            self.fail("I21", f"{step.call}: {accepted} accepted, {len(step.changes)} on record")
        for each in (*step.tasks, *step.executions):
            self.counts[type(each[1]).__name__] = self.counts.get(type(each[1]).__name__, 0) + 1

    def leaks(self, state: State, wire: Wire, living: Container[str]) -> None:
        """I22: what belongs to work that has ended, or to processes that are no more, is gone."""
        left = {
            "open executions": state.open_ids,
            "members": [each for each in state.members if each not in living],
            "calls under way": [each for each in wire.strays if not each.done()],
        }
        for what, found in left.items():
            if found:
                self.fail("I22", f"{what} are left: {found}")

    def finish(self, now_tasks: list[ScheduledTask], *, store_now: object, behind_max: timedelta) -> None:
        """After healing, draining and quiet: nothing is open, nothing undecided, every outcome backed by the ledger."""
        for task in now_tasks:
            if task.open:
                self.fail("I6", f"{task.id} still has {task.open}")
            look_at = task.look_at
            if task.status is TaskStatus.ACTIVE and look_at is not None and look_at + behind_max < store_now:  # type: ignore[operator]
                self.fail("I2", f"{task.id} owes {look_at} since long at {store_now}")
        self.executions.finish()
        self.report()


def _is_another(before: ScheduledTask, after: ScheduledTask) -> bool:
    """True if a change left the task other than it was, apart from what executions do to it."""
    return any(getattr(before, each) != getattr(after, each) for each in CHANGED)


def _told(step: StoreStep) -> str:
    what = [f"{step.elapsed / 1e6:.6f} #{step.number} {step.process} {step.call}"]
    for before, after in step.executions:
        what.append(f"{after.id}: {before.state if before else 'born'}->{after.state}")
    for was, task in step.tasks:
        old = f"v{was.version} W{was.decided_until:%d %H:%M:%S.%f} o{was.open_seq}" if was else "new"
        what.append(f"{task.id[-12:]}: {old} -> v{task.version} W{task.decided_until:%d %H:%M:%S.%f} o{task.open_seq} ")
        what.append(f"{task.status}")
    what += [f"skip {task_id[-12:]} {skip.reason} x{skip.count}" for task_id, skip in step.skips]
    if isinstance(step.answer, list):
        what.append(",".join(type(each).__name__ for each in step.answer))
    return " ".join(what)
