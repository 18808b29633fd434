"""How one attempt ends: whatever its handler returns, raises or ignores becomes an outcome, and nothing else."""

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from application.scheduling.processors import (
    RESULT_BYTES_MAX,
    Continue,
    PermanentError,
    Run,
    RunCancelledError,
    Summary,
)
from application.scheduling.services.attempt import Attempt, Hurry
from application.scheduling.services.error_reports import TEXT_CHARACTERS_MAX
from application.scheduling.services.run_execution import CONTINUE_AFTER_MAX, CURRENT_ATTEMPT, Call, RunExecution
from domain.scheduling.outcome import Continued, Failed, HandedBack, Outcome, Stopped, Succeeded, UnknownHandler
from domain.scheduling.retry import GiveUp, RetryAt
from tests.support.builders import HOUR
from tests.support.house import House
from tests.support.waiting import eventually, turns

AN_INSTANT = 0.02


class Ask(BaseModel):
    """A payload with a field that must be there."""

    days: int

    @field_validator("days")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value == 13:
            raise RuntimeError("a validator with a fault of its own")
        return value


def runner(house: House, *, stop_grace: float = 5.0) -> RunExecution:
    return RunExecution(house.processors, house.clock, timedelta(seconds=stop_grace))


async def outcome_of(
    run: RunExecution,
    attempt: Attempt,
    group: asyncio.TaskGroup,
    meanwhile: Callable[[Attempt, Call], Awaitable[None]] | None = None,
) -> Outcome | None:
    """How this attempt ends; None: its claim was lost."""
    over = asyncio.get_running_loop().create_future()
    call = run.begin(attempt, group, over.set_result)
    if meanwhile is not None:
        await turns()
        await meanwhile(attempt, call)
    await over
    return None if attempt.is_lost else attempt.conclude().outcome


async def ended(
    house: House,
    function: Callable[[Any, Run], Any],
    *,
    lasts: float = 900,
    stop_grace: float = 5.0,
    meanwhile: Callable[[Attempt, Call], Awaitable[None]] | None = None,
    **fields: Any,
) -> Outcome | None:
    """How an attempt with this handler ends."""
    house.processors.task("mail")(function)
    attempt = await house.attempt(lasts=lasts, **fields)
    async with asyncio.TaskGroup() as group:
        outcome = await outcome_of(runner(house, stop_grace=stop_grace), attempt, group, meanwhile)
    assert not attempt.is_stuck
    return outcome


def _nested(depth: int) -> list[Any]:
    return [_nested(depth - 1)] if depth else []


RETURNED: list[tuple[Any, Any]] = [
    (None, None),
    (Summary({"sent": 3}), {"sent": 3}),
    ({"sent": 3}, {"sent": 3}),
    (Summary(), {}),
    ({"at": timedelta(seconds=3), "to": {"é": None}}, {"at": "0:00:03", "to": {"é": None}}),
    ({"not": float("nan")}, "it is not JSON"),
    ({"half": "\ud800"}, "it is not JSON"),
    ({"nul": "\x00"}, "it is not JSON"),
    ({"a": _nested(40)}, "it is not JSON"),
    ({"rows": "x" * 10_000_000}, f"more than {RESULT_BYTES_MAX:,} bytes"),
]


@pytest.mark.parametrize(("returned", "kept"), RETURNED, ids=lambda part: repr(part)[:25])
async def test_what_a_handler_returns_is_kept_if_it_can_be(house: House, returned: Any, kept: Any) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> Any:
        return returned

    outcome = await ended(house, handler)

    assert isinstance(outcome, Succeeded)
    if isinstance(kept, str):
        kept = {"note": f"the result was dropped: {kept}"}
    assert outcome.result_json is None if kept is None else json.loads(outcome.result_json or "") == kept


class Unprintable:
    def __str__(self) -> str:
        raise KeyError("its text is a secret")

    __repr__ = __str__


async def test_a_result_whose_text_fails_is_dropped_and_the_run_still_succeeds(house: House) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> Any:
        return {"what": Unprintable()}

    assert isinstance(await ended(house, handler), Succeeded)


@pytest.mark.parametrize(
    ("after", "waits"),
    [(timedelta(minutes=5), timedelta(minutes=5)), (-HOUR, timedelta(0)), (timedelta(days=400), CONTINUE_AFTER_MAX)],
)
async def test_continuing_waits_within_bounds(house: House, after: timedelta, waits: timedelta) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> Any:
        return Continue(after, {"done": 1})

    assert await ended(house, handler) == Continued(waits, '{"done":1}')


class UntellableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def _recursing() -> None:
    _recursing()


def _in_group() -> None:
    raise ExceptionGroup("several", [ValueError("one"), ExceptionGroup("inner", [KeyError("two")])])


def _raising(error: BaseException) -> Callable[[], None]:
    def raise_() -> None:
        raise error

    return raise_


RAISED: list[tuple[Callable[[], None], str, str]] = [
    (_raising(RuntimeError("it broke")), "RuntimeError", "it broke"),
    (_raising(SystemExit(3)), "SystemExit", "3"),
    (_raising(KeyboardInterrupt()), "KeyboardInterrupt", "KeyboardInterrupt"),
    (_raising(asyncio.CancelledError("mine")), "CancelledError", "mine"),
    (_raising(GeneratorExit()), "GeneratorExit", ""),
    (_raising(TimeoutError("outside")), "TimeoutError", "outside"),
    (_raising(UntellableError()), "UntellableError", "str() failed"),
    (_raising(RuntimeError("x" * 10_000_000)), "RuntimeError", "xxxx"),
    (_raising(RuntimeError("nul \x00 half \ud800")), "RuntimeError", "nul \\u0000 half \\ud800"),
    (_recursing, "RecursionError", "maximum recursion depth"),
    (_in_group, "ExceptionGroup", "KeyError: 'two'"),
    (_raising(RunCancelledError("of its own accord")), "RunCancelledError", "accord"),
]


@pytest.mark.parametrize("in_thread", [False, True], ids=["async", "in a thread"])
@pytest.mark.parametrize(("raise_", "kind", "text"), RAISED, ids=lambda part: part if isinstance(part, str) else "")
async def test_whatever_a_handler_raises_is_recorded_and_tried_again(
    house: House, raise_: Callable[[], None], kind: str, text: str, in_thread: bool
) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> None:
        raise_()

    def plain(payload: dict[str, Any], run: Run) -> None:
        raise_()

    outcome = await ended(house, plain if in_thread else handler)

    assert isinstance(outcome, Failed)
    assert outcome.error.kind == kind
    assert text in outcome.error.text
    assert len(outcome.error.text) <= TEXT_CHARACTERS_MAX
    assert isinstance(outcome.then, RetryAt)
    assert not outcome.timed_out


@pytest.mark.parametrize("error", [StopIteration(3), StopAsyncIteration()], ids=repr)
async def test_errors_that_cannot_cross_from_a_thread_to_the_loop_end_the_attempt_too(
    house: House, error: Exception
) -> None:
    def plain(payload: dict[str, Any], run: Run) -> None:
        raise error

    outcome = await ended(house, plain)

    assert isinstance(outcome, Failed)
    assert outcome.error.kind == type(error).__name__


@pytest.mark.parametrize("max_retries", [0, 2])
async def test_out_of_retries_it_is_given_up(house: House, max_retries: int) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> None:
        raise RuntimeError("no")

    outcome = await ended(house, handler, max_retries=max_retries)

    assert isinstance(outcome, Failed)
    assert isinstance(outcome.then, RetryAt if max_retries else GiveUp)


async def test_a_permanent_error_is_dead_at_once_with_its_code(house: House) -> None:
    async def handler(payload: dict[str, Any], run: Run) -> None:
        raise PermanentError("storage_denied", "the bucket is gone")

    outcome = await ended(house, handler)

    assert isinstance(outcome, Failed)
    assert (outcome.error.kind, outcome.then) == ("storage_denied", GiveUp())
    assert "the bucket is gone" in outcome.error.text


async def test_a_payload_is_given_as_the_model_the_handler_asks_for(house: House) -> None:
    given: list[Any] = []

    async def handler(payload: Ask, run: Run) -> None:
        given.append(payload)

    await ended(house, handler, payload={"days": 3})

    assert given == [Ask(days=3)]


@pytest.mark.parametrize(
    ("payload", "kind", "text"),
    [
        ({"days": "many"}, "invalid_payload", "/payload/days"),
        ({}, "invalid_payload", "/payload/days"),
        ({"days": 13}, "RuntimeError", "a fault of its own"),
    ],
    ids=str,
)
async def test_a_payload_the_handler_cannot_read_is_dead_at_once(
    house: House, payload: dict[str, Any], kind: str, text: str
) -> None:
    async def handler(payload: Ask, run: Run) -> None:
        raise AssertionError("it is not called")

    outcome = await ended(house, handler, payload=payload)

    assert isinstance(outcome, Failed)
    assert (outcome.error.kind, outcome.then) == (kind, GiveUp())
    assert text in outcome.error.text


async def test_without_a_handler_it_is_put_back(house: House) -> None:
    attempt = await house.attempt()

    async with asyncio.TaskGroup() as group:
        outcome = await outcome_of(runner(house), attempt, group)

    assert outcome == UnknownHandler()
    assert attempt.is_over


async def test_a_wrapper_around_an_async_handler_is_awaited(house: House) -> None:
    async def inner(payload: dict[str, Any], run: Run) -> dict[str, int]:
        return {"sent": 1}

    def wrapper(payload: dict[str, Any], run: Run) -> Any:
        return inner(payload, run)

    assert await ended(house, wrapper) == Succeeded('{"sent":1}')


async def test_a_partial_and_an_object_are_handlers_too(house: House) -> None:
    class Sender:
        async def __call__(self, payload: dict[str, Any], run: Run) -> dict[str, str]:
            return {"name": run.task_name}

    async def handler(greeting: str, payload: dict[str, Any], run: Run) -> dict[str, str]:
        return {"greeting": greeting}

    house.processors.task("object")(Sender())
    house.processors.task("partial")(functools.partial(handler, "hello"))
    results = []
    for task_type in ("object", "partial"):
        attempt = await house.attempt(name=task_type, task_type=task_type)
        async with asyncio.TaskGroup() as group:
            results.append(await outcome_of(runner(house), attempt, group))

    assert results == [Succeeded('{"name":"object"}'), Succeeded('{"greeting":"hello"}')]


@pytest.mark.parametrize("in_thread", [False, True], ids=["async", "in a thread"])
async def test_a_handler_sees_its_run_and_its_lines_find_it(house: House, in_thread: bool) -> None:
    seen: list[Any] = []

    def look(run: Run) -> None:
        current = CURRENT_ATTEMPT.get()
        assert current is not None
        seen.append((run.attempt, run.task_name, run.scheduled_at, run.is_cancelled, current.execution_id))
        run.checkpoint()

    async def handler(payload: dict[str, Any], run: Run) -> None:
        look(run)

    def plain(payload: dict[str, Any], run: Run) -> None:
        look(run)

    await ended(house, plain if in_thread else handler)

    (execution,) = house.stores.state.executions
    assert seen == [(1, "report", house.clock.now(), False, execution)]
    assert CURRENT_ATTEMPT.get() is None


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
