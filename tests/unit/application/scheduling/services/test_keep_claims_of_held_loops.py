"""What the heartbeat settles or hands back itself, because the loop of the handlers does not."""

import asyncio
from dataclasses import replace

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.services.attempt import Hurry
from application.scheduling.services.keep_claims import OVERDUE_AFTER
from domain.scheduling.events import ClaimLost, ExecutionSettled
from domain.scheduling.execution import AttemptOutcome, ErrorReport, ExecutionState
from domain.scheduling.outcome import Succeeded
from tests.support.attempts import holding
from tests.support.builders import SECOND
from tests.support.house import ANA, House
from tests.support.waiting import turns


async def test_what_nobody_timed_out_is_settled_by_the_heartbeat(house: House) -> None:
    perform = await holding(house)
    (attempt,) = perform.live.all()
    house.clock.advance(60 * SECOND + OVERDUE_AFTER)
    await house.heartbeat(perform).run_once()
    in_time = house.states()
    house.clock.advance(SECOND)

    await house.heartbeat(perform).run_once()

    assert in_time == [ExecutionState.RUNNING]
    assert house.states() == [ExecutionState.RETRY_WAIT]
    assert perform.is_stuck
    assert attempt.is_lost
    (settled,) = house.observer.seen(ExecutionSettled)
    assert (settled.outcome, settled.state, settled.took) == (
        AttemptOutcome.TIMEOUT,
        ExecutionState.RETRY_WAIT,
        60 * SECOND + OVERDUE_AFTER + SECOND,
    )


async def test_an_attempt_that_has_ended_and_waits_to_be_settled_is_not_overdue(house: House) -> None:
    @house.processors.task("mail")
    async def handler(payload: object, run: object) -> None:
        return None

    await house.run_now(await house.create(policy={"timeout": "1s"}))
    perform = house.perform()
    async with asyncio.TaskGroup() as group:
        await perform.claim_once(group)
    house.clock.advance(60 * SECOND)

    await house.heartbeat(perform).run_once()
    await perform.settle_once()

    assert house.states() == [ExecutionState.SUCCEEDED]
    assert not perform.is_stuck


async def test_an_overdue_settlement_that_failed_is_tried_again(house: House) -> None:
    perform = await holding(house)
    heartbeat = house.heartbeat(perform)
    house.clock.advance(90 * SECOND)
    house.stores.state.available = False
    heartbeat._named_at = house.clock.monotonic()
    with pytest.raises(StoreUnavailableError):
        await heartbeat.run_once()
    house.stores.state.available = True

    await heartbeat.run_once()

    assert house.states() == [ExecutionState.RETRY_WAIT]


async def test_what_given_up_code_does_later_is_not_told_as_a_lost_claim(house: House) -> None:
    @house.processors.task("mail")
    async def handler(payload: object, run: object) -> None:
        await asyncio.Event().wait()

    await house.run_now(await house.create(policy={"timeout": "1d"}))
    perform = house.perform()
    async with asyncio.TaskGroup() as group:
        await perform.claim_once(group)
        await turns()
        house.clock.advance(100_000 * SECOND)
        await house.heartbeat(perform).run_once()

    assert house.observer.seen(ClaimLost) == []
    assert len(house.observer.seen(ExecutionSettled)) == 1
    assert not perform.is_stuck, "it ended after all"
    assert not await perform.settle_once()


async def test_what_the_loop_gave_up_and_did_not_come_to_settle_is_settled_by_the_heartbeat(house: House) -> None:
    perform = await holding(house, max_retries=0)
    (attempt,) = perform.live.all()
    house.clock.advance(65 * SECOND)
    attempt.hurry(Hurry.TIMEOUT)
    attempt.give_up()
    ended = attempt.conclude()
    house.clock.advance(3 * SECOND)

    await house.heartbeat(perform).run_once()

    assert (house.states(), len(perform.live)) == ([ExecutionState.DEAD], 0)
    assert perform.is_stuck, "its code goes on"
    (settled,) = house.observer.seen(ExecutionSettled)
    assert (settled.outcome, settled.took) == (AttemptOutcome.TIMEOUT, ended.took)


async def test_what_succeeded_while_the_loop_was_held_is_no_time_out_however_late_it_is_settled(house: House) -> None:
    perform = await holding(house)
    (attempt,) = perform.live.all()
    attempt.end(Succeeded())
    house.clock.advance(600 * SECOND)

    await house.heartbeat(perform).run_once()

    assert (house.states(), perform.is_stuck) == ([ExecutionState.SUCCEEDED], False)


async def test_code_that_goes_on_although_its_claim_was_lost_is_stuck_when_its_time_is_over(house: House) -> None:
    perform = await holding(house)
    (attempt,) = perform.live.all()
    attempt.lose()
    house.clock.advance(70 * SECOND)
    house.stores.state.available = False

    await house.heartbeat(perform).run_once()

    assert perform.is_stuck


async def test_an_end_that_both_threads_tell_at_once_is_observed_once(house: House) -> None:
    perform = await holding(house)
    (attempt,) = perform.live.all()
    attempt.end(Succeeded())
    attempt.conclude()
    house.clock.advance(90 * SECOND)

    async with asyncio.TaskGroup() as group:
        group.create_task(perform.settle_once())
        group.create_task(house.heartbeat(perform).run_once())

    assert house.states() == [ExecutionState.SUCCEEDED]
    assert len(house.observer.seen(ExecutionSettled)) == 1
    assert house.observer.seen(ClaimLost) == []


async def test_for_a_held_loop_what_has_ended_is_settled_by_what_it_came_to(house: House) -> None:
    perform = await holding(house, count=6)
    succeeded, failed, late, told, stopped, lost = perform.live.all()
    lost.lose()
    await house.manage.cancel(stopped.execution_id, ANA)
    await house.heartbeat(perform).run_once()
    late.hurry(Hurry.TIMEOUT)
    told.hurry(Hurry.LEAVING)
    for each in (failed, late, told, stopped):
        each.end(each.failed(ErrorReport("RuntimeError", "no")))
    succeeded.log.info("its last words")
    succeeded.end(Succeeded())

    goes_on = await house.heartbeat(perform).stand_in(threads_too=False)

    assert not goes_on
    outcomes = {each.execution_id: each.outcome for each in house.observer.seen(ExecutionSettled)}
    assert outcomes == {
        succeeded.execution_id: AttemptOutcome.SUCCEEDED,
        failed.execution_id: AttemptOutcome.FAILED,
        late.execution_id: AttemptOutcome.TIMEOUT,
        told.execution_id: AttemptOutcome.HANDED_BACK,
        stopped.execution_id: AttemptOutcome.CANCELLED,
    }
    assert [line.text for line in house.stores.state.executions[succeeded.execution_id].log] == ["its last words"]
    assert perform.live.all() == (lost,)


async def test_for_a_held_loop_threads_go_on_and_what_waits_in_it_is_handed_back(house: House) -> None:
    perform = await holding(house, count=3)
    thread, waiting, given_up = perform.live.all()
    assert thread.enter_thread()
    assert given_up.enter_thread()
    given_up.hurry(Hurry.TIMEOUT)
    given_up.give_up()
    given_up.conclude()

    goes_on = await house.heartbeat(perform).stand_in(threads_too=False)

    assert goes_on
    assert [house.execution(each.execution_id).state for each in (thread, waiting, given_up)] == [
        ExecutionState.RUNNING,
        ExecutionState.PENDING,
        ExecutionState.RETRY_WAIT,
    ]
    assert perform.live.all() == (thread,)
    thread.checkpoint()


async def test_at_the_end_of_all_graces_threads_are_handed_back_too(house: House) -> None:
    perform = await holding(house)
    (thread,) = perform.live.all()
    assert thread.enter_thread()

    assert not await house.heartbeat(perform).stand_in(threads_too=True)

    assert (house.states(), len(perform.live)) == ([ExecutionState.PENDING], 0)


async def test_what_stuck_code_alone_runs_in_goes_on_for_nobody(house: House) -> None:
    perform = await holding(house)
    (stuck,) = perform.live.all()
    assert stuck.enter_thread()
    house.clock.advance(70 * SECOND)
    heartbeat = house.heartbeat(perform)
    await heartbeat.run_once()

    assert not await heartbeat.stand_in(threads_too=False)
    assert perform.is_stuck


async def test_a_claim_whose_answer_the_held_loop_never_read_is_handed_back_at_the_end(house: House) -> None:
    perform = await holding(house)
    (thread,) = perform.live.all()
    assert thread.enter_thread()
    unheard = await house.run_now(await house.create("other"))
    await house.claim()
    heartbeat = house.heartbeat(perform)
    await heartbeat.stand_in(threads_too=False)
    meanwhile = house.execution(unheard).state
    thread.end(Succeeded())

    await heartbeat.stand_in(threads_too=False)

    assert meanwhile is ExecutionState.RUNNING, "the loop may still read it while this process has something to do"
    back = house.execution(unheard)
    assert (back.state, back.rescues, back.attempts_used) == (ExecutionState.PENDING, 0, 0)
    assert house.execution(thread.execution_id).state is ExecutionState.SUCCEEDED


async def test_a_settlement_for_a_held_loop_that_failed_is_tried_again(house: House) -> None:
    perform = await holding(house)
    (attempt,) = perform.live.all()
    attempt.end(Succeeded())
    house.stores.state.available = False
    with pytest.raises(StoreUnavailableError):
        await house.heartbeat(perform).stand_in(threads_too=False)
    house.stores.state.available = True

    await house.heartbeat(perform).stand_in(threads_too=False)

    assert house.states() == [ExecutionState.SUCCEEDED]


async def test_what_is_overdue_because_another_handler_holds_the_loop_is_handed_back(house: House) -> None:
    perform = await holding(house, count=2)
    holder, victim = perform.live.all()
    heartbeat = replace(house.heartbeat(perform), holder=lambda: holder.token)
    holder.deadline += 600
    house.clock.advance(OVERDUE_AFTER + 61 * SECOND)

    await heartbeat.run_once()

    handed_back = house.execution(victim.execution_id)
    assert (handed_back.state, handed_back.attempts_used) == (ExecutionState.PENDING, 0)
    assert not victim.is_stuck
    assert house.execution(holder.execution_id).state is ExecutionState.RUNNING


async def test_whoever_holds_the_loop_beyond_its_own_time_has_timed_out(house: House) -> None:
    perform = await holding(house)
    (holder,) = perform.live.all()
    heartbeat = replace(house.heartbeat(perform), holder=lambda: holder.token)
    house.clock.advance(OVERDUE_AFTER + 61 * SECOND)

    await heartbeat.run_once()

    assert house.execution(holder.execution_id).attempts_used == 1
    assert holder.is_stuck
