"""The record of what happened at the door: added to, read, and looked through for what was tampered with.

What changes who may come in is recorded by `Access`, in the same step as the change. Records are never altered; those
beyond their retention are forgotten by `History.prune`, oldest first, and the place where the rest begins is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.access.record import AccessAction, AccessRecord, Deed, Link


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """Which records: each condition that is not None must hold. `actor` is who did it, `subject` to whom or what."""

    actor: str | None = None
    subject: str | None = None
    action: AccessAction | None = None


@dataclass(frozen=True, slots=True)
class AccessPage:
    """A page of records, newest first; `older_than` continues it; None: this is the last page."""

    records: tuple[AccessRecord, ...]
    older_than: int | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some records in order as they are kept, and where the whole chain begins and ends, in one snapshot.

    Records that cannot be read are left out, which breaks the chain where they are.
    """

    records: Sequence[AccessRecord]
    anchor: Link
    head: Link


class AccessTrail(Protocol):
    """The chain of records. Each method is one atomic step; all raise StoreUnavailableError."""

    async def note(self, deed: Deed) -> None:
        """Record something that changed nothing, at the instant of the store's clock."""

    async def page(self, which: AccessFilter, *, limit: int, older_than: int | None = None) -> AccessPage:
        """Return a page of the records that match, newest first: those with a number below `older_than`."""

    async def stretch(self, after: int, *, limit: int) -> Stretch:
        """Return the first `limit` records with a number above `after`, ascending."""
