"""Executions whose handler no worker has: put back, and given up in the end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.scheduling.execution import AttemptOutcome, ErrorReport, ExecutionState
from domain.scheduling.outcome import UnknownHandler
from domain.scheduling.work import EndedAttempt, Work
from tests.support.builders import HOUR, SECOND
from tests.support.drawings import PENDING, RUNNING, WAITING
from tests.support.manual_clock import NOON
from tests.support.works import DEAD, LATER, RETRIED, a_work, execution


@pytest.mark.parametrize(("starts", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (1_000, 60)])
def test_an_unknown_handler_puts_it_back_for_longer_and_longer(starts: int, seconds: int) -> None:
    running = execution(RUNNING, starts=starts)

    back = a_work(running).settle(running.id, UnknownHandler(), LATER).executions[running.id]

    assert (back.state, back.available_at, back.unknown_since) == (PENDING, LATER + seconds * SECOND, LATER)


@pytest.mark.parametrize(("after", "state"), [(HOUR - SECOND, PENDING), (HOUR, DEAD)])
def test_an_hour_without_a_handler_is_the_end(after: timedelta, state: ExecutionState) -> None:
    running = execution(RUNNING, unknown_since=NOON)

    work = a_work(running).settle(running.id, UnknownHandler(), NOON + after)

    settled = work.executions[running.id]
    assert work.ended == (EndedAttempt(running.id, 1, AttemptOutcome.UNKNOWN_HANDLER, settled.error),)
    assert settled.finished_at == (NOON + after if state is DEAD else None)
    assert (settled.state, settled.unknown_since, settled.attempts_used) == (state, NOON, 0)
    assert settled.error == (
        ErrorReport("unknown_handler", "no worker has a handler named 'report'") if state is DEAD else None
    )


def test_what_waits_for_its_handler_for_too_long_dies_without_an_attempt() -> None:
    back, waiting = execution(PENDING, unknown_since=NOON), execution(WAITING, 10)

    work = a_work(back, waiting).expire(back.id, LATER)

    dead = work.executions[back.id]
    assert (dead.state, dead.finished_at, dead.attempts_used) == (DEAD, LATER, 0)
    assert dead.error == ErrorReport("unknown_handler", "no worker has a handler named 'report'")
    assert (work.executions[waiting.id].state, work.executions[waiting.id].available_at) == (PENDING, LATER)
    assert (work.ended, work.task.error_count, work.task.open_seq) == ((), 1, 1)


def test_an_earlier_version_is_not_said_to_miss_the_handler_of_the_present_one() -> None:
    back = execution(PENDING, unknown_since=NOON)
    task = replace(a_work(back).task, version=back.version + 1)

    dead = Work.of(task, [back]).expire(back.id, LATER).executions[back.id]

    assert dead.error == ErrorReport("unknown_handler", "no worker has the handler of its version")


def test_what_no_worker_has_claimed_yet_is_not_given_up() -> None:
    fresh = execution(PENDING)

    with pytest.raises(AssertionError, match="only what was put back for its handler expires"):
        a_work(fresh).expire(fresh.id, LATER)


def test_a_handler_that_ran_and_failed_is_known_again() -> None:
    running = execution(RUNNING, unknown_since=NOON)

    assert a_work(running).settle(running.id, RETRIED, LATER).executions[running.id].unknown_since is None
