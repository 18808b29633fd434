"""Who does the upkeep of a store that several schedulers serve: an office, held for terms."""

from dataclasses import dataclass
from typing import Protocol

from domain.scheduling.identifiers import NodeId


@dataclass(frozen=True, slots=True)
class Term:
    """One look at the office: `number` counts the terms, `beat` the signs of life of the `holder` (None: it is vacant).

    A holder lives while what is seen changes: no instant is stored, so no clock that is set makes it look dead.
    """

    holder: NodeId | None = None
    number: int = 0
    beat: int = 0


class Terms(Protocol):
    """The office. Each method is atomic; raises StoreUnavailableError."""

    async def seen(self) -> Term:
        """Return the term as it is now."""

    async def replace(self, seen: Term, by: Term) -> bool:
        """Put `by` in the place of `seen`; False, and nothing changed, if that is not what stands there now."""
