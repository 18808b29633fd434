"""`Outbox` on a server: rows that are locked while they are sent, and gone with the commit behind it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Text, all_, and_, any_, bindparam, delete, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from adapters.records.packing import Row, at, at_or_none
from adapters.sql.engine import Database
from adapters.sql.store.access_trail import record
from adapters.sql.store.guard import Guard
from adapters.sql.store.outbox_tables import outbox
from adapters.sql.store.tables import Whole, definitions, executions
from adapters.sql.texts import storable
from application.scheduling.ports.outbox import (
    COUNT_MAX,
    DISCARD_MAX,
    TYPES_MAX,
    Message,
    Relayed,
    Send,
    Waiting,
    WaitingType,
)
from domain.access import deeds
from domain.access.record import Doer
from domain.scheduling.identifiers import ExecutionId, instant_of

_WITH_EXECUTIONS: Final = outbox.join(executions, executions.c.id == outbox.c.execution_id)
_OF_ITS_VERSION: Final = and_(
    definitions.c.task_id == executions.c.task_id, definitions.c.version == executions.c.version
)
# As a stream is fed by the store that has it: of a version that is gone, no name and nothing in the payload.
_MESSAGE: Final = (
    executions.c.id,
    executions.c.task_id,
    func.coalesce(definitions.c.name, ""),
    executions.c.task_type,
    func.coalesce(executions.c.payload_json, definitions.c.payload_json, "{}"),
    executions.c.scheduled_at,
    executions.c.created_at,
)
# What another relay has in its hands is left to it, whatever its number: never read on from the last one seen.
_TAKE: Final = (
    select(outbox.c.id, *_MESSAGE)
    .select_from(_WITH_EXECUTIONS.outerjoin(definitions, _OF_ITS_VERSION))
    .where(executions.c.task_type != all_(bindparam("without", type_=ARRAY(Text))))
    .order_by(outbox.c.id)
    .limit(bindparam("limit", type_=Whole))
    .with_for_update(of=outbox, skip_locked=True)
)
_FORGET: Final = delete(outbox).where(outbox.c.id == any_(bindparam("ids", type_=ARRAY(Whole))))
_COUNT: Final = select(func.count()).select_from(select(outbox.c.id).limit(COUNT_MAX).subquery())
_OLDEST: Final = select(executions.c.created_at).select_from(_WITH_EXECUTIONS).order_by(outbox.c.id).limit(1)
_BY_TYPE: Final = (
    select(executions.c.task_type, func.count(), func.min(executions.c.created_at))
    .select_from(_WITH_EXECUTIONS)
    .group_by(executions.c.task_type)
    .order_by(executions.c.task_type)
    .limit(TYPES_MAX)
)
# Unlike a relay, which leaves them alone, this waits for those that another has in its hands: they may go meanwhile.
_OLDEST_OF: Final = (
    select(outbox.c.id, outbox.c.execution_id)
    .select_from(_WITH_EXECUTIONS)
    .where(or_(bindparam("of", type_=Text).is_(None), executions.c.task_type == bindparam("of", type_=Text)))
    .order_by(outbox.c.id)
    .limit(bindparam("limit", type_=Whole))
    .with_for_update(of=outbox)
)


@dataclass(frozen=True, slots=True)
class PostgresOutbox:
    """`Outbox` in one PostgreSQL database."""

    database: Database
    guard: Guard

    async def relay(self, send: Send, *, limit: int, without: Collection[str] = ()) -> Relayed:
        """See the port."""
        asked: dict[str, Any] = {"limit": limit, "without": [storable(each) for each in without]}
        refused: dict[str, str] = {}
        async with self.database.writing("relay") as connection:
            rows = (await connection.execute(_TAKE, asked)).all()
            if not rows:
                return Relayed(0, refused)
            messages = [_message(row[1:]) for row in rows]
            # Sent before they are forgotten: a crash in between sends again, the other way round it would lose.
            told = await send(messages)
            refused.update((message.task_type, why) for message, why in zip(messages, told, strict=True) if why)
            sent = [row[0] for row, why in zip(rows, told, strict=True) if why is None]
            await connection.execute(_FORGET, {"ids": sent})
        return Relayed(len(rows), refused)

    async def waiting(self) -> Waiting:
        """See the port."""
        async with self.database.browsing("outbox") as connection:
            count = (await connection.execute(_COUNT)).scalar_one()
            oldest = (await connection.execute(_OLDEST)).scalar()
        return Waiting(count, at_or_none(oldest))

    async def waiting_by_type(self) -> Sequence[WaitingType]:
        """See the port."""
        async with self.database.browsing("outbox") as connection:
            rows = (await connection.execute(_BY_TYPE)).all()
        return [WaitingType(task_type, count, at(oldest)) for task_type, count, oldest in rows]

    async def discard(self, count: int, *, task_type: str | None, reason: str, by: Doer) -> Sequence[ExecutionId]:
        """See the port."""
        assert 0 < count <= DISCARD_MAX, "the caller keeps to the bounds"
        of = None if task_type is None else storable(task_type)
        async with self.database.writing_alone("discard") as connection:
            rows = (await connection.execute(_OLDEST_OF, {"of": of, "limit": count})).all()
            if len(rows) < count:
                return []
            await connection.execute(_FORGET, {"ids": [row[0] for row in rows]})
            deed = deeds.messages_discarded(count, task_type, reason, by)
            await record(connection, deed, await self.guard.now(connection))
        return [ExecutionId(row[1]) for row in rows]


def _message(row: Row) -> Message:
    id_, task_id, task_name, task_type, payload_json, scheduled_at, created_at = row
    at, written_at = instant_of(scheduled_at), instant_of(created_at)
    return Message(id_, task_id, task_name, task_type, payload_json, at, written_at)
