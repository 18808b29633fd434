"""What an operator should put right in the content database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Finding:
    """Something amiss, in a sentence, and the SQL that mends it, ready to be run by whoever owns the table."""

    told: str
    sql: str
    stops_tasks: bool  # a task refuses to run as long as it is so; otherwise it is only slow


class ContentCheckup(Protocol):
    """A look at the tables as they are. Raises StoreUnavailableError."""

    async def findings(self) -> Sequence[Finding]:
        """What is amiss, what stops tasks first; nothing is changed."""
