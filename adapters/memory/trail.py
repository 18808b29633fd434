"""`AccessTrail` in memory."""

from dataclasses import dataclass

from adapters.memory.state import State
from application.scheduling.ports.access_trail import AccessFilter, AccessPage, Stretch
from domain.access.record import AccessRecord, Deed


@dataclass(frozen=True, slots=True)
class MemoryTrail:
    """`AccessTrail` over the shared state."""

    state: State

    async def note(self, deed: Deed) -> None:
        """See the port."""
        self.state.chain.add(deed, self.state.now())

    async def page(self, which: AccessFilter, *, limit: int, older_than: int | None = None) -> AccessPage:
        """See the port."""
        self.state.now()
        found = [
            each
            for each in reversed(self.state.chain.records)
            if _matches(each, which) and (older_than is None or each.number < older_than)
        ]
        return AccessPage(tuple(found[:limit]), found[limit - 1].number if len(found) > limit else None)

    async def stretch(self, after: int, *, limit: int) -> Stretch:
        """See the port."""
        self.state.now()
        chain = self.state.chain
        return Stretch([each for each in chain.records if each.number > after][:limit], chain.anchor, chain.head)


def _matches(record: AccessRecord, which: AccessFilter) -> bool:
    deed = record.deed
    return (
        which.actor in (None, deed.by.actor)
        and which.subject in (None, deed.subject)
        and which.action in (None, deed.action)
    )
