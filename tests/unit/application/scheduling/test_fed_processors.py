"""Processors in the guide's form: which type they serve, what they are fed, and what becomes of how they end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from application.scheduling.fed_processors import FedProcessor, fed_processor
from application.scheduling.processors import Summary
from application.scheduling.services.run_execution import RunExecution
from domain.errors import InvalidTaskError
from domain.scheduling.identifiers import microseconds
from domain.scheduling.outcome import Failed, Outcome, Succeeded
from domain.scheduling.retry import RetryAt
from tests.support.house import open_house
from tests.support.manual_clock import NOON

Process = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Fed:
    """Does what it is told to.

    And says no more about it.
    """

    def __init__(self, process: Process | None = None, **attributes: Any) -> None:
        self.process = process
        self.messages: list[tuple[str, dict[str, Any]]] = []
        for name, value in attributes.items():
            setattr(self, name, value)

    async def _process_message(self, message_id: str, data: dict[str, Any]) -> Any:
        self.messages.append((message_id, data))
        return None if self.process is None else await self.process(message_id, data)


class NotAsync:
    task_type = "mail"

    def _process_message(self, message_id: str, data: dict[str, Any]) -> None:
        """Never called."""


@pytest.mark.parametrize(
    ("attributes", "named", "served"),
    [
        ({"task_type": "mail"}, None, "mail"),
        ({"stream_name": "stream:mail:tasks"}, None, "mail"),
        ({"stream": "stream:video.encode:tasks"}, None, "video.encode"),
        ({"stream": b"stream:no:tasks", "stream_name": "stream:mail:tasks"}, None, "mail"),
        ({"task_type": "mail", "stream_name": "stream:other:tasks"}, None, "mail"),
        ({"task_type": "other"}, "mail", "mail"),
        ({}, "mail", "mail"),
    ],
)
def test_it_serves_the_type_that_is_named_or_that_it_says_itself(
    attributes: dict[str, Any], named: str | None, served: str
) -> None:
    assert fed_processor(Fed(**attributes), named).handler.spec.task_type == served


@pytest.mark.parametrize("attributes", [{}, {"stream": "mail"}, {"stream": "stream::tasks"}, {"stream": 3}])
def test_one_that_does_not_say_its_type_is_told_the_three_ways(attributes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"task_type = 'mail'.*stream_name = 'stream:mail:tasks'.*mail= before"):
        fed_processor(Fed(**attributes), None)


@pytest.mark.parametrize("processor", [NotAsync(), object()])
def test_one_without_an_async_method_for_messages_is_refused(processor: object) -> None:
    with pytest.raises(ValueError, match="no async method _process_message"):
        fed_processor(processor, "mail")


def test_a_type_that_no_task_can_have_is_refused() -> None:
    with pytest.raises(InvalidTaskError):
        fed_processor(Fed(task_type="no type"), None)


async def ended(processor: Fed, *, lasts: float = 900, **fields: Any) -> Outcome | None:
    """What comes of one attempt that it is fed."""
    async with open_house() as house:
        house.processors.add(FedProcessor("report", processor).handler)
        attempt = await house.attempt(lasts=lasts, task_type="report", **fields)
        async with asyncio.TaskGroup() as group:
            RunExecution(house.processors, house.clock).begin(attempt, group, lambda _: None)
        return attempt.conclude().outcome


async def test_it_is_fed_the_fields_of_a_message_with_the_payload_decoded() -> None:
    processor = Fed()

    outcome = await ended(processor, name="weekly", payload={"n": 12345678901234567890, "deep": {"list": [1]}})

    ((message_id, data),) = processor.messages
    noon = str(microseconds(NOON))
    assert outcome == Succeeded(None)
    # Without a stream, the run itself is what can be named.
    assert message_id == data.pop("execution_id")
    assert data.pop("scheduled_task_id")
    assert data == {
        "task_name": "weekly",
        "payload": {"n": 12345678901234567890, "deep": {"list": [1]}},
        "task_type": "report",
        "scheduled_at": noon,
        "dispatched_at": noon,
        "attempt": "1",
        "traceparent": "",
    }


@pytest.mark.parametrize(
    ("returned", "kept"),
    [(None, None), (False, None), ("sent", None), ({"sent": 3}, '{"sent":3}'), (Summary({"sent": 3}), '{"sent":3}')],
)
async def test_whatever_it_returns_is_success_and_a_mapping_is_the_result(returned: Any, kept: str | None) -> None:
    async def process(message_id: str, data: dict[str, Any]) -> Any:
        return returned

    outcome = await ended(Fed(process))

    assert outcome == Succeeded(kept)


async def test_an_exception_is_a_retry_by_the_tasks_policy() -> None:
    async def process(message_id: str, data: dict[str, Any]) -> None:
        raise ConnectionError("the mail server is away")

    outcome = await ended(Fed(process), max_retries=1)

    assert isinstance(outcome, Failed)
    assert outcome.error.kind == "ConnectionError"
    assert isinstance(outcome.then, RetryAt)


async def test_its_time_is_limited_as_every_handlers_is() -> None:
    stopped = asyncio.Event()

    async def process(message_id: str, data: dict[str, Any]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    outcome = await ended(Fed(process), lasts=0.02)

    assert isinstance(outcome, Failed)
    assert outcome.timed_out
    assert stopped.is_set()
