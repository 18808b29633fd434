"""Whether the content database has as much to do as it can."""

from typing import Protocol


class LoadProbe(Protocol):
    """A look at the database as a whole, cheap enough to be taken every second. Raises StoreUnavailableError."""

    async def trouble(self) -> str | None:
        """Why the maintenance tasks should leave it alone for a moment, in a few words; None: nothing speaks for it."""
