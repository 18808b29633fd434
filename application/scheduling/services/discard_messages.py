"""Giving up messages for programs of others, where the Redis that has their streams does not come back."""

from collections.abc import Sequence
from dataclasses import dataclass

from application.scheduling.ports.outbox import Outbox, WaitingType
from application.scheduling.services.errors import ServiceError
from application.scheduling.services.reasons import checked_reason
from domain.access.record import Doer
from domain.scheduling.identifiers import ExecutionId


class FewerMessagesError(ServiceError):
    """Not so many messages wait as were to be discarded: some were sent since they were counted."""

    code = "fewer_messages"
    hint = "count them again: nothing was discarded"


@dataclass(frozen=True, slots=True)
class DiscardMessages:
    """The outbox, as whoever looks after it sees and empties it."""

    outbox: Outbox

    async def waiting(self) -> Sequence[WaitingType]:
        """What waits, by task type."""
        return await self.outbox.waiting_by_type()

    async def discard(self, count: int, *, task_type: str | None, reason: str, by: Doer) -> Sequence[ExecutionId]:
        """Forget the oldest `count` messages for good and put that on record; answers of which executions they were.

        The count is the confirmation: whoever gives it has seen what waits. Raises FewerMessagesError, and
        InvalidTaskError for a reason that is none; nothing is changed then.
        """
        told = checked_reason(reason, least=1)
        if discarded := await self.outbox.discard(count, task_type=task_type, reason=told, by=by):
            return discarded
        present = [each.count for each in await self.outbox.waiting_by_type() if task_type in (None, each.task_type)]
        raise FewerMessagesError(f"{sum(present):,} messages wait, not {count:,}")
