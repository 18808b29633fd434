from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.errors import InvalidTaskError
from domain.scheduling.execution import ExecutionKind, ExecutionState
from domain.scheduling.identifiers import MICROSECOND, ExecutionId, bucket_of
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import OpenExecution, Quarantine, TaskStatus
from tests.support.builders import EVERY_MINUTE, HOUR, MINUTE, SECOND, a_definition, a_pause, a_task
from tests.support.manual_clock import NOON


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x"},
        {"name": "n" * 200},
        {"name": "Überprüfung: täglich / 夜 🌙"},
        {"name": "'; DROP TABLE tasks; --"},
        {"task_type": "a" * 64},
        {"task_type": "A.b-c_9"},
        {"handler": "h" * 200},
        {"description": "two\nlines\tand a tab" + "d" * 1_981},
        {"tags": tuple(f"tag-{number}" for number in range(20))},
        {"payload_json": '{"a":"' + "x" * (64 * 1024 - 8) + '"}'},
    ],
)
def test_a_definition_within_its_limits_passes(fields: dict[str, Any]) -> None:
    replace(a_definition(), **fields).check()


@pytest.mark.parametrize(
    ("fields", "pointer", "code", "position"),
    [
        ({"name": ""}, "/name", "out_of_range", None),
        ({"name": "n" * 201}, "/name", "out_of_range", None),
        ({"name": " name"}, "/name", "out_of_range", None),
        ({"name": "name\u00a0"}, "/name", "out_of_range", None),
        ({"name": "na\nme"}, "/name", "out_of_range", 2),
        ({"name": "na\x00me"}, "/name", "out_of_range", 2),
        ({"name": "na\x1b[31mme"}, "/name", "out_of_range", 2),
        ({"name": "n\u202eame"}, "/name", "out_of_range", 1),
        ({"name": "nam\u2028e"}, "/name", "out_of_range", 3),
        ({"name": "nam\ud800e"}, "/name", "out_of_range", 3),
        ({"task_type": ""}, "/task_type", "bad_identifier", None),
        ({"task_type": "t" * 65}, "/task_type", "bad_identifier", None),
        ({"task_type": "mail:{1}"}, "/task_type", "bad_identifier", None),
        ({"task_type": "mail\n"}, "/task_type", "bad_identifier", None),
        ({"task_type": "mäil"}, "/task_type", "bad_identifier", None),
        ({"handler": ""}, "/handler", "out_of_range", None),
        ({"handler": "h" * 201}, "/handler", "out_of_range", None),
        ({"handler": "h\r"}, "/handler", "out_of_range", 1),
        ({"description": "d" * 2_001}, "/description", "out_of_range", None),
        ({"description": "null \x00"}, "/description", "out_of_range", 5),
        ({"description": "half \udfff"}, "/description", "out_of_range", 5),
        ({"tags": tuple(f"tag-{number}" for number in range(21))}, "/tags", "out_of_range", None),
        ({"tags": ("a", "a")}, "/tags", "out_of_range", None),
        ({"tags": ("a", "b c")}, "/tags/1", "bad_identifier", None),
        ({"payload_json": '{"a":"\ud800"}'}, "/payload", "out_of_range", 6),
        ({"payload_json": '"' + "ü" * 32 * 1024 + '"'}, "/payload", "too_large", None),
    ],
)
def test_the_first_field_outside_its_limits_is_named(
    fields: dict[str, Any], pointer: str, code: str, position: int | None
) -> None:
    with pytest.raises(InvalidTaskError) as refused:
        replace(a_definition(), **fields).check()

    assert (refused.value.pointer, refused.value.reason, refused.value.position) == (pointer, code, position)


def test_a_handler_is_named_by_the_task_unless_it_says_otherwise() -> None:
    assert a_definition("report").handler_name == "report"
    assert a_definition("report", handler="mail.report").handler_name == "mail.report"


def test_an_active_task_is_looked_at_when_its_next_occurrence_runs() -> None:
    task = a_task(policy=ExecutionPolicy(jitter=30 * SECOND))

    assert task.next_occurrence is not None
    assert task.look_at == task.next_occurrence.run_at
    assert replace(task, next_occurrence=None).look_at is None


def test_what_a_scheduler_waits_for_in_each_status() -> None:
    paused = a_task(paused=True)
    quarantine = Quarantine("bad zone", NOON + HOUR)

    assert paused.look_at is None
    assert replace(paused, pause=a_pause(until=NOON + HOUR)).look_at == NOON + HOUR
    assert replace(a_task(), quarantine=quarantine).look_at == NOON + HOUR
    assert replace(a_task(deleted=True), quarantine=quarantine).look_at is None
    for status in (TaskStatus.COMPLETED, TaskStatus.FAILED):
        assert a_task(status=status).look_at is None


@pytest.mark.parametrize(("max_runs", "done", "left"), [(None, 7, None), (3, 0, 3), (3, 2, 1), (3, 3, 0), (3, 4, 0)])
def test_how_many_runs_are_left(max_runs: int | None, done: int, left: int | None) -> None:
    task = replace(a_task(policy=ExecutionPolicy(max_runs=max_runs)), auto_runs=done)

    assert task.runs_left == left
    assert (task.occurrence_after(NOON) is None) == (left == 0)


def test_without_jitter_everything_up_to_now_is_decidable() -> None:
    assert a_task().decidable_until(NOON + MINUTE) == NOON + MINUTE


def test_what_waits_for_its_jitter_is_not_decidable_yet() -> None:
    task = a_task(policy=ExecutionPolicy(jitter=30 * SECOND))
    assert task.next_occurrence is not None
    nominal_at, run_at = task.next_occurrence.nominal_at, task.next_occurrence.run_at
    assert nominal_at < run_at - MICROSECOND

    def decidable(now: datetime) -> datetime:
        return task.decidable_until(now)

    assert decidable(nominal_at - MICROSECOND) == nominal_at - MICROSECOND
    assert decidable(nominal_at) == nominal_at - MICROSECOND
    assert decidable(run_at - MICROSECOND) == nominal_at - MICROSECOND
    assert decidable(run_at) == run_at


def test_what_is_decided_already_holds_nothing_up() -> None:
    task = replace(a_task(policy=ExecutionPolicy(jitter=30 * SECOND)), decided_until=NOON + MINUTE)

    assert task.decidable_until(NOON + MINUTE) == NOON + MINUTE


def test_its_bounds_reach_its_timeline() -> None:
    policy = ExecutionPolicy(start_at=NOON + HOUR, end_at=NOON + 2 * HOUR, jitter=SECOND)
    timeline = a_task(policy=policy).timeline

    assert (timeline.start_at, timeline.end_at, timeline.jitter) == (NOON + HOUR, NOON + 2 * HOUR, SECOND)
    assert timeline.schedule == EVERY_MINUTE


def test_open_executions_are_replaced_as_a_whole_and_sort_by_id() -> None:
    one, two = (OpenExecution(ExecutionId(each), ExecutionKind.AUTO, ExecutionState.PENDING) for each in "ab")

    assert a_task(open_=(one,)).with_open(two).open == (two,)
    assert sorted([two, one]) == [one, two]


def test_its_bucket_is_that_of_its_id() -> None:
    task = a_task()

    assert task.bucket == bucket_of(task.id)


def test_a_one_time_task_looks_at_its_instant() -> None:
    assert a_task(schedule=OneTimeSchedule(NOON + timedelta(days=3))).look_at == NOON + timedelta(days=3)
