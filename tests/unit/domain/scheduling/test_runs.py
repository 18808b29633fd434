"""Executions asked for by hand: in place of a dead one, and for occurrences of the past."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import InvalidTaskError, TaskStateError
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import Execution, ExecutionKind, ExecutionState, manual
from domain.scheduling.identifiers import MICROSECOND, ClaimToken, NodeId, microseconds
from domain.scheduling.mutation import Mutation
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.runs import BACKFILL_MAX, backfill, occurrences_to_backfill, overlap_refusal, redrive
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule
from domain.scheduling.task import Delivery, ScheduledTask
from domain.scheduling.work import Work
from tests.support.builders import (
    DAY,
    HOUR,
    HOURLY,
    MINUTE,
    SECOND,
    a_change,
    a_failure,
    a_task,
    an_execution,
    an_open_execution,
)
from tests.support.manual_clock import NOON

ALLOW = ExecutionPolicy(overlap=Overlap.ALLOW)
REDRIVE, BACKFILL = a_change(ChangeAction.REDRIVE), a_change(ChangeAction.BACKFILL)


def a_dead(task: ScheduledTask, *, payload_json: str | None = None) -> Execution:
    return replace(an_execution(task), state=ExecutionState.DEAD, payload_json=payload_json, finished_at=NOON)


def nominal(task: ScheduledTask, begin: datetime, until: datetime, now: datetime = NOON) -> list[datetime]:
    return [each.nominal_at for each in occurrences_to_backfill(task, begin, until, now)]


def test_a_redriven_execution_is_linked_to_the_dead_one() -> None:
    task = replace(a_task(), version=7)
    dead = a_dead(task, payload_json='{"days":2}')

    (run,) = redrive(task, dead, REDRIVE).runs

    assert (run.kind, run.state, run.version) == (ExecutionKind.MANUAL, ExecutionState.PENDING, 7)
    assert (run.key, run.redrive_of, run.payload_json) == (f"redrive:{dead.id}", dead.id, '{"days":2}')


def test_what_died_with_the_definitions_payload_runs_with_that_of_the_present_one() -> None:
    task = a_task()

    (run,) = redrive(task, a_dead(task), REDRIVE).runs

    assert run.payload_json is None


def test_only_manual_executions_are_in_place_of_others() -> None:
    task = a_task()
    run = manual(task.id, 1, key="k", at=NOON, payload_json=None)

    assert (run.redrive_of, replace(an_execution(), key="redrive:x").redrive_of) == (None, None)


@pytest.mark.parametrize("state", [state for state in ExecutionState if state is not ExecutionState.DEAD])
def test_only_what_is_dead_is_redriven(state: ExecutionState) -> None:
    task = a_task()

    with pytest.raises(TaskStateError) as refused:
        redrive(task, replace(a_dead(task), state=state), REDRIVE)

    assert refused.value.reason == "not_dead"


def redriven(task: ScheduledTask, *, allow: bool) -> Mutation:
    return redrive(task, a_dead(task), REDRIVE, allow_overlap=allow)


def backfilled(task: ScheduledTask, *, allow: bool) -> Mutation:
    return backfill(task, occurrences_to_backfill(task, NOON, NOON, NOON), BACKFILL, key="b", allow_overlap=allow)


@pytest.mark.parametrize("asked", [redriven, backfilled])
def test_a_busy_task_is_run_only_where_runs_may_overlap(asked: Callable[..., Mutation]) -> None:
    task = a_task(open_=(an_open_execution(an_execution()),))

    with pytest.raises(TaskStateError) as refused:
        asked(task, allow=False)
    assert refused.value.reason == "already_running"
    assert len(asked(task, allow=True).runs) == 1


def test_a_backfill_has_an_execution_for_each_occurrence_and_they_are_claimed_in_their_order() -> None:
    task = a_task(schedule=HOURLY, policy=ALLOW)
    occurrences = occurrences_to_backfill(task, NOON - 3 * HOUR, NOON, NOON)

    runs = backfill(task, occurrences, BACKFILL, key="api:key").runs

    assert [each.nominal_at for each in runs] == [NOON - 3 * HOUR, NOON - 2 * HOUR, NOON - HOUR, NOON]
    assert runs[0].key == f"api:key:{microseconds(NOON - 3 * HOUR)}"
    assert sorted(runs, key=lambda each: (each.available_at, each.id)) == list(runs)
    assert {(each.kind, each.state, each.version) for each in runs} == {
        (ExecutionKind.BACKFILL, ExecutionState.PENDING, task.version)
    }
    assert {(each.available_at, each.scheduled_at, each.created_at) for each in runs} == {(NOON, NOON, NOON)}


def test_a_backfill_moves_neither_schedule_nor_watermark_nor_what_counts_for_max_runs() -> None:
    task = a_task(schedule=HOURLY, policy=replace(ALLOW, max_runs=5))
    occurrences = occurrences_to_backfill(task, NOON - 3 * HOUR, NOON, NOON)

    after = backfill(task, occurrences, BACKFILL, key="b").apply(Work(task)).task

    assert (len(after.open), after.run_count) == (4, 4)
    moved = {"open": after.open, "open_seq": after.open_seq, "run_count": 4, "last_run_at": NOON}
    assert after == replace(task, **moved)  # type: ignore[arg-type]


def test_a_dead_backfill_stops_no_task() -> None:
    task = a_task(schedule=HOURLY, policy=replace(ALLOW, fail_after=1))
    work = backfill(task, occurrences_to_backfill(task, NOON, NOON, NOON), BACKFILL, key="b").apply(Work(task))
    (run,) = work.executions.values()
    claimed = run.claimed(NodeId("worker"), ClaimToken("token"), 1, NOON)

    after = Work.of(work.task, [claimed]).settle(run.id, a_failure(), NOON).task

    assert (after.status, after.error_count, after.last_state) == (task.status, 0, ExecutionState.DEAD)


def test_several_at_once_need_leave_to_overlap() -> None:
    task = a_task(schedule=HOURLY)
    occurrences = occurrences_to_backfill(task, NOON - HOUR, NOON, NOON)

    with pytest.raises(TaskStateError) as refused:
        backfill(task, occurrences, BACKFILL, key="b")

    assert refused.value.reason == "runs_overlap"
    assert len(backfill(task, occurrences, BACKFILL, key="b", allow_overlap=True).runs) == 2
    assert len(backfill(task, occurrences[:1], BACKFILL, key="b").runs) == 1


def test_why_runs_may_not_overlap_is_told_without_asking_for_them() -> None:
    quiet, busy = a_task(schedule=HOURLY), a_task(open_=(an_open_execution(an_execution()),))

    told = [overlap_refusal(task, count, allow_overlap=False) for task, count in ((quiet, 1), (quiet, 2), (busy, 1))]

    assert [each and each.reason for each in told] == [None, "runs_overlap", "already_running"]
    assert overlap_refusal(busy, 2, allow_overlap=True) is None
    assert overlap_refusal(a_task(policy=ALLOW), 2, allow_overlap=False) is None


def test_the_end_of_what_may_be_backfilled_is_told_on_the_clocks_of_the_task() -> None:
    task = a_task(schedule=CronSchedule("0 * * * *", "Europe/Berlin"))

    with pytest.raises(InvalidTaskError) as too_many:
        occurrences_to_backfill(task, NOON - BACKFILL_MAX * HOUR, NOON, NOON)
    with pytest.raises(InvalidTaskError) as ahead:
        occurrences_to_backfill(task, NOON, NOON + HOUR, NOON)

    assert too_many.value.hint == f"the first {BACKFILL_MAX} end at 2024-01-15T12:00:00+01:00"
    assert ahead.value.hint == "it is 2024-01-15T13:00:00+01:00"


def test_what_a_foreign_program_consumes_is_delivered_at_once() -> None:
    task = a_task(schedule=HOURLY, delivery=Delivery.EXTERNAL)

    (run,) = backfill(task, occurrences_to_backfill(task, NOON, NOON, NOON), BACKFILL, key="b").runs

    assert (run.task_id, run.version) == (task.id, task.version)
    assert (run.state, run.finished_at) == (ExecutionState.DELIVERED, NOON)


def test_both_ends_of_the_span_are_in_it() -> None:
    task = a_task(schedule=HOURLY)

    assert nominal(task, NOON - HOUR, NOON) == [NOON - HOUR, NOON]
    assert nominal(task, NOON - HOUR + MICROSECOND, NOON) == [NOON]
    assert nominal(task, NOON - HOUR, NOON - MICROSECOND) == [NOON - HOUR]


def test_bounds_of_the_task_hold_and_max_runs_does_not() -> None:
    bounded = replace(ExecutionPolicy(max_runs=1), start_at=NOON - 3 * HOUR, end_at=NOON - HOUR)
    task = replace(a_task(schedule=HOURLY, policy=bounded, at=NOON - DAY), auto_runs=1)

    assert nominal(task, NOON - DAY, NOON) == [NOON - 3 * HOUR, NOON - 2 * HOUR, NOON - HOUR]


def test_a_span_from_before_all_schedules_begins_with_the_first_occurrence() -> None:
    task = a_task(schedule=OneTimeSchedule(NOON), at=NOON)

    assert nominal(task, datetime.min.replace(tzinfo=UTC), NOON) == [NOON]


@pytest.mark.parametrize(
    ("begin", "until", "code", "pointer"),
    [
        (NOON - HOUR, NOON + MICROSECOND, "in_the_future", "/until"),
        (NOON, NOON - MICROSECOND, "out_of_range", "/until"),
        (NOON - HOUR + SECOND, NOON - SECOND, "no_occurrence", "/from"),
        (NOON - BACKFILL_MAX * HOUR, NOON, "too_many", "/until"),
    ],
)
def test_a_span_that_cannot_be_backfilled_is_refused_whole(
    begin: datetime, until: datetime, code: str, pointer: str
) -> None:
    with pytest.raises(InvalidTaskError) as refused:
        nominal(a_task(schedule=HOURLY), begin, until)

    assert (refused.value.reason, refused.value.pointer) == (code, pointer)


def test_as_many_as_are_allowed_are_allowed_and_one_more_tells_how_far_they_reach() -> None:
    task = a_task(schedule=HOURLY)
    begin = NOON - (BACKFILL_MAX - 1) * HOUR

    assert len(nominal(task, begin, NOON)) == BACKFILL_MAX
    with pytest.raises(InvalidTaskError) as refused:
        nominal(task, begin - HOUR, NOON)
    assert refused.value.hint is not None
    assert (NOON - HOUR).isoformat() in refused.value.hint


def test_asking_for_years_of_seconds_costs_no_more_than_for_a_few() -> None:
    task = a_task(schedule=IntervalSchedule(SECOND), at=NOON - 3_000 * DAY)

    with pytest.raises(InvalidTaskError):
        nominal(task, NOON - timedelta(days=3_000), NOON - MINUTE)
