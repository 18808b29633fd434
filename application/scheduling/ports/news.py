"""What has changed of late: for whoever shows tasks and executions and wants to know which to read again.

A store keeps a journal of its last changes, written in the same step as each change. A mark names a place in that
journal; it needs no clock, and it holds across restarts and for every process on the store.
"""

from dataclasses import dataclass
from typing import Protocol

from domain.scheduling.identifiers import ExecutionId, TaskId

KEPT = 8_192
"""How many of the last changes a journal keeps at least."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed after a mark, each once; `mark` is where to go on.

    With an execution its task is told, too. `is_complete` False: not everything is told, because the mark is not known
    (any more) or too much has changed, so whatever is shown is to be read anew.
    """

    mark: str
    tasks: tuple[TaskId, ...] = ()
    executions: tuple[ExecutionId, ...] = ()
    is_complete: bool = True


class News(Protocol):
    """The journal of changes. Raises StoreUnavailableError like the other ports."""

    async def since(self, mark: str | None, *, limit: int) -> Changed:
        """Return what changed after `mark`, whichever process changed it; None: nothing, but the mark of this moment.

        A task changes when it is created, edited, paused, resumed, deleted, decided or quarantined, and with its
        executions; an execution when it is created, changes its state, is asked to stop, or tells progress or log
        lines. What is pruned is not told. Every change that was committed before the call is told after a mark from
        before the change; it may be told twice. More than `limit` changes, of which one thing may have several, are
        not told one by one, nor is any text that is no mark of this store: see `is_complete`.
        """
