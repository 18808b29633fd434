"""What is read from the store, made of what scripts append to their answers."""

from collections.abc import Iterator, Sequence

from adapters.redis.codec import open_rows, payload_of, unpack_task
from adapters.redis.script import script
from adapters.redis.server import Reply, Server
from application.scheduling.ports.task_store import Unreadable
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask

READINGS_PER_TASK = 3


async def tasks_by_id(
    server: Server, ids: Sequence[TaskId], *, with_payload: bool = True
) -> list[ScheduledTask | Unreadable]:
    """Those of these tasks that there are, deleted ones too, in this order, in one snapshot."""
    if not ids:
        return []
    reply = await server.call(script("tasks", only_reads=True), [list(ids), with_payload])
    return list(tasks_of(reply, ids, reply.answer, with_payload=with_payload))


def tasks_of(
    reply: Reply, ids: Sequence[str], opens: Sequence[Sequence[str]], *, with_payload: bool
) -> Iterator[ScheduledTask | Unreadable]:
    """The tasks of a reading; one that is not there is left out. `payload_json` may be PAYLOAD_LEFT_OUT."""
    for place, (task_id, open_) in enumerate(zip(ids, opens, strict=True)):
        state, definition, payload = reply.readings[READINGS_PER_TASK * place : READINGS_PER_TASK * (place + 1)]
        if state:
            payload_json = payload_of(payload, is_read=with_payload)
            yield unpack_task(task_id, state, definition, payload_json, open_rows(open_))
