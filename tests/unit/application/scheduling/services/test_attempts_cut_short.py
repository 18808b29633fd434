"""How one attempt ends that does not end by itself: timed out, cancelled, its claim lost, or its worker leaving."""

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from application.scheduling.processors import (
    Run,
)
from application.scheduling.services.attempt import Attempt, Hurry
from application.scheduling.services.run_execution import Call
from domain.scheduling.outcome import Failed, HandedBack, Stopped, Succeeded
from tests.support.attempts import ended, outcome_of, runner
from tests.support.house import House
from tests.support.waiting import eventually, turns

AN_INSTANT = 0.02


async def test_an_async_handler_is_cancelled_when_its_time_is_over(house: House) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> None:
        await asyncio.Event().wait()

    outcome = await ended(house, handler, lasts=AN_INSTANT)

    assert isinstance(outcome, Failed)
    assert outcome.timed_out
    assert outcome.error.kind == "timeout"
    assert outcome.error.text == "it ran longer than 15m"


async def test_a_handler_that_cleans_up_within_the_grace_is_never_stuck(house: House) -> None:
    seen = []

    @house.processors.task("mail")
    async def handler(payload: dict[str, Any], _run: Run) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await turns()
            seen.append(attempt.is_stuck)

    attempt = await house.attempt(lasts=AN_INSTANT)
    async with asyncio.TaskGroup() as group:
        outcome = await outcome_of(runner(house), attempt, group)

    assert isinstance(outcome, Failed)
    assert (seen, attempt.is_stuck) == ([False], False)


async def test_a_handler_that_still_finishes_within_the_grace_has_succeeded(house: House) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> dict[str, bool]:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return {"done": True}

    assert await ended(house, handler, lasts=AN_INSTANT) == Succeeded('{"done":true}')


async def test_a_handler_that_ignores_its_cancellation_is_timed_out_and_marked_until_it_ends(house: House) -> None:
    release = asyncio.Event()

    async def handler(payload: dict[str, Any], run: Run) -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    house.processors.task("mail")(handler)
    attempt, run = await house.attempt(lasts=AN_INSTANT), runner(house, stop_grace=AN_INSTANT)
    async with asyncio.TaskGroup() as group:
        outcome = await outcome_of(run, attempt, group)
        was_stuck = attempt.is_stuck
        release.set()

    assert isinstance(outcome, Failed)
    assert outcome.timed_out
    assert (was_stuck, attempt.is_stuck) == (True, False)


async def test_a_thread_is_timed_out_and_marked_until_it_ends(house: House) -> None:
    release = Event()

    def plain(payload: dict[str, Any], run: Run) -> None:
        release.wait(5)

    house.processors.task("mail")(plain)
    attempt, run = await house.attempt(lasts=AN_INSTANT), runner(house, stop_grace=AN_INSTANT)
    async with asyncio.TaskGroup() as group:
        outcome = await outcome_of(run, attempt, group)
    was_stuck = attempt.is_stuck
    release.set()
    await eventually(lambda: attempt.is_over and not attempt.is_stuck)

    assert isinstance(outcome, Failed)
    assert outcome.timed_out
    assert was_stuck


async def test_what_runs_in_a_thread_is_known_and_its_end_is_before_the_loop_hears_of_it(house: House) -> None:
    run, gate = runner(house), Event()

    def plain(payload: dict[str, Any], _run: Run) -> dict[str, bool]:
        return {"waited": gate.wait(5)}

    house.processors.task("mail")(plain)
    attempt = await house.attempt()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(outcome_of(run, attempt, group))
        await eventually(lambda: attempt.is_in_thread)
        gate.set()
        held_until = time.monotonic() + 5
        while not attempt.is_over:
            assert time.monotonic() < held_until
        known = (attempt.conclude().outcome, running.done())

    assert known == (Succeeded('{"waited":true}'), False)
    assert (running.result(), attempt.is_in_thread) == (known[0], False)


async def test_an_async_function_behind_a_plain_one_needs_the_loop(house: House) -> None:
    run, seen = runner(house), []

    async def inner() -> None:
        seen.append(attempt.is_in_thread)

    def plain(payload: dict[str, Any], _run: Run) -> Any:
        return inner()

    house.processors.task("mail")(plain)
    attempt = await house.attempt()
    async with asyncio.TaskGroup() as group:
        outcome = await outcome_of(run, attempt, group)

    assert (outcome, seen) == (Succeeded(), [False])


async def test_a_function_whose_end_was_decided_while_it_waited_for_a_thread_is_not_begun(house: House) -> None:
    gate, began = Event(), []

    def plain(payload: dict[str, Any], _run: Run) -> None:
        began.append(True)

    house.processors.task("mail")(plain)
    attempt, pool = await house.attempt(), ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(pool)
    pool.submit(gate.wait, 5)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(outcome_of(runner(house), attempt, group))
        await turns()
        handed_back = attempt.cut_off(threads_too=False)
        gate.set()

    assert handed_back is not None
    assert running.result() == handed_back.outcome == HandedBack()
    assert (began, attempt.is_over) == ([], True)


async def test_a_machine_without_a_thread_to_spare_fails_the_attempt(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plain(payload: dict[str, Any], _run: Run) -> None:
        raise AssertionError("never called")

    async def to_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(asyncio, "to_thread", to_thread)

    outcome = await ended(house, plain)

    assert isinstance(outcome, Failed)
    assert outcome.error.kind == "RuntimeError"
    assert "can't start new thread" in outcome.error.text


async def test_a_thread_that_minds_its_checkpoints_ends_within_the_grace(house: House) -> None:
    def plain(payload: dict[str, Any], run: Run) -> None:
        while True:
            run.checkpoint()

    outcome = await ended(house, plain, lasts=AN_INSTANT)

    assert isinstance(outcome, Failed)
    assert outcome.timed_out


@pytest.mark.parametrize("in_thread", [False, True], ids=["async", "at a checkpoint"])
async def test_a_cancelled_handler_stops(house: House, in_thread: bool) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> None:
        await asyncio.Event().wait()

    def plain(payload: dict[str, Any], run: Run) -> None:
        while True:
            run.checkpoint()

    async def cancel(attempt: Attempt, _call: Call) -> None:
        attempt.ask_to_stop()

    assert await ended(house, plain if in_thread else handler, meanwhile=cancel) == Stopped()


async def test_a_handler_that_succeeds_although_it_was_cancelled_has_succeeded(house: House) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async def cancel(attempt: Attempt, _call: Call) -> None:
        attempt.ask_to_stop()

    assert await ended(house, handler, meanwhile=cancel) == Succeeded()


async def test_asking_again_does_not_disturb_the_cleaning_up(house: House) -> None:
    cleaned = []

    async def handler(payload: dict[str, Any], run: Run) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await turns(50)
            cleaned.append(True)

    async def cancel_twice(attempt: Attempt, _call: Call) -> None:
        attempt.ask_to_stop()
        await turns()
        attempt.ask_to_stop()
        attempt.lose()

    assert await ended(house, handler, meanwhile=cancel_twice) is None
    assert cleaned == [True]


async def test_one_that_was_cancelled_before_it_began_never_gets_far(house: House) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> None:
        await asyncio.Event().wait()

    house.processors.task("mail")(handler)
    attempt = await house.attempt()
    attempt.ask_to_stop()
    async with asyncio.TaskGroup() as group:
        outcome = await outcome_of(runner(house), attempt, group)

    assert outcome == Stopped()


@pytest.mark.parametrize("in_thread", [False, True], ids=["async", "at a checkpoint"])
async def test_a_lost_claim_has_no_outcome(house: House, in_thread: bool) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> None:
        await asyncio.Event().wait()

    def plain(payload: dict[str, Any], run: Run) -> None:
        while True:
            run.checkpoint()

    async def lose(attempt: Attempt, _call: Call) -> None:
        attempt.lose()

    assert await ended(house, plain if in_thread else handler, meanwhile=lose) is None


@pytest.mark.parametrize("in_thread", [False, True], ids=["async", "at a checkpoint"])
async def test_a_leaving_worker_hands_back_what_does_not_end(house: House, in_thread: bool) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> None:
        await asyncio.Event().wait()

    def plain(payload: dict[str, Any], run: Run) -> None:
        while True:
            run.checkpoint()

    async def leave(_attempt: Attempt, call: Call) -> None:
        call.stop(Hurry.LEAVING)

    assert await ended(house, plain if in_thread else handler, meanwhile=leave) == HandedBack()
