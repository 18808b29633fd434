"""Why executions end dead, and what takes the place of a dead one (I13)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.identifiers import ClaimToken, ExecutionId
from domain.scheduling.task import ScheduledTask
from tests.support.ledger import Ledger
from tests.support.simulation_witness import StoreStep

RESCUES_MAX = 3
ISOLATED_AFTER = 2
RESCUING = ("rescue", "rescue_worker")
UNKNOWN_FOR = timedelta(hours=1)
CONTINUATIONS_MAX = 48
# What a handler of the simulation gives up with.
GIVEN_UP = "gone"


@dataclass(slots=True)
class Life:
    """What has happened to an execution so far."""

    execution: Execution
    claims: dict[int, ClaimToken] = field(default_factory=dict)
    retries: int = 0
    returns: int = 0
    path: list[ExecutionState] = field(default_factory=list)

    def copy(self) -> "Life":
        """The same so far; what happens to one of them happens to the other no more."""
        return replace(self, claims=dict(self.claims), path=list(self.path))


@dataclass(frozen=True, slots=True)
class DeathChecks:
    """I7 and I13: dead is what used up its attempts, poisoned its workers, lacked a handler or went on for too long."""

    fail: Callable[[str, str], None]
    ledger: Ledger

    def died(self, step: StoreStep, before: Execution, after: Execution, task: ScheduledTask) -> None:
        """Judge the end of an execution."""
        kind = after.error.kind if after.error else ""
        match kind:
            case "poison":
                due = before.rescues >= RESCUES_MAX and step.call in RESCUING
            case "unknown_handler":
                due = before.unknown_since is not None and step.now - before.unknown_since >= UNKNOWN_FOR
            case "continuation_limit":
                due = before.number >= CONTINUATIONS_MAX
            case str() if kind == GIVEN_UP:
                ended = self.ledger.ended(before.id, before.fence)
                due = ended is not None and ended.what == "failed"
            case _:
                due = self._exhausted(before, after, task)
        if not due:
            self.fail("I13", f"{after.id} died of {kind} by {step.call}, and was {before}")
        # Claims whose answers were lost count as recoveries too, so poison may kill what no handler ever saw.
        if kind not in ("unknown_handler", "poison") and not self.ledger.starts(after.id):
            self.fail("I7", f"{after.id} died of {kind} without having run")

    def redriven(self, born: Execution, lives: dict[ExecutionId, Life]) -> None:
        """Judge what takes the place of a dead execution; that it is the only one, its key sees to."""
        kind, _, dead = born.key.partition(":")
        if kind != "redrive":
            return
        life = lives.get(ExecutionId(dead))
        is_dead = life is not None and life.execution.state is ExecutionState.DEAD
        if life is None or not is_dead or life.execution.task_id != born.task_id:
            self.fail("I13", f"{born.id} was to take the place of {dead}, which is {life}")

    def _exhausted(self, before: Execution, after: Execution, task: ScheduledTask) -> bool:
        if after.attempts_used != before.attempts_used + 1:
            return False
        # Of an older version only people know how often it may be tried again.
        return task.version != after.version or after.attempts_used == task.definition.policy.retry.max_retries + 1
