"""Counts over all tasks and executions, each the length of an index or a sum over the hours of a day."""

from collections.abc import Iterable
from datetime import timedelta

from adapters.redis.script import script
from adapters.redis.server import Server
from adapters.redis.task_lists import TaskLists
from application.scheduling.ports.history import Counts
from domain.scheduling.execution import OPEN_STATES, ExecutionState
from domain.scheduling.identifiers import MICROSECOND

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def counted(server: Server, task_lists: TaskLists) -> Counts:
    """See `History.counts`."""
    by_status, by_type = await task_lists.counts()
    final = sorted(set(ExecutionState) - OPEN_STATES)
    request = [sorted(OPEN_STATES), final, DAY // MICROSECOND, HOUR // MICROSECOND]
    open_, ended = (await server.call(script("execution_counts", only_reads=True), request)).answer
    return Counts(by_status, by_type, _by_state(open_), _by_state(ended))


def _by_state(rows: Iterable[tuple[str, int]]) -> dict[ExecutionState, int]:
    return {ExecutionState(state): count for state, count in rows if count}
