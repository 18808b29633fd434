"""`News` in memory."""

from dataclasses import dataclass
from itertools import islice

from adapters.memory.state import State
from application.scheduling.ports.news import Changed

BEGINNING = "0-"


@dataclass(frozen=True, slots=True)
class MemoryNews:
    """`News` over the shared state."""

    state: State

    async def since(self, mark: str | None, *, limit: int) -> Changed:
        """See the port."""
        self.state.now()
        entries = self.state.journal.entries
        newest = entries[-1].mark if entries else BEGINNING
        if mark is None:
            return Changed(newest)
        number = self._number_of(mark)
        if number is None or self.state.journal.written - number > limit:
            return Changed(newest, is_complete=False)
        later = list(islice(reversed(entries), self.state.journal.written - number))[::-1]
        tasks = dict.fromkeys(each.task_id for each in later)
        executions = dict.fromkeys(each.execution_id for each in later if each.execution_id is not None)
        return Changed(newest, tuple(tasks), tuple(executions))

    def _number_of(self, mark: str) -> int | None:
        """The number of the entry a mark names; None if there is no such entry."""
        journal = self.state.journal
        if mark == BEGINNING:
            return 0 if journal.written == len(journal.entries) else None
        return next((each.number for each in reversed(journal.entries) if each.mark == mark), None)
