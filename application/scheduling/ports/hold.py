"""The maintenance switch of a store: while it is held, nothing fires and nothing new starts, whoever serves it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.access.record import Doer


@dataclass(frozen=True, slots=True)
class Hold:
    """Who holds all firing, why, and since when by the store's clock."""

    actor: str
    reason: str
    since: datetime


class Holds(Protocol):
    """The switch. Each method is one atomic step, which goes on the record of access if it changes anything.

    It says what is wanted; that schedulers and workers look at it is theirs (services/watch_hold). All raise
    StoreUnavailableError; each may be repeated.
    """

    async def current(self) -> Hold | None:
        """Return the hold there is; None: there is none."""

    async def hold(self, reason: str, *, by: Doer) -> Hold:
        """Hold, and return that; one that stands already stays as it is, with its own reason, and is returned."""

    async def release(self, reason: str, *, by: Doer) -> Hold | None:
        """End the hold, and return it; None: there was none, and nothing was changed."""
