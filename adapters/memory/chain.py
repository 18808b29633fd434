"""The records of access in memory, one behind the other."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.access.record import AccessRecord, Deed, Link


@dataclass(slots=True)
class Chain:
    """The records that are kept, ascending, between `anchor` and `head`."""

    records: list[AccessRecord] = field(default_factory=list)
    anchor: Link = field(default_factory=Link)
    head: Link = field(default_factory=Link)

    def add(self, deed: Deed, at: datetime) -> None:
        """Record a deed behind the last one."""
        record = self.head.record(deed, at)
        self.records.append(record)
        self.head = Link(record.number, record.hash)

    def forget(self, before: datetime, limit: int) -> int:
        """Forget at most `limit` from the beginning that are older than an instant; return how many."""
        fresh = (index for index, each in enumerate(self.records) if each.at >= before)
        count = min(next(fresh, len(self.records)), limit)
        if count:
            last = self.records[count - 1]
            self.anchor = Link(last.number, last.hash)
            del self.records[:count]
        return count
