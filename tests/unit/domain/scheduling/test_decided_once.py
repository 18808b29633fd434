"""Over any sequence of firings, changes and settlements every occurrence is decided exactly once.

The oracle knows three things only: which multiples of a period lie in an interval, what each step has moved the
watermark over, and which executions and Skips it has left behind.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.errors import DomainError
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import CancelRequest, Execution, ExecutionKind, ExecutionState
from domain.scheduling.firing import Firing, fire
from domain.scheduling.identifiers import EPOCH, ClaimToken, ExecutionId, NodeId
from domain.scheduling.mutation import Mutation, delete, edit, end_pause, pause, resume, undelete
from domain.scheduling.outcome import Continued, HandedBack, Outcome, Stopped, Succeeded, UnknownHandler
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.runs import run_now
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule
from domain.scheduling.task import PauseMode, ScheduledTask, Skip, TaskStatus
from domain.scheduling.work import Work
from tests.support.builders import HOUR, MINUTE, SECOND, a_change, a_failure, a_pause, a_task, an_open_execution
from tests.support.manual_clock import NOON

PERIODS: dict[Schedule, timedelta] = {
    IntervalSchedule(MINUTE): MINUTE,
    IntervalSchedule(7 * MINUTE): 7 * MINUTE,
    CronSchedule("*/5 * * * *"): 5 * MINUTE,
    CronSchedule("0 * * * *"): HOUR,
}
SCHEDULES = st.sampled_from([*PERIODS, OneTimeSchedule(NOON + 3 * MINUTE), OneTimeSchedule(NOON + 3 * HOUR)])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "misfire": st.sampled_from(Misfire),
    "overlap": st.sampled_from(Overlap),
    "grace": st.sampled_from([None, None, 90 * SECOND, HOUR]),
    "jitter": st.sampled_from([0, 0, 20, 200]).map(lambda seconds: seconds * SECOND),
    "max_runs": st.sampled_from([None, None, None, 3]),
    "start_at": st.sampled_from([None, None, NOON + 40 * MINUTE]),
    "end_at": st.sampled_from([None, None, NOON + 5 * HOUR]),
    "fail_after": st.sampled_from([None, 2]),
    "catch_up_max": st.sampled_from([2, 100]),
}
POLICIES = st.fixed_dictionaries(FIELDS)
OUTCOMES: st.SearchStrategy[Outcome] = st.sampled_from(
    [Succeeded(), Stopped(), HandedBack(), UnknownHandler(), Continued(MINUTE), a_failure(), a_failure(retry_at=NOON)]
)
ANY = st.integers(0, 9)
BUSY = {ExecutionState.PENDING, ExecutionState.RUNNING, ExecutionState.RETRY_WAIT}


def occurrences(task: ScheduledTask, after: datetime, until: datetime) -> list[datetime]:
    """The nominal instants of the definition in force that lie in (after, until]."""
    definition, policy = task.definition, task.definition.policy
    if policy.max_runs is not None and task.auto_runs >= policy.max_runs:
        return []
    if isinstance(definition.schedule, OneTimeSchedule):
        found = [definition.schedule.at]
    else:
        period = PERIODS[definition.schedule]
        first, last = (after - EPOCH) // period, (until - EPOCH) // period
        found = [EPOCH + number * period for number in range(first, last + 1)]
    start, end = policy.start_at or after, policy.end_at or until
    return [instant for instant in found if after < instant <= until and start <= instant <= end]


@dataclass(slots=True)
class Ledger:
    """What was decided: each instant once, and whether it ran; the Skips as a store keeps them."""

    ran: dict[datetime, bool] = field(default_factory=dict)
    skips: dict[datetime, Skip] = field(default_factory=dict)

    def enter(self, due: list[datetime], started: set[datetime], skips: tuple[Skip, ...]) -> None:
        assert started <= set(due), "what ran was owed"
        assert not self.ran.keys() & set(due), "nothing is decided twice"
        self.ran.update((instant, instant in started) for instant in due)
        self.skips.update((skip.first_at, skip) for skip in skips)
        assert sum(skip.count for skip in self.skips.values()) == sum(not ran for ran in self.ran.values())
        assert not any(skip.at_least for skip in skips)

    def check(self) -> None:
        skips = sorted(self.skips.values(), key=lambda skip: skip.first_at)
        for earlier, later in pairwise(skips):
            assert earlier.last_at < later.first_at, "no two Skips overlap"
        for instant, ran in self.ran.items():
            holding = sum(skip.first_at <= instant <= skip.last_at for skip in skips)
            assert holding == (0 if ran else 1), f"{instant} is decided exactly once"


class DecidedOnce(RuleBasedStateMachine):
    """One task, its open executions and a clock that mostly goes forward."""

    @initialize(schedule=SCHEDULES, policy=POLICIES)
    def create(self, schedule: Schedule, policy: dict[str, Any]) -> None:
        self.now = NOON
        # Bounds come by an edit: with some of them there would be nothing to create.
        self.task = a_task(schedule=schedule, policy=ExecutionPolicy(**{**policy, "start_at": None, "end_at": None}))
        self.executions: dict[ExecutionId, Execution] = {}
        self.ledger = Ledger()
        self.held: tuple[ScheduledTask, Firing] | Mutation | None = None

    @rule(seconds=st.sampled_from([1, 20, 60, 61, 300, 3_600, 6 * 3_600]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(seconds=st.sampled_from([1, 90, 1_200]))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.now -= seconds * SECOND

    @rule(seconds=st.sampled_from([0, 60, 400, 3_600]))
    def fire(self, seconds: int) -> None:
        self.now += seconds * SECOND
        self._commit(self.task, fire(self.task, self.now))

    @rule()
    def fire_at_the_next_instant(self) -> None:
        self.now = max(self.now, self.task.look_at or self.now)
        self._commit(self.task, fire(self.task, self.now))

    @rule()
    def decide_now_and_commit_later(self) -> None:
        self.held = (self.task, fire(self.task, self.now))

    @rule(
        schedule=SCHEDULES,
        policy=POLICIES,
        names=st.sets(st.sampled_from([*FIELDS, "schedule"]), max_size=3) | st.just({"schedule"}),
    )
    def edit(self, schedule: Schedule, policy: dict[str, Any], names: set[str]) -> None:
        fields = {name: value for name, value in policy.items() if name in names}
        definition = replace(self.task.definition, policy=replace(self.task.definition.policy, **fields))
        definition = replace(definition, schedule=schedule) if "schedule" in names else definition
        self._change(lambda: edit(self.task, definition, a_change(at=self.now)))

    @precondition(lambda self: self.task.status is TaskStatus.ACTIVE)
    @rule(mode=st.sampled_from(PauseMode), minutes=st.sampled_from([None, 3, 90]))
    def pause(self, mode: PauseMode, minutes: int | None) -> None:
        until = None if minutes is None else self.now + minutes * MINUTE
        held = a_pause(at=self.now, until=until, mode=mode)
        self._change(lambda: pause(self.task, held, a_change(ChangeAction.PAUSE, at=self.now)))

    @precondition(lambda self: self.task.status in (TaskStatus.PAUSED, TaskStatus.FAILED))
    @rule(missed=st.sampled_from(Misfire))
    def resume(self, missed: Misfire) -> None:
        self._change(lambda: resume(self.task, a_change(ChangeAction.RESUME, at=self.now), missed=missed))

    @precondition(lambda self: self.task.pause and self.task.pause.until and self.task.pause.until <= self.now)
    @rule()
    def the_pause_ends(self) -> None:
        self._change(lambda: end_pause(self.task, a_change(ChangeAction.PAUSE_ENDED, at=self.now)))

    @rule(allow=st.booleans())
    def run_now(self, allow: bool) -> None:
        key = f"run {self.task.run_count}"
        change = a_change(ChangeAction.RUN, at=self.now)
        self._change(lambda: run_now(self.task, change, key=key, allow_overlap=allow))

    @precondition(lambda self: self.task.status is not TaskStatus.FAILED)
    @rule(minutes=st.sampled_from([0, 7]))
    def delete_and_undelete(self, minutes: int) -> None:
        self._change(lambda: delete(self.task, a_change(ChangeAction.DELETE, at=self.now)))
        self.now += minutes * MINUTE
        self._change(lambda: undelete(self.task, a_change(ChangeAction.UNDELETE, at=self.now)))

    @rule(missed=st.sampled_from(Misfire), schedule=SCHEDULES)
    def decide_a_change_and_make_it_later(self, missed: Misfire, schedule: Schedule) -> None:
        change = a_change(ChangeAction.RESUME, at=self.now)
        try:
            self.held = resume(self.task, change, missed=missed)
        except DomainError:
            definition = replace(self.task.definition, schedule=schedule)
            try:
                self.held = edit(self.task, definition, a_change(at=self.now))
            except DomainError:
                self.held = None

    @precondition(lambda self: self.held is not None)
    @rule()
    def carry_out_what_was_held(self) -> None:
        held, self.held = self.held, None
        match held:
            case Mutation() as mutation:
                if mutation.holds_for(self.task):
                    self._write(mutation.apply(self._work()), mutation.skips)
            case (task, firing):
                self._commit(task, firing)

    @precondition(lambda self: any(each.state in BUSY for each in self.executions.values()))
    @rule(which=ANY, outcome=OUTCOMES)
    def work_goes_on(self, which: int, outcome: Outcome) -> None:
        execution = self._one_of(which, *BUSY)
        match execution.state:
            case ExecutionState.PENDING:
                token = ClaimToken(f"token {execution.starts}")
                self._put(execution.claimed(NodeId("node"), token, execution.starts, self.now))
            case ExecutionState.RETRY_WAIT:
                self._put(execution.released(self.now))
            case _:
                self._write(self._work().settle(execution.id, outcome, self.now))

    @precondition(lambda self: any(each.state is ExecutionState.RUNNING for each in self.executions.values()))
    @rule(which=ANY)
    def rescue(self, which: int) -> None:
        self._write(self._work().rescue(self._one_of(which, ExecutionState.RUNNING).id, self.now))

    @precondition(lambda self: self.executions)
    @rule(which=ANY)
    def cancel(self, which: int) -> None:
        request = CancelRequest(self.now, "ana", "")
        self._write(self._work().cancel([self._one_of(which, *ExecutionState).id], request))

    @invariant()
    def one_waits_at_most_and_only_beside_others(self) -> None:
        states = [each.state for each in self.executions.values()]
        assert states.count(ExecutionState.WAITING) <= 1
        assert ExecutionState.WAITING not in states or BUSY & set(states)

    @invariant()
    def the_next_occurrence_is_the_first_undecided(self) -> None:
        if self.task.status in (TaskStatus.ACTIVE, TaskStatus.PAUSED):
            following = self.task.next_occurrence
            horizon = self.task.decided_until + 400 * MINUTE
            undecided = occurrences(self.task, self.task.decided_until, horizon)
            assert (following.nominal_at if following else None) == (undecided[0] if undecided else None)

    @invariant()
    def a_task_is_paused_while_it_has_a_pause(self) -> None:
        assert (self.task.status is TaskStatus.PAUSED) == (self.task.pause is not None)

    @invariant()
    def what_is_active_has_something_to_do(self) -> None:
        task_kinds = {ExecutionKind.AUTO, ExecutionKind.CONTINUATION}
        if self.task.status in (TaskStatus.ACTIVE, TaskStatus.PAUSED) and self.task.next_occurrence is None:
            assert any(each.kind in task_kinds for each in self.executions.values())

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.check()

    def _work(self) -> Work:
        return Work.of(self.task, self.executions.values())

    def _one_of(self, which: int, *states: ExecutionState) -> Execution:
        found = [each for each in self.executions.values() if each.state in states]
        return found[which % len(found)]

    def _put(self, execution: Execution) -> None:
        self.executions[execution.id] = execution
        self.task = self.task.with_open(*sorted(map(an_open_execution, self.executions.values())))

    def _change(self, decide: Callable[[], Mutation]) -> None:
        try:
            mutation = decide()
        except DomainError:
            return
        assert mutation.holds_for(self.task)
        self._write(mutation.apply(self._work()), mutation.skips)

    def _commit(self, read: ScheduledTask, firing: Firing) -> None:
        """What a store does: compare what was read and its clock, then write."""
        task, policy = self.task, self.task.definition.policy
        as_read = (task.version, task.decided_until) == (read.version, read.decided_until)
        same_work = policy.overlap is Overlap.ALLOW or task.open_seq == read.open_seq
        in_time = firing.decided_until <= self.now and (firing.good_until is None or self.now < firing.good_until)
        if task.status is not TaskStatus.ACTIVE or not (as_read and same_work and in_time):
            return
        if policy.misfire is not Misfire.ALL:
            again = fire(task, self.now)
            assert [each.occurrence for each in again.run] == [each.occurrence for each in firing.run]
            assert again.skips == firing.skips
        self._write(self._work().commit(firing, self.now), firing.skips)

    def _write(self, work: Work, skips: tuple[Skip, ...] = ()) -> None:
        before, after = self.task, work.task
        assert before.decided_until <= after.decided_until, "the watermark never goes back"
        assert before.version <= after.version
        ended = {each.id for each in work.executions.values() if not each.is_open}
        assert after.open_seq - before.open_seq == bool(work.created or ended)
        due = occurrences(before, before.decided_until, after.decided_until)
        created = [work.executions[each] for each in work.created]
        started = {each.nominal_at for each in created if each.kind is ExecutionKind.AUTO and each.nominal_at}
        self.ledger.enter(due, started, skips)
        self.executions = {each.id: each for each in work.executions.values() if each.is_open}
        self.task = after
        assert after.open == tuple(sorted(map(an_open_execution, self.executions.values())))


DecidedOnce.TestCase.settings = settings(max_examples=100, stateful_step_count=50)
TestDecidedOnce = DecidedOnce.TestCase
