"""Random lives of tasks, led in two stores at once: each answers as the reference does and keeps the invariants."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from application.scheduling.ports.execution_store import Beat, Held, LogLine, Progress, Settlement
from application.scheduling.ports.history import Retention
from application.scheduling.ports.task_store import Applied, Committed, Decision
from domain.errors import DomainError
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ClaimToken, ExecutionId, TaskId
from domain.scheduling.mutation import Mutation, create, delete, edit, end_pause, pause, resume, undelete
from domain.scheduling.outcome import Continued, HandedBack, Outcome, Stopped, Succeeded, UnknownHandler
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.runs import redrive
from domain.scheduling.schedule import OneTimeSchedule, Schedule
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import Delivery, Pause, PauseMode, Quarantine, ScheduledTask
from tests.conformance.machine import BUSY, Pair, run_by_hand
from tests.conformance.store_under_test import OTHER_WORKER, WORKER
from tests.support.builders import DAY, EVERY_MINUTE, HOUR, HOURLY, MINUTE, SECOND, a_change, a_definition, a_failure
from tests.support.manual_clock import NOON
from tests.support.recorders import CountingEntropy

NAMES = ("report", "digest", "backup", "cleanup", "archive")
SCHEDULES: tuple[Schedule, ...] = (EVERY_MINUTE, HOURLY, OneTimeSchedule(NOON + 3 * MINUTE))
POLICIES = (
    *(ExecutionPolicy(overlap=overlap) for overlap in Overlap),
    ExecutionPolicy(misfire=Misfire.ALL, overlap=Overlap.ALLOW, catch_up_max=3),
    ExecutionPolicy(misfire=Misfire.EARLIEST, overlap=Overlap.QUEUE_ONE, fail_after=1),
    ExecutionPolicy(misfire=Misfire.SKIP, grace=2 * MINUTE, max_runs=3),
    ExecutionPolicy(jitter=40 * SECOND, end_at=NOON + HOUR),
)
STEPS = (SECOND, 20 * SECOND, MINUTE, MINUTE, 5 * MINUTE, HOUR, DAY)
PASTS = (None, None, 2 * MINUTE, HOUR)
LEADS = (timedelta(0), timedelta(0), timedelta(milliseconds=30), MINUTE)
RETENTION = Retention(executions=DAY, changes=2 * DAY, deleted_tasks=DAY)

some = st.integers(min_value=0, max_value=11)  # which of those there are, counted from the newest
rarely = st.integers(min_value=0, max_value=3).map(lambda number: number == 3)


def _outcomes(lately: timedelta) -> tuple[Outcome, ...]:
    retry = a_failure(retry_at=NOON + lately + MINUTE)
    return (Succeeded('{"n": 1}'), Succeeded(), retry, retry, a_failure(), Continued(MINUTE), *_EARLY_ENDS)


_EARLY_ENDS = (Stopped(), HandedBack(), UnknownHandler())


class LivesOfTasks(RuleBasedStateMachine):
    """What people, schedulers and workers do, with what they read just now or some while ago."""

    backend = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair(self.backend)
        self.entropy = CountingEntropy()
        self.tasks: list[ScheduledTask] = []
        self.read: list[ScheduledTask] = []
        self.gone: list[ScheduledTask] = []
        self.known: list[TaskId] = []
        self.tokens: list[tuple[ExecutionId, ClaimToken]] = []
        self.executions: list[ExecutionId] = []
        self.held: list[list[Held]] = []
        self.marks: dict[TaskId, tuple[Any, ...]] = {}

    @initialize(policies=st.lists(st.sampled_from(POLICIES), min_size=3, max_size=3))
    def open(self, policies: list[ExecutionPolicy]) -> None:
        self.pair.open()
        for name, policy in zip(NAMES, policies, strict=False):
            self.create(name, EVERY_MINUTE, policy, external=False, key=None)

    def teardown(self) -> None:
        try:
            self.pair.compare_records(self.known)
        finally:
            self.pair.close()

    @invariant()
    def both_look_the_same_and_keep_the_rules(self) -> None:
        self.tasks = self.pair.compare()
        for task in self.tasks:
            states = [each.state for each in task.open]
            waiting = states.count(ExecutionState.WAITING)
            assert waiting == 0 or (waiting == 1 and BUSY & set(states)), "one waits, beside one that is busy"
            mark = (task.decided_until, task.version, task.open_seq)
            before = self.marks.get(task.id, mark)
            assert all(now >= then for now, then in zip(mark, before, strict=True)), "nothing goes back"
            self.marks[task.id] = mark

    # Time and reading.

    @rule(by=st.sampled_from(STEPS))
    def time_passes(self, by: timedelta) -> None:
        self.read = [*self.tasks, *self.read][:12]
        self.pair.clock.advance(by)

    def _task(self, which: int, *, stale: bool) -> ScheduledTask | None:
        found = self.read if stale else self.tasks
        return found[which % len(found)] if found else None

    # People.

    @rule(
        name=st.sampled_from(NAMES),
        schedule=st.sampled_from(SCHEDULES),
        policy=st.sampled_from(POLICIES),
        external=rarely,
        key=st.sampled_from((None, None, "first", "second")),
    )
    def create(self, name: str, schedule: Schedule, policy: ExecutionPolicy, external: bool, key: str | None) -> None:
        delivery = Delivery.EXTERNAL if external else Delivery.MANAGED
        definition = a_definition(name, schedule=schedule, policy=policy, delivery=delivery)
        task_id = TaskId(f"{name}-{len(self.known)}")
        self._change(lambda change: create(task_id, definition, change, run_if_past=True), ChangeAction.CREATE, key=key)
        self.known.append(task_id)

    @rule(which=some, stale=rarely, name=st.sampled_from(NAMES), schedule=st.sampled_from(SCHEDULES))
    def edit(self, which: int, stale: bool, name: str, schedule: Schedule) -> None:
        if task := self._task(which, stale=stale):
            definition = replace(a_definition(name, schedule=schedule), policy=task.definition.policy)
            self._change(partial(edit, task, definition), ChangeAction.EDIT)

    @rule(which=some, stale=rarely, mode=st.sampled_from(PauseMode), wait=st.sampled_from((None, MINUTE)))
    def pause(self, which: int, stale: bool, mode: PauseMode, wait: timedelta | None) -> None:
        if task := self._task(which, stale=stale):
            now = self.pair.clock.now()
            asked = Pause("maintenance", "ana", now, None if wait is None else now + wait, mode)
            self._change(partial(pause, task, asked), ChangeAction.PAUSE)

    @rule(missed=st.sampled_from(Misfire), stale=rarely)
    def resume_all(self, missed: Misfire, stale: bool) -> None:
        for task in self.read if stale else self.tasks:
            self._change(partial(resume, task, missed=missed), ChangeAction.RESUME)

    @rule(which=some, stale=rarely, sure=rarely)
    def delete(self, which: int, stale: bool, sure: bool) -> None:
        if sure and (task := self._task(which, stale=stale)):
            deleted = self._change(partial(delete, task), ChangeAction.DELETE)
            self.gone += [deleted] if deleted else []

    @rule(which=some)
    def undelete(self, which: int) -> None:
        if self.gone:
            self._change(partial(undelete, self.gone[which % len(self.gone)]), ChangeAction.UNDELETE)

    @rule(which=some, stale=rarely, key=st.sampled_from("abcdef"), beside=st.booleans(), past=st.sampled_from(PASTS))
    def run_by_hand(self, which: int, stale: bool, key: str, beside: bool, past: timedelta | None) -> None:
        if task := self._task(which, stale=stale):
            asked = partial(run_by_hand, task, key=f"{key}/{task.id}", beside=beside, past=past)
            self._change(asked, ChangeAction.RUN, key=key)

    @rule(which=some, beside=st.booleans())
    def redrive(self, which: int, beside: bool) -> None:
        for task in self.tasks:
            if dead := self.pair.dead_of(task):
                again = partial(redrive, task, dead[which % len(dead)], allow_overlap=beside)
                self._change(again, ChangeAction.REDRIVE)

    @rule(which=some)
    def cancel(self, which: int) -> None:
        if self.executions:
            execution_id = self.executions[-1 - which % len(self.executions)]
            change = a_change(ChangeAction.CANCEL, at=self.pair.clock.now())
            self.pair.both(lambda store: store.executions.cancel(execution_id, change))

    def _change(
        self, decide: Callable[[Change], Mutation], action: ChangeAction, key: str | None = None
    ) -> ScheduledTask | None:
        change = a_change(action, at=self.pair.clock.now(), key=key, body_hash=action if key else "")
        try:
            mutation = decide(change)
        except DomainError:
            return None
        answer = self.pair.both(lambda store: store.mutate(mutation))
        if not isinstance(answer, Applied):
            return None
        self.executions += [each.id for each in answer.task.open if each.id not in self.executions]
        return answer.task

    # Schedulers.

    @rule(which=some, stale=rarely, lead=st.sampled_from(LEADS))
    def commit_one(self, which: int, stale: bool, lead: timedelta) -> None:
        if task := self._task(which, stale=stale):
            self._commit([task], lead)

    @rule(by=st.sampled_from(STEPS))
    def a_scheduler_passes(self, by: timedelta) -> None:
        until = self.pair.clock.advance(by)
        due = self.pair.both(lambda store: store.tasks.due(EVERYTHING, until=until, limit=100))
        tasks = [task for task in due if isinstance(task, ScheduledTask)]
        self._commit([task for task in tasks if task.pause is None], timedelta(0))
        for task in (each for each in tasks if each.pause is not None):
            self._change(partial(end_pause, task), ChangeAction.PAUSE_ENDED)

    @rule(which=some, stale=rarely)
    def quarantine(self, which: int, stale: bool) -> None:
        if task := self._task(which, stale=stale):
            decision = Decision(task, Quarantine("it cannot be decided", self.pair.clock.now() + MINUTE))
            self.pair.both(lambda store: store.tasks.commit_firings([decision]))

    def _commit(self, tasks: list[ScheduledTask], lead: timedelta) -> None:
        at = self.pair.clock.now() + lead
        decisions = [Decision(task, fire(task, at)) for task in tasks]
        current = {task.id: task for task in self.tasks}
        answers = self.pair.both(lambda store: store.tasks.commit_firings(decisions))
        for decision, answer in zip(decisions, answers, strict=True):
            if isinstance(answer, Committed):
                self.executions += answer.execution_ids
                _check_still_owed(decision, current)

    # Workers.

    @rule(number=st.integers(min_value=1, max_value=4), other=rarely, isolated=rarely)
    def claim(self, number: int, other: bool, isolated: bool) -> None:
        tokens = [ClaimToken(self.entropy.token()) for _ in range(number)]
        worker = OTHER_WORKER if other else WORKER
        for claim in self.pair.both(lambda store: store.executions.claim(worker, tokens, isolated=isolated)):
            self.tokens.append((claim.execution.id, claim.token))
        self.pair.both(lambda store: store.executions.is_suspect_pending())

    @rule(which=some)
    def heartbeat(self, which: int) -> None:
        beats = [
            Beat(each, token, Progress(which, 12), (LogLine(NOON, "info", str(which)),))
            for each, token in self.tokens[-1 - which :]
        ]
        self.pair.both(lambda store: store.executions.heartbeat(WORKER, beats))

    @rule(which=some, outcome=st.integers(min_value=0, max_value=8), count=st.integers(min_value=1, max_value=3))
    def settle_some(self, which: int, outcome: int, count: int) -> None:
        outcomes = _outcomes(self.pair.clock.now() - NOON)
        ending = self.tokens[::-1][which : which + count]
        # Different ones, as what each of them does to their task depends on those before it.
        mixed = [outcomes[(outcome + 4 * place) % len(outcomes)] for place in range(count)]
        settlements = [Settlement(*held, came_to) for held, came_to in zip(ending, mixed, strict=False)]
        self.pair.both(lambda store: store.executions.settle(settlements))

    @rule(outcome=st.integers(min_value=0, max_value=8))
    def work(self, outcome: int) -> None:
        self.claim(2, other=False, isolated=False)
        self.settle_some(0, outcome, count=1)

    @rule(limit=st.integers(min_value=1, max_value=3), by=st.sampled_from((SECOND, 2 * MINUTE)))
    def release(self, limit: int, by: timedelta) -> None:
        self.pair.clock.advance(by)
        self.pair.both(lambda store: store.executions.release_due(limit))

    @rule()
    def look_who_is_silent(self) -> None:
        self.held = [sorted(held, key=lambda each: each.execution_id) for held in self.pair.each(_held)]
        reference, compared = [[replace(each, beat=0) for each in held] for held in self.held]
        assert compared == reference

    @rule(other=st.booleans(), known_dead=st.booleans())
    def rescue(self, other: bool, known_dead: bool) -> None:
        if known_dead:
            self.pair.both(lambda store: store.executions.rescue_worker(OTHER_WORKER if other else WORKER))
        elif self.held:
            # Beats are counted by each store as it likes, so each is shown what it showed.
            seen = iter(self.held)
            reference, compared = self.pair.each(lambda store: store.executions.rescue(next(seen)))
            assert compared == reference

    @rule(limit=st.integers(min_value=1, max_value=20), sure=rarely)
    def prune(self, limit: int, sure: bool) -> None:
        if sure:
            self.pair.both(lambda store: store.history.prune(RETENTION, limit=limit))


async def _held(store: Any) -> list[Held]:
    return list(await store.executions.held())


def _check_still_owed(decision: Decision, current: dict[TaskId, ScheduledTask]) -> None:
    """What was committed is what would have been decided on the task as it was at the commit."""
    read, firing = decision.task, decision.verdict
    assert isinstance(read, ScheduledTask)
    assert not isinstance(firing, Quarantine)
    again = fire(current[read.id], firing.decided_until)
    assert [start.occurrence for start in again.run] == [start.occurrence for start in firing.run]
    assert (again.skips, again.next_occurrence) == (firing.skips, firing.next_occurrence)
