"""The life of each execution: only known edges, one outcome, every start explained, every end backed by the ledger."""

from collections.abc import Callable
from dataclasses import dataclass, field

from application.scheduling.ports.execution_store import Claim, Lost
from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId, TaskId
from domain.scheduling.task import ScheduledTask
from tests.support.checker_deaths import ISOLATED_AFTER, RESCUES_MAX, RESCUING, DeathChecks, Life
from tests.support.checker_pace import wait_before
from tests.support.ledger import Ledger, Line
from tests.support.simulation_witness import StoreStep

WAITING, PENDING, RUNNING = ExecutionState.WAITING, ExecutionState.PENDING, ExecutionState.RUNNING
RETRY_WAIT, SUCCEEDED, DEAD = ExecutionState.RETRY_WAIT, ExecutionState.SUCCEEDED, ExecutionState.DEAD
CANCELLED, DELIVERED = ExecutionState.CANCELLED, ExecutionState.DELIVERED
# Protocol 5, written down a second time on purpose.
EDGES = {
    None: {PENDING, WAITING, RETRY_WAIT, DELIVERED},
    WAITING: {PENDING, CANCELLED},
    PENDING: {RUNNING, CANCELLED, DEAD},
    RUNNING: {SUCCEEDED, RETRY_WAIT, DEAD, CANCELLED, PENDING},
    RETRY_WAIT: {PENDING, CANCELLED, DEAD},
}
FINAL = {SUCCEEDED, DEAD, CANCELLED, DELIVERED}
LEASE_SECONDS = 30


@dataclass(slots=True)
class ExecutionChecks:
    """I5, I7 to I10, I12, and that one waits at most, beside others only."""

    fail: Callable[[str, str], None]
    ledger: Ledger
    deaths: DeathChecks
    lives: dict[ExecutionId, Life] = field(default_factory=dict)
    open: dict[TaskId, dict[ExecutionId, Execution]] = field(default_factory=dict)
    # Claims that the store made and has forgotten: by execution and fence, and by execution and token.
    forgotten: set[tuple[ExecutionId, int]] = field(default_factory=set)
    _void: set[tuple[ExecutionId, ClaimToken]] = field(default_factory=set)
    _named: dict[tuple[ExecutionId, ClaimToken], int] = field(default_factory=dict)
    # Claims that a fail-over has survived, and when that was: their beats have been set back.
    _set_back: dict[tuple[ExecutionId, ClaimToken], int] = field(default_factory=dict)
    # Whether a process runs what may be killing workers; none runs both that and other things.
    _isolated: dict[NodeId, bool] = field(default_factory=dict)
    _elapsed: int = 0
    _fence: int = 0

    def remember(self) -> Callable[[], None]:
        """What to call when the store has forgotten everything from now on; of its claims, that they were is kept."""
        lives = {each: life.copy() for each, life in self.lives.items()}
        open_ = {each: dict(of_task) for each, of_task in self.open.items()}

        def forget() -> None:
            for each, life in self.lives.items():
                kept = lives[each].claims if each in lives else {}
                self.forgotten |= {(each, fence) for fence in life.claims.keys() - kept.keys()}
                self._void |= {(each, life.claims[fence]) for fence in life.claims.keys() - kept.keys()}
            self.lives, self.open = lives, open_
            held = [life.execution for life in lives.values() if life.execution.state is RUNNING]
            self._set_back = {(each.id, each.token): self._elapsed for each in held if each.token is not None}

        return forget

    def step(self, step: StoreStep, tasks: dict[TaskId, ScheduledTask]) -> None:
        """Judge one step."""
        self._elapsed = step.elapsed
        present = tasks | {after.id: after for _, after in step.tasks}
        touched = set()
        for before, after in step.executions:
            life = self.lives.setdefault(after.id, Life(after))
            if before is None and life.path:
                self.fail("I8", f"{after.id} moved on from {life.path}")
            self._moved(step, life, before, after, present[after.task_id])
            life.execution = after
            of_task = self.open.setdefault(after.task_id, {})
            of_task.pop(after.id, None)
            if after.state not in FINAL:
                of_task[after.id] = after
            touched.add(after.task_id)
        for task_id in touched:
            self._one_waits(task_id, present[task_id])
        self._fence = max([self._fence, *(after.fence for _, after in step.executions)])
        if step.call == "claim":
            self._claimed(step)
        elif step.call == "heartbeat":
            self._heard(step)
        elif step.call == "settle":
            self._answered(step)

    def line(self, line: Line) -> None:
        """Judge one line of the ledger."""
        life = self.lives.get(line.execution_id)
        if (line.execution_id, line.fence) in self.forgotten:
            return
        if life is None or line.fence not in life.claims:
            self.fail("I5", f"{line.execution_id} runs with fence {line.fence}, which no record tells of")
        elif line.what == "start" and any(each.fence == line.fence for each in self.ledger.starts(line.execution_id)):
            self.fail("I9", f"{line.execution_id} was started twice with fence {line.fence}")

    def finish(self) -> None:
        """After the drain: every execution is final, and no handler ran more often than it was claimed."""
        for execution_id, life in self.lives.items():
            if life.execution.state not in FINAL:
                self.fail("I6", f"{execution_id} ended as {life.execution.state}")
            started = [each for each in self.ledger.starts(execution_id) if each.fence in life.claims]
            if len(started) > len(life.claims) or len(life.claims) > 1 + life.retries + life.returns:
                self.fail("I9", f"{execution_id}: {len(started)} starts, {len(life.claims)} claims, {life}")

    def _moved(
        self, step: StoreStep, life: Life, before: Execution | None, after: Execution, task: ScheduledTask
    ) -> None:
        was = before.state if before else None
        life.path.append(after.state)
        if before is not None and was is after.state:
            if (before.token, before.fence, before.starts) != (after.token, after.fence, after.starts):
                self.fail("I8", f"{after.id} changed hands while {was}")
            return
        if after.state not in EDGES.get(was, set()):
            self.fail("I8", f"{after.id} went from {was} to {after.state} by {step.call}")
        if before is None:
            self.deaths.redriven(after, self.lives)
            return
        if before.cancel is not None and was is RUNNING and after.state not in FINAL:
            self.fail("I8", f"{after.id} was asked to stop and went on as {after.state}")
        if after.state is RUNNING:
            self._started(step, life, before, after)
        elif was is RUNNING:
            self._ended(step, life, before, after, task)
        if after.state is DEAD:
            self.deaths.died(step, before, after, task)
        elif was is RETRY_WAIT and after.state is PENDING and before.available_at > step.now:
            self.fail("I12", f"{after.id} came back at {step.now}, before {before.available_at}")

    def _started(self, step: StoreStep, life: Life, before: Execution, after: Execution) -> None:
        if after.fence <= self._fence or after.starts != before.starts + 1:
            self.fail("I8", f"{after.id}: fence {after.fence} after {self._fence}")
        # Only who was put back for want of a handler waits while pending.
        if before.unknown_since is not None and before.available_at > step.now:
            self.fail("I12", f"{after.id} was claimed at {step.now}, before {before.available_at}")
        assert after.token is not None
        if (after.id, after.token) in self._void:
            self.fail("I8", f"{after.id} was handed out under a token of an earlier generation")
        life.claims[after.fence] = after.token
        self._named[after.id, after.token] = step.elapsed

    def _ended(self, step: StoreStep, life: Life, before: Execution, after: Execution, task: ScheduledTask) -> None:
        assert before.token is not None
        if step.call == "settle":
            shown = {(each.execution_id, each.token) for each in step.arguments[0]}
            if (before.id, before.token) not in shown:
                self.fail("I8", f"{before.id} was settled without its token")
        elif step.call in RESCUING:
            silent = (step.elapsed - self._named[before.id, before.token]) / 1_000_000
            if silent < LEASE_SECONDS and not self._is_set_back(step, before.id, before.token):
                self.fail("I9", f"{before.id} was taken from a holder heard of {silent} s ago")
        else:
            self.fail("I8", f"{before.id} left running by {step.call}")
        if after.state is SUCCEEDED:
            end = self.ledger.ended(before.id, before.fence)
            if end is None or end.what != "done":
                self.fail("I7", f"{before.id} succeeded, but the ledger says {end}")
        if after.state is PENDING:
            life.returns += 1
            self._returned(step, before, after)
        elif after.state is RETRY_WAIT:
            life.retries += 1
            self._backed_off(before, after, task)

    def _is_set_back(self, step: StoreStep, execution_id: ExecutionId, token: ClaimToken) -> bool:
        """True if its beats may have come by the number that a rescuer saw before the fail-over, and looked unmoved."""
        at = self._set_back.get((execution_id, token))
        return at is not None and step.elapsed - at < 2 * LEASE_SECONDS * 1_000_000

    def _returned(self, step: StoreStep, before: Execution, after: Execution) -> None:
        rescued = step.call in RESCUING
        if after.rescues != before.rescues + rescued or after.rescues > RESCUES_MAX:
            self.fail("I10", f"{after.id}: {after.rescues} rescues after {before.rescues}")
        if after.attempts_used != before.attempts_used:
            self.fail("I9", f"{after.id} lost an attempt by being taken back")

    def _backed_off(self, before: Execution, after: Execution, task: ScheduledTask) -> None:
        if after.attempts_used != before.attempts_used + 1:
            self.fail("I9", f"{after.id}: {after.attempts_used} attempts used after {before.attempts_used}")
        end = self.ledger.ended(before.id, before.fence)
        if task.version != after.version or end is None:
            return
        retry = task.definition.policy.retry
        if after.attempts_used > retry.max_retries:
            self.fail("I12", f"{after.id} is tried again after {after.attempts_used} attempts")
        wait, least = after.available_at - end.worker_now, wait_before(retry.backoff, after.attempts_used)
        if wait < least * 0.899:
            self.fail("I12", f"{after.id} waits {wait}, not {least}")

    def _one_waits(self, task_id: TaskId, task: ScheduledTask) -> None:
        states = [each.state for each in self.open[task_id].values()]
        waiting = states.count(WAITING)
        if waiting > 1 or (waiting and len(states) == waiting):
            self.fail("I11", f"{task_id}: {states}")
        if {each.id for each in task.open} != set(self.open[task_id]):
            self.fail("I14", f"{task_id} says {task.open} is open, not {states}")

    def _claimed(self, step: StoreStep) -> None:
        claims: list[Claim] = list(step.answer)
        for claim in claims:
            present = self.lives[claim.execution.id].execution
            if present.state is not RUNNING or present.token != claim.token:
                self.fail("I8", f"{claim.execution.id} was handed out and is {present.state}")
            self._apart(claim.execution, beside=len(claims) - 1)

    def _apart(self, claimed: Execution, *, beside: int) -> None:
        """What may be killing workers is claimed alone, by processes that never run anything else."""
        assert claimed.worker_id is not None
        is_suspect = claimed.rescues >= ISOLATED_AFTER
        if is_suspect and beside:
            self.fail("I10", f"{claimed.id} may kill {beside} others that were claimed with it")
        if self._isolated.setdefault(claimed.worker_id, is_suspect) is not is_suspect:
            self.fail("I10", f"{claimed.id}, after {claimed.rescues} rescues, was claimed by {claimed.worker_id}")

    def _answered(self, step: StoreStep) -> None:
        for settlement, answer in zip(step.arguments[0], step.answer, strict=True):
            if (settlement.execution_id, settlement.token) in self._void and not isinstance(answer, Lost):
                self.fail("I8", f"{settlement.execution_id} was settled by a claim that the store has forgotten")

    def _heard(self, step: StoreStep) -> None:
        for beat in step.arguments[1]:
            if beat.token not in step.answer.lost:
                if (beat.execution_id, beat.token) in self._void:
                    self.fail("I8", f"{beat.execution_id} is kept by a claim that the store has forgotten")
                self._named[beat.execution_id, beat.token] = step.elapsed
