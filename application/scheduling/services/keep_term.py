"""Having the upkeep done by one scheduler at a time: a saving of work, never a condition of being right.

The holder of the office gives a sign of life every RENEW_EVERY. Whoever has seen none for LEASE, by its own stop-watch,
takes the office; the holder itself stops trusting in it MARGIN earlier. Upkeep that is done twice all the same, after a
fail-over perhaps, changes nothing the second time.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.term import Term, Terms
from domain.scheduling.identifiers import NodeId

LEASE = timedelta(seconds=10)
RENEW_EVERY = timedelta(seconds=3)
MARGIN = timedelta(seconds=2)


@dataclass(slots=True)
class KeepTerm:
    """The office as one scheduler sees it: holds it, or watches whoever does."""

    terms: Terms
    node_id: NodeId
    clock: Clock
    _seen: Term | None = None
    _since: float = 0.0
    _trusted_until: float | None = None

    @property
    def is_ours(self) -> bool:
        """True while nobody else can have taken the office from this scheduler."""
        return self._trusted_until is not None and self.clock.monotonic() < self._trusted_until

    async def run_once(self) -> None:
        """Look, and hold or take the office if it is ours or nobody's. Raises StoreUnavailableError."""
        asked = self.clock.monotonic()
        found = await self.terms.seen()
        if found.holder == self.node_id:
            await self._put(found, replace(found, beat=found.beat + 1), asked)
            return
        self._trusted_until = None
        if found != self._seen:
            # It stands so since this moment at the earliest, as far as we know.
            self._seen, self._since = found, self.clock.monotonic()
        if found.holder is None or asked - self._since >= LEASE.total_seconds():
            await self._put(found, Term(self.node_id, found.number + 1), asked)

    async def resign(self) -> None:
        """Leave the office, if it is ours, to whoever looks next. Raises StoreUnavailableError."""
        self._trusted_until = None
        if (found := await self.terms.seen()).holder == self.node_id:
            await self.terms.replace(found, Term(None, found.number))

    async def _put(self, found: Term, wanted: Term, asked: float) -> None:
        is_ours = await self.terms.replace(found, wanted)
        # From the start of the pass: the others may have seen this beat as early as that.
        self._trusted_until = asked + (LEASE - MARGIN).total_seconds() if is_ours else None
