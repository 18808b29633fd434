"""How one attempt ends by itself: whatever its handler is, returns or raises becomes an outcome, and nothing else."""

import asyncio
import functools
import json
from collections.abc import Callable
from datetime import timedelta
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
from application.scheduling.services.error_reports import TEXT_CHARACTERS_MAX
from application.scheduling.services.run_execution import CONTINUE_AFTER_MAX, CURRENT_ATTEMPT
from domain.scheduling.outcome import Continued, Failed, Succeeded, UnknownHandler
from domain.scheduling.retry import GiveUp, RetryAt
from tests.support.attempts import ended, outcome_of, runner
from tests.support.builders import HOUR
from tests.support.house import House


class Ask(BaseModel):
    """A payload with a field that must be there."""

    days: int

    @field_validator("days")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value == 13:
            raise RuntimeError("a validator with a fault of its own")
        return value


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
