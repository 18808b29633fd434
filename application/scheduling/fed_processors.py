"""Processors in the guide's form: objects that are fed messages, as if they had read the stream of their type.

Claiming, retries, time-outs and cancelling are those of every handler; only what is handed over looks different. So
the fields are those of a message on the stream (docs/processors.md), whichever store the execution comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import cleandoc, iscoroutinefunction
from typing import Any, Protocol

from application.scheduling.deliveries import type_of_stream
from application.scheduling.processors import Continue, Handler, Returned, Run, Summary
from domain.scheduling.identifiers import microseconds
from domain.scheduling.task import check_identifier

_STREAM_NAMES = ("stream_name", "stream")


class MessageProcessor(Protocol):
    """What a class in the guide's form makes. `start` and `stop` may be there as well: async, without arguments."""

    async def _process_message(self, message_id: str, data: dict[str, Any]) -> Any:
        """Do what the message asks for; an exception asks for a retry by the task's policy."""


@dataclass(frozen=True, slots=True)
class FedProcessor:
    """A handler that feeds one such object; it serves every task name of its type."""

    task_type: str
    processor: MessageProcessor

    @property
    def handler(self) -> Handler:
        """What the registry takes."""
        described = cleandoc(type(self.processor).__doc__ or "").partition("\n")[0]
        return Handler(self.task_type, None, self, payload_model=None, description=described)

    async def __call__(self, payload: dict[str, Any], run: Run) -> Returned:
        """Feed it one message. What it returns is kept as the result if it is one, and is a success in any case."""
        returned = await self.processor._process_message(run.message_id, self._message(payload, run))
        return returned if isinstance(returned, Mapping | Summary | Continue) else None

    def _message(self, payload: dict[str, Any], run: Run) -> dict[str, Any]:
        return {
            "task_name": run.task_name,
            "payload": payload,
            "scheduled_task_id": run.task_id,
            "execution_id": run.execution_id,
            "task_type": self.task_type,
            "scheduled_at": str(microseconds(run.scheduled_at)),
            "dispatched_at": str(microseconds(run.dispatched_at)),
            "attempt": str(run.attempt),
            "traceparent": "",
        }


def fed_processor(processor: Any, named_type: str | None) -> FedProcessor:
    """What feeds an object in the guide's form; `named_type` is the type that stands before its class, if one does.

    Without that, the object says itself which type it serves. Raises ValueError if it does not, and for an object that
    cannot be fed.
    """
    if not iscoroutinefunction(getattr(processor, "_process_message", None)):
        raise ValueError("it has no async method _process_message(message_id, data)")
    task_type = named_type or _own_type(processor)
    if task_type is None:
        raise ValueError(
            "which task type it serves is not said: give it an attribute task_type = 'mail', or"
            " stream_name = 'stream:mail:tasks', or write mail= before its name in SCHEDULER_PROCESSORS"
        )
    check_identifier("/task_type", task_type)
    return FedProcessor(task_type, processor)


def _own_type(processor: object) -> str | None:
    own = getattr(processor, "task_type", None)
    if own is not None:
        return str(own)
    names = (getattr(processor, each, None) for each in _STREAM_NAMES)
    return next((found for name in names if isinstance(name, str) and (found := type_of_stream(name))), None)
