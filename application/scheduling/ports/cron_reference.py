"""The second opinion on a cron expression: what a widely used library makes of it, beside what we fire."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

INSTANTS_MAX = 200


@dataclass(frozen=True, slots=True)
class Reading:
    """How the library reads an expression: the instants asked for, or the reason why it refuses the expression."""

    instants: Sequence[datetime] = ()
    refusal: str | None = None


class CronReference(Protocol):
    """A cron library that others build on. It decides nothing here: the fire set is the domain's."""

    @property
    def name(self) -> str:
        """What the library is called."""

    async def read(self, expression: str, timezone: str, *, after: datetime, until: datetime) -> Reading | None:
        """Return its instants in (after, until], ascending, aware UTC, the first INSTANTS_MAX of them.

        `timezone` is a key the domain knows. None: it did not answer in a fraction of a second, or is busy with another
        question. Never raises, and never holds the event loop.
        """
