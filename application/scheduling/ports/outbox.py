"""Telling programs of others of executions, where the store and the streams that they read are two servers.

What is delivered goes into the outbox of the store in the step that records it, and from there to its stream: so no
message is lost whichever of the two fails, and none is sent of what was not committed. A program may get one twice, as
whoever dies between sending and forgetting leaves the message to the next.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from application.scheduling.ports.errors import PortError
from domain.access.record import Doer
from domain.scheduling.identifiers import ExecutionId, TaskId

COUNT_MAX = 10_000
"""Messages that wait are counted this far."""
DISCARD_MAX = 100_000
"""How many are discarded in one step."""
TYPES_MAX = 1_000
"""So many task types are told apart."""


class StreamsUnavailableError(PortError):
    """The streams are not fed for now; what was to be sent may have been, in part."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a program is told of one execution; `dispatched_at` is when it went on record, by the store's clock."""

    execution_id: ExecutionId
    task_id: TaskId
    task_name: str
    task_type: str
    payload_json: str
    scheduled_at: datetime
    dispatched_at: datetime


Send = Callable[[Sequence[Message]], Awaitable[Sequence[str | None]]]
"""Sends messages, in their order, and tells of each why it was refused; None: it is in its stream."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """How many messages were taken from the outbox to be sent, and why those of a task type were refused."""

    taken: int
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages wait in the outbox, COUNT_MAX at most, and since when the first does; None: none waits."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitingType:
    """How many messages of one task type wait, and since when the first does."""

    task_type: str
    count: int
    oldest_at: datetime


class Outbox(Protocol):
    """The messages of one store that are not in their streams yet. Raises StoreUnavailableError like the other ports.

    A message is forgotten with its execution: after `Retention.executions`, if no stream takes it so long.
    """

    async def relay(self, send: Send, *, limit: int, without: Collection[str] = ()) -> Relayed:
        """Send the oldest messages, at most `limit` and none of these task types, and forget those that were taken.

        Any number of processes may do so at once: no message is in the hands of two. An error of `send` is passed on,
        and nothing is forgotten then. One relay sends in the order of the commits, but for those that overlapped.
        """

    async def waiting(self) -> Waiting:
        """Return what waits."""

    async def waiting_by_type(self) -> Sequence[WaitingType]:
        """Return what waits, all of it counted, by task type; at most TYPES_MAX of them."""

    async def discard(self, count: int, *, task_type: str | None, reason: str, by: Doer) -> Sequence[ExecutionId]:
        """Forget the oldest `count` messages, DISCARD_MAX at most, of one task type or all, and put that on record.

        Answers of which executions they were; none, and nothing is changed, if fewer wait.
        """


class Streams(Protocol):
    """The streams that programs of others read, on a server of their own. Raises StreamsUnavailableError."""

    async def reach(self) -> None:
        """Return if messages can be sent."""

    async def send(self, messages: Sequence[Message]) -> Sequence[str | None]:
        """See `Send`."""
