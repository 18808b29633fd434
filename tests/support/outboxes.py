"""An outbox and streams in memory, for tests of who relays between them; the latter break when a test wants it."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from application.scheduling.ports.outbox import (
    Message,
    Relayed,
    Send,
    StreamsUnavailableError,
    Waiting,
    WaitingType,
)
from domain.access import deeds
from domain.access.record import Deed, Doer
from domain.scheduling.identifiers import ExecutionId, TaskId
from tests.support.manual_clock import NOON


def a_message(number: int, task_type: str = "mail") -> Message:
    """A message that its number names."""
    return Message(ExecutionId(f"e{number}"), TaskId("t"), "report", task_type, "{}", NOON, NOON)


@dataclass(slots=True)
class ListedOutbox:
    """`Outbox` of one relay; `looks` counts how often it was asked for messages."""

    messages: list[Message]
    looks: int = 0
    record: list[Deed] = field(default_factory=list)

    async def relay(self, send: Send, *, limit: int, without: Collection[str] = ()) -> Relayed:
        """See the port."""
        self.looks += 1
        taken = [each for each in self.messages if each.task_type not in without][:limit]
        told = dict(zip(taken, await send(taken), strict=True)) if taken else {}
        self.messages = [each for each in self.messages if told.get(each, "") is not None]
        return Relayed(len(taken), {each.task_type: why for each, why in told.items() if why})

    async def waiting(self) -> Waiting:
        """See the port."""
        return Waiting(len(self.messages), self.messages[0].dispatched_at if self.messages else None)

    async def waiting_by_type(self) -> Sequence[WaitingType]:
        """See the port."""
        counted = Counter(each.task_type for each in self.messages)
        return [WaitingType(task_type, counted[task_type], NOON) for task_type in sorted(counted)]

    async def discard(self, count: int, *, task_type: str | None, reason: str, by: Doer) -> Sequence[ExecutionId]:
        """See the port."""
        gone = [each for each in self.messages if task_type in (None, each.task_type)][:count]
        if len(gone) < count:
            return []
        self.messages = [each for each in self.messages if each not in gone]
        self.record.append(deeds.messages_discarded(count, task_type, reason, by))
        return [each.execution_id for each in gone]


@dataclass(slots=True)
class ListedStreams:
    """`Streams` that keep what was sent; `refuses` are types that none takes, with why."""

    is_away: bool = False
    refuses: dict[str, str] = field(default_factory=dict)
    sent: list[Message] = field(default_factory=list)

    async def reach(self) -> None:
        """See the port."""
        if self.is_away:
            raise StreamsUnavailableError("redis:6379 did not answer in time")

    async def send(self, messages: Sequence[Message]) -> Sequence[str | None]:
        """See the port."""
        await self.reach()
        self.sent += [each for each in messages if each.task_type not in self.refuses]
        return [self.refuses.get(each.task_type) for each in messages]
