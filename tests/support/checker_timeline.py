"""Decided once, nothing invented, nothing early: what is checked whenever a task's watermark moves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from application.scheduling.ports.task_store import Committed, Decision
from domain.scheduling.execution import Execution, ExecutionKind, ExecutionState
from domain.scheduling.firing import Firing, fire
from domain.scheduling.identifiers import TaskId
from domain.scheduling.policy import Misfire, Overlap
from domain.scheduling.task import ScheduledTask, Skip, SkipReason, TaskStatus
from tests.support.schedule_oracle import LOOK_AHEAD, owed
from tests.support.simulation_witness import StoreStep

SKIPS_PER_STEP_MAX = 3
BESIDE = "beside"
BUSY = {ExecutionState.PENDING, ExecutionState.RUNNING, ExecutionState.RETRY_WAIT}

Fail = Callable[[str, str], None]


@dataclass(slots=True)
class TimelineChecks:
    """I1 to I4, I11, I16, I17, I23, and every accepted commit compared with `fire` on the task as it was then."""

    fail: Fail
    skips: dict[TaskId, dict[datetime, Skip]] = field(default_factory=dict)
    ran: set[tuple[TaskId, str]] = field(default_factory=set)
    # Tasks whose zone has new rules, until what comes next for them has been derived from these.
    outdated: set[TaskId] = field(default_factory=set)

    def remember(self) -> Callable[[], None]:
        """What to call when the store has forgotten everything from now on."""
        skips, ran = {each: dict(kept) for each, kept in self.skips.items()}, set(self.ran)

        def forget() -> None:
            self.skips, self.ran = skips, ran

        return forget

    def step(self, step: StoreStep, before: dict[TaskId, ScheduledTask]) -> None:
        """Judge one step."""
        births = [after for was, after in step.executions if was is None]
        skipped = {task_id for task_id, _ in step.skips}
        for was, task in step.tasks:
            if was is not None:
                self._never_back(was, task)
                self._accounted(step, was, task, [each for each in births if each.task_id == task.id])
            else:
                self._accounted(step, task, task, [each for each in births if each.task_id == task.id])
            if task.id not in step.unreadable:
                self._looks_ahead(step, task)
            skipped.discard(task.id)
        if skipped:
            self.fail("I1", f"{skipped} passed over without a step of their task")
        if step.call == "commit_firings":
            self._as_it_was(step, before)
        for birth in births:
            self._admitted(step, birth, births, before.get(birth.task_id))

    def _never_back(self, was: ScheduledTask, task: ScheduledTask) -> None:
        marks = [(each.decided_until, each.version, each.open_seq) for each in (was, task)]
        if any(now < then for then, now in zip(*marks, strict=True)):
            self.fail("I2", f"{task.id}: something went back: {marks}")

    def _accounted(self, step: StoreStep, was: ScheduledTask, task: ScheduledTask, births: list[Execution]) -> None:
        """Each instant the watermark moved over started, or lies in one Skip of this step; nothing else did."""
        due = owed(was, was.decided_until, task.decided_until)
        started = [each.nominal_at for each in births if each.kind is ExecutionKind.AUTO and each.nominal_at]
        skips = [skip for task_id, skip in step.skips if task_id == task.id]
        if not set(started) <= set(due) or len(set(started)) != len(started):
            self.fail("I3", f"{task.id}: started {started}, owed {due}")
        if len(started) > was.definition.policy.catch_up_max or len(skips) > SKIPS_PER_STEP_MAX:
            self.fail("I17", f"{task.id}: {len(started)} started and {len(skips)} Skips in one step")
        accounted = list(started)
        for skip in skips:
            accounted += self._passed_over(was, skip, due)
        if sorted(accounted) != due:
            self.fail("I1", f"{task.id} by {step.call}: owed {_short(due)}, decided {_short(sorted(accounted))}")

    def _passed_over(self, was: ScheduledTask, skip: Skip, due: list[datetime]) -> list[datetime]:
        """The instants a Skip decides in this step: all that is owed in its range; its count says so."""
        kept = self.skips.setdefault(was.id, {})
        known = kept.get(skip.first_at)
        covered = [each for each in due if skip.first_at <= each <= skip.last_at]
        if skip.reason not in SkipReason or skip.count - (known.count if known else 0) != len(covered) or not covered:
            self.fail("I23", f"{was.id}: {skip} after {known} covers {_short(covered)}")
        elif skip.last_at != covered[-1] or (known is None and skip.first_at != covered[0]):
            self.fail("I23", f"{was.id}: {skip} does not end where what it covers does: {_short(covered)}")
        elif known is not None and known.reason != skip.reason:
            self.fail("I23", f"{was.id}: {skip} grew out of {known}")
        kept[skip.first_at] = skip
        return covered

    def _looks_ahead(self, step: StoreStep, task: ScheduledTask) -> None:
        """The next occurrence is the first undecided one, and who has none is at an end."""
        if task.status not in (TaskStatus.ACTIVE, TaskStatus.PAUSED) or task.deleted_at is not None:
            return
        following = task.next_occurrence
        if following is None:
            if not any(each.kind in (ExecutionKind.AUTO, ExecutionKind.CONTINUATION) for each in task.open):
                self.fail("I1", f"{task.id} is {task.status} with nothing left to do")
            return
        horizon = min(following.nominal_at, task.decided_until + LOOK_AHEAD)
        ahead = owed(task, task.decided_until, horizon)
        expected = [following.nominal_at] if following.nominal_at <= horizon else []
        if ahead == expected:
            self.outdated.discard(task.id)
        elif task.id not in self.outdated or step.call == "commit_firings":
            self.fail("I1", f"{task.id} looks ahead to {following}, the first undecided is {_short(ahead)}")
        if not following.nominal_at <= following.run_at <= following.nominal_at + task.definition.policy.jitter:
            self.fail("I3", f"{task.id}: {following} is not within its jitter")

    def _as_it_was(self, step: StoreStep, before: dict[TaskId, ScheduledTask]) -> None:
        """What was committed is what would have been decided at the commit."""
        decisions: list[Decision] = list(step.arguments[0])
        for decision, answer in zip(decisions, step.answer, strict=True):
            if not isinstance(answer, Committed) or not isinstance(decision.verdict, Firing):
                continue
            current, firing = before[decision.task.id], decision.verdict  # type: ignore[union-attr]
            if current.status is not TaskStatus.ACTIVE or current.deleted_at is not None:
                self.fail("I4", f"{current.id} was fired while {current.status}, deleted {current.deleted_at}")
            # With `all` what came since is left to the next firing; any other decision must be that of this moment too.
            every = current.definition.policy.misfire is Misfire.ALL
            again = fire(current, firing.decided_at if every else step.now)
            if _decision(firing, every) != _decision(again, every):
                self.fail("commit", f"{current.id}: committed {firing}, would decide {again}")
            if firing.decided_at > step.now:
                self.fail("I3", f"{current.id} was decided for {firing.decided_at} at {step.now}")

    def _admitted(
        self, step: StoreStep, birth: Execution, births: list[Execution], before: ScheduledTask | None
    ) -> None:
        name = (birth.task_id, f"{birth.kind}/{birth.key}")
        if name in self.ran:
            self.fail("I1", f"{name} has two executions")
        self.ran.add(name)
        if birth.kind in (ExecutionKind.AUTO, ExecutionKind.MANUAL) and birth.scheduled_at > step.now:
            self.fail("I3", f"{birth.id} was recorded at {step.now}, before its instant {birth.scheduled_at}")
        if before is None:
            return
        policy = before.definition.policy
        if birth.kind in (ExecutionKind.MANUAL, ExecutionKind.BACKFILL):
            beside = any(each.change.reason == BESIDE for each in step.changes)
            if before.open and policy.overlap is not Overlap.ALLOW and not beside:
                self.fail("I11", f"{birth.id} was run beside {before.open}")
        elif birth.kind is ExecutionKind.AUTO:
            earlier = [each for each in births if each.task_id == birth.task_id and each.id < birth.id]
            self._overlaps(birth, before, earlier, {after.id: after for _, after in step.executions})

    def _overlaps(
        self, birth: Execution, before: ScheduledTask, earlier: list[Execution], now: dict[str, Execution]
    ) -> None:
        overlap, state = before.definition.policy.overlap, birth.state
        if overlap is Overlap.SKIP and (before.open or earlier):
            self.fail("I11", f"{birth.id} started beside {before.open}")
        if overlap is Overlap.QUEUE_ONE and (before.open or earlier) and state is ExecutionState.PENDING:
            self.fail("I11", f"{birth.id} did not queue behind {before.open}")
        if overlap is Overlap.CANCEL_PREVIOUS:
            for each in before.open:
                after = now.get(each.id)
                stopped = after is not None and (not after.is_open or after.cancel is not None)
                # One that was asked to stop before is not asked again, so this step does not show it.
                if not stopped and not (after is None and each.state is ExecutionState.RUNNING):
                    self.fail("I11", f"{birth.id} left {each} as it was")


def _decision(firing: Firing, every: bool) -> tuple[object, ...]:
    runs = tuple(start.occurrence for start in firing.run)
    return (runs, firing.skips, frozenset(firing.cancel), firing.next_occurrence, firing.decided_until if every else 0)


def _short(instants: list[datetime]) -> str:
    shown = [f"{each:%d %H:%M:%S.%f}" for each in instants[:6]]
    return f"{len(instants)}: {shown}"
