"""What every outcome, rescue and cancellation does to the executions of a task."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.scheduling.execution import AttemptOutcome, ErrorReport, ExecutionKind, ExecutionState
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.outcome import Continued, HandedBack, Outcome, Stopped, Succeeded, UnknownHandler
from domain.scheduling.work import EndedAttempt, Work
from tests.support.builders import DAY, HOUR, MINUTE, SECOND, a_failure
from tests.support.drawings import PENDING, RETRY_WAIT, RUNNING, WAITING
from tests.support.manual_clock import NOON
from tests.support.works import BY_ANA, CANCELLED, DEAD, DIED, LATER, RETRIED, SUCCEEDED, a_work, execution, states


@pytest.mark.parametrize(
    ("outcome", "state", "attempt"),
    [
        (Succeeded("1"), SUCCEEDED, AttemptOutcome.SUCCEEDED),
        (DIED, DEAD, AttemptOutcome.FAILED),
        (a_failure(timed_out=True), DEAD, AttemptOutcome.TIMEOUT),
        (RETRIED, RETRY_WAIT, AttemptOutcome.FAILED),
        (a_failure(retry_at=LATER, timed_out=True), RETRY_WAIT, AttemptOutcome.TIMEOUT),
        (Stopped(), CANCELLED, AttemptOutcome.CANCELLED),
        (HandedBack(), PENDING, AttemptOutcome.HANDED_BACK),
        (UnknownHandler(), PENDING, AttemptOutcome.UNKNOWN_HANDLER),
        (Continued(MINUTE), SUCCEEDED, AttemptOutcome.SUCCEEDED),
    ],
)
def test_where_each_outcome_leads(outcome: Outcome, state: ExecutionState, attempt: AttemptOutcome) -> None:
    running = execution(RUNNING, starts=2)

    work = a_work(running).settle(running.id, outcome, LATER)

    settled = work.executions[running.id]
    assert (settled.state, settled.finished_at) == (state, LATER if state.is_final else None)
    error = getattr(outcome, "error", None)
    assert work.ended == (EndedAttempt(running.id, 2, attempt, error),)
    assert work.changed == {running.id}
    assert settled.attempts_used == (1 if error else 0)


@pytest.mark.parametrize("state", [state for state in ExecutionState if state is not RUNNING])
def test_only_a_held_claim_can_be_settled_or_rescued(state: ExecutionState) -> None:
    there = execution(state)

    with pytest.raises(AssertionError, match="compared state and token"):
        a_work(there).settle(there.id, DIED, LATER)
    with pytest.raises(AssertionError, match="compared state and token"):
        a_work(there).rescue(there.id, LATER)


@pytest.mark.parametrize("outcome", [DIED, RETRIED, Stopped(), HandedBack(), UnknownHandler(), Continued(MINUTE)])
def test_once_its_cancellation_is_asked_it_only_ends(outcome: Outcome) -> None:
    asked = execution(RUNNING).cancelled(BY_ANA)

    work = a_work(asked).settle(asked.id, outcome, LATER)

    assert states(work) == [CANCELLED]
    assert [each.outcome for each in work.ended] == [AttemptOutcome.CANCELLED]
    assert work.executions[asked.id].finished_at == LATER
    assert work.task.error_count == 0


def test_what_is_handed_back_can_be_claimed_at_once() -> None:
    running = execution(RUNNING)

    assert a_work(running).settle(running.id, HandedBack(), LATER).executions[running.id].available_at == LATER


def test_success_stands_though_its_cancellation_was_asked() -> None:
    asked = execution(RUNNING).cancelled(BY_ANA)

    assert states(a_work(asked).settle(asked.id, Succeeded(), LATER)) == [SUCCEEDED]


def test_a_retry_waits_for_its_instant_and_keeps_its_error() -> None:
    running = execution(RUNNING, attempts_used=1)

    waits = a_work(running).settle(running.id, RETRIED, LATER).executions[running.id]

    assert (waits.available_at, waits.attempts_used, waits.error) == (LATER + MINUTE, 2, RETRIED.error)


@pytest.mark.parametrize("outcome", [Succeeded('"ok"'), Continued(MINUTE, '"ok"')])
def test_success_forgets_the_error_of_the_attempt_before(outcome: Outcome) -> None:
    running = execution(RUNNING, error=DIED.error)

    done = a_work(running).settle(running.id, outcome, LATER).executions[running.id]

    assert (done.error, done.result_json) == (None, '"ok"')


ENDINGS: dict[str, Callable[[Work, ExecutionId], Work]] = {
    "succeeded": lambda work, one: work.settle(one, Succeeded(), LATER),
    "dead": lambda work, one: work.settle(one, DIED, LATER),
    "stopped": lambda work, one: work.settle(one, Stopped(), LATER),
    "poisoned": lambda work, one: work.rescue(one, LATER),
    "dead after all": lambda work, one: work.cancel([one], BY_ANA).settle(one, DIED, LATER),
    "rescued after all": lambda work, one: work.cancel([one], BY_ANA).rescue(one, LATER),
    "without a handler": lambda work, one: work.settle(one, UnknownHandler(), LATER),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_whatever_ends_the_last_one_lets_the_waiting_one_go(ending: Callable[[Work, ExecutionId], Work]) -> None:
    running, waiting = execution(RUNNING, rescues=3, unknown_since=NOON), execution(WAITING, 10)

    work = ending(a_work(running, waiting), running.id)

    assert work.executions[waiting.id].state is PENDING
    assert work.executions[waiting.id].available_at == LATER
    assert work.changed == {running.id, waiting.id}


@pytest.mark.parametrize("outcome", [RETRIED, HandedBack(), UnknownHandler(), Continued(MINUTE)])
def test_what_goes_on_keeps_the_waiting_one_waiting(outcome: Outcome) -> None:
    running, waiting = execution(RUNNING), execution(WAITING, 10)

    work = a_work(running, waiting).settle(running.id, outcome, LATER)

    assert work.executions[waiting.id].state is WAITING


def test_the_waiting_one_waits_for_all_of_them() -> None:
    one, two, waiting = execution(RUNNING), execution(RUNNING, 10), execution(WAITING, 20)

    once = a_work(one, two, waiting).settle(one.id, Succeeded(), LATER)
    twice = once.settle(two.id, Succeeded(), LATER)

    assert (states(once)[2], states(twice)[2]) == (WAITING, PENDING)


@pytest.mark.parametrize("state", [PENDING, RETRY_WAIT])
def test_cancelling_what_it_waits_for_lets_it_go_in_the_same_step(state: ExecutionState) -> None:
    first, waiting = execution(state), execution(WAITING, 10)

    work = a_work(first, waiting).cancel([first.id], BY_ANA)

    assert states(work) == [CANCELLED, PENDING]
    assert work.executions[waiting.id].available_at == BY_ANA.at


def test_cancelling_both_cancels_both() -> None:
    first, waiting = execution(PENDING), execution(WAITING, 10)

    assert states(a_work(first, waiting).cancel([first.id, waiting.id], BY_ANA)) == [CANCELLED, CANCELLED]


def test_cancelling_asks_what_runs_and_leaves_what_is_final_or_unknown() -> None:
    running, done = execution(RUNNING), execution(SUCCEEDED, 10)

    work = a_work(running, done).cancel([running.id, done.id, ExecutionId("other")], BY_ANA)

    assert states(work) == [RUNNING, SUCCEEDED]
    assert work.executions[running.id].cancel == BY_ANA
    assert work.changed == {running.id}
    assert work.task.open_seq == 0


def test_a_rescue_uses_no_attempt_and_starts_over() -> None:
    running = execution(RUNNING, attempts_used=1, starts=4)

    work = a_work(running).rescue(running.id, LATER)

    again = work.executions[running.id]
    assert (again.state, again.attempts_used, again.rescues, again.available_at) == (PENDING, 1, 1, LATER)
    assert work.ended == (EndedAttempt(running.id, 4, AttemptOutcome.RESCUED),)


def test_after_three_rescues_the_fourth_death_is_poison() -> None:
    running = execution(RUNNING)
    work = a_work(running)
    for _ in range(3):
        work = work.rescue(running.id, LATER)
        assert work.executions[running.id].state is PENDING
        claimed = replace(work.executions[running.id], state=RUNNING)
        work = Work.of(work.task, [claimed])

    work = work.rescue(running.id, LATER)

    dead = work.executions[running.id]
    assert (dead.state, dead.rescues, dead.finished_at) == (DEAD, 3, LATER)
    assert dead.error == ErrorReport("poison", "its worker died 4 times while running it")
    assert work.ended == (EndedAttempt(running.id, dead.starts, AttemptOutcome.RESCUED, dead.error),)
    assert work.task.error_count == 1


def test_a_rescue_ends_what_was_asked_to_stop() -> None:
    asked = execution(RUNNING).cancelled(BY_ANA)

    work = a_work(asked).rescue(asked.id, LATER)

    assert (states(work), work.executions[asked.id].finished_at) == ([CANCELLED], LATER)
    assert work.ended == (EndedAttempt(asked.id, 1, AttemptOutcome.RESCUED),)


def test_going_on_records_success_and_a_continuation_in_one_step() -> None:
    running, waiting = execution(RUNNING), execution(WAITING, 10)

    work = a_work(running, waiting).settle(running.id, Continued(MINUTE, '"half"'), LATER)

    done, _, following = work.executions.values()
    assert (done.state, done.result_json) == (SUCCEEDED, '"half"')
    assert (following.kind, following.state) == (ExecutionKind.CONTINUATION, RETRY_WAIT)
    assert following.available_at == LATER + MINUTE
    assert work.created == {following.id}
    assert work.changed == {done.id}
    assert work.task.open_seq == 1


@pytest.mark.parametrize(
    ("number", "after", "goes_on"),
    [
        (0, HOUR, True),
        (5, -HOUR, True),  # the clock was set back
        (47, HOUR, True),
        (48, HOUR, False),
        (48, DAY - SECOND, False),
        (48, DAY, True),
        (96, DAY, False),
    ],
)
def test_the_forty_ninth_continuation_of_a_day_ends_dead(number: int, after: timedelta, goes_on: bool) -> None:
    running = execution(RUNNING, number=number, chain_at=NOON)

    work = a_work(running).settle(running.id, Continued(MINUTE), NOON + after)

    settled = work.executions[running.id]
    assert settled.state is (SUCCEEDED if goes_on else DEAD)
    assert len(work.created) == goes_on
    if not goes_on:
        assert settled.error is not None
        assert settled.error.kind == "continuation_limit"
        assert work.ended[0].outcome is AttemptOutcome.FAILED


def test_a_chain_that_may_not_go_on_ends_like_any_death() -> None:
    running, waiting = execution(RUNNING, number=48, chain_at=NOON), execution(WAITING, 10)

    work = a_work(running, waiting).settle(running.id, Continued(MINUTE), LATER)

    dead = work.executions[running.id]
    assert dead.error == ErrorReport("continuation_limit", "went on more than 48 times a day")
    assert (dead.finished_at, work.executions[waiting.id].available_at) == (LATER, LATER)
    assert work.ended == (EndedAttempt(running.id, 1, AttemptOutcome.FAILED, dead.error),)
