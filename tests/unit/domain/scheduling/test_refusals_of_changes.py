"""What a person reads when a change or a run by hand is refused; when it is, is tested beside each rule."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import DomainError
from domain.scheduling.execution import ExecutionState
from domain.scheduling.mutation import create, edit, pause, resume
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.runs import backfill, occurrences_to_backfill, redrive, run_now
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import TaskStatus
from tests.support.builders import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    a_change,
    a_creation,
    a_definition,
    a_pause,
    a_task,
    an_execution,
    an_open_execution,
)
from tests.support.manual_clock import NOON

EARLIER = NOON - timedelta(microseconds=1)
BUSY = a_task(open_=(an_open_execution(an_execution()),))
OVER = a_definition(policy=ExecutionPolicy(end_at=NOON))
NO_ROOM = "move end_at, raise max_runs or give another schedule"
NOTHING_BY_ITSELF = "it runs nothing by itself until it is resumed or given a new schedule"
OVERLAP_PLEASE = 'wait for it, cancel it, or let them overlap: "overlap": "allow"'
EXPIRED = replace(a_task(paused=True), definition=OVER, next_occurrence=None)

REFUSED: dict[str, tuple[Callable[[], object], str, str, str, str | None]] = {
    "created for the past": (
        lambda: a_creation(a_definition(schedule=OneTimeSchedule(NOON))),
        "in_the_past",
        "/schedule",
        "2024-01-15 12:00:00 UTC lies in the past",
        'give a later instant, or say "if_past": "run_now"',
    ),
    "created without an occurrence": (
        lambda: a_creation(OVER),
        "exhausted",
        "/schedule",
        "no occurrence is left within its bounds",
        NO_ROOM,
    ),
    "moved into the past": (
        lambda: edit(a_task(), a_definition(schedule=OneTimeSchedule(EARLIER)), a_change()),
        "in_the_past",
        "/schedule",
        "2024-01-15 11:59:59.999999 UTC lies in the past",
        "an edit needs a later instant; what has passed can be run by hand",
    ),
    "left without an occurrence": (
        lambda: edit(a_task(), OVER, a_change()),
        "exhausted",
        "/schedule",
        "no occurrence is left within its bounds",
        NO_ROOM,
    ),
    "paused when it is over": (
        lambda: pause(a_task(status=TaskStatus.COMPLETED), a_pause(), a_change()),
        "completed",
        "",
        "the task is completed and cannot be paused",
        NOTHING_BY_ITSELF,
    ),
    "paused until the past": (
        lambda: pause(a_task(), a_pause(until=NOON), a_change()),
        "in_the_past",
        "/until",
        "this end lies in the past",
        "give a later instant, or none: then the pause lasts until somebody ends it",
    ),
    "resumed while it is active": (
        lambda: resume(a_task(), a_change()),
        "active",
        "",
        "the task is active and cannot be resumed",
        None,
    ),
    "resumed when it is over": (
        lambda: resume(a_task(status=TaskStatus.COMPLETED), a_change()),
        "completed",
        "",
        "the task is completed and cannot be resumed",
        "give it a new schedule, which makes it active, or run it by hand",
    ),
    "resumed when nothing is left": (
        lambda: resume(EXPIRED, a_change()),
        "exhausted",
        "",
        "nothing is left to run: every occurrence lies in the past",
        "give it a new schedule, or resume with missed=latest to run what was passed over",
    ),
    "run beside what is open": (
        lambda: run_now(BUSY, a_change(), key="k"),
        "already_running",
        "",
        "an execution of this task is still open",
        OVERLAP_PLEASE,
    ),
    "redriven beside what is open": (
        lambda: redrive(BUSY, an_execution(state=ExecutionState.DEAD), a_change()),
        "already_running",
        "",
        "an execution of this task is still open",
        OVERLAP_PLEASE,
    ),
    "redriven though it did not die": (
        lambda: redrive(a_task(), an_execution(state=ExecutionState.SUCCEEDED), a_change()),
        "not_dead",
        "",
        "the execution is succeeded, and only a dead one is redriven",
        "run the task now instead",
    ),
    "backfilled with several at once": (
        lambda: backfill(
            a_task(), occurrences_to_backfill(a_task(), NOON - 2 * MINUTE, NOON, NOON), a_change(), key="k"
        ),
        "runs_overlap",
        "",
        "3 executions of this task would be open at once",
        'let them overlap, "overlap": "allow", or ask for one occurrence at a time',
    ),
    "backfilled ahead": (
        lambda: occurrences_to_backfill(a_task(), NOON, NOON + SECOND, NOON),
        "in_the_future",
        "/until",
        "a backfill is for the past: its end lies ahead of now",
        "it is 2024-01-15T12:00:00+00:00",
    ),
    "backfilled backwards": (
        lambda: occurrences_to_backfill(a_task(), NOON, EARLIER, NOON),
        "out_of_range",
        "/until",
        "the end lies before the beginning",
        "swap the two",
    ),
    "backfilled where there is nothing": (
        lambda: occurrences_to_backfill(a_task(), NOON - 59 * SECOND, NOON - SECOND, NOON),
        "no_occurrence",
        "/from",
        "the schedule has no occurrence in there",
        None,
    ),
    "backfilled for too long": (
        lambda: occurrences_to_backfill(a_task(), NOON - DAY, NOON - DAY + 100 * MINUTE, NOON),
        "too_many",
        "/until",
        "more than 100 occurrences lie in there",
        "the first 100 end at 2024-01-14T13:39:00+00:00",
    ),
}


@pytest.mark.parametrize(("change", "code", "pointer", "detail", "hint"), REFUSED.values(), ids=REFUSED)
def test_a_change_is_refused_in_these_words(
    change: Callable[[], object], code: str, pointer: str, detail: str, hint: str | None
) -> None:
    with pytest.raises(DomainError) as caught:
        change()

    refused = caught.value
    assert (refused.reason, refused.pointer, refused.detail, refused.hint) == (code, pointer, detail, hint)


def test_what_is_refused_at_one_instant_is_granted_a_microsecond_later() -> None:
    soon = a_definition(schedule=OneTimeSchedule(NOON + timedelta(microseconds=1)))

    assert create(a_task().id, soon, a_change()).after.next_occurrence is not None
    assert edit(a_task(), soon, a_change()).after.next_occurrence is not None
    assert pause(a_task(), a_pause(until=NOON + timedelta(microseconds=1)), a_change()).after.pause is not None
    assert len(occurrences_to_backfill(a_task(), NOON - HOUR, NOON - HOUR + 99 * MINUTE, NOON + HOUR)) == 100
