"""When all firing was held, as far as the switch and the record of access tell."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from application.scheduling.ports.hold import Hold
from domain.access.record import AccessAction, AccessRecord


@dataclass(frozen=True, slots=True)
class HoldTime:
    """Who held all firing in [since, until), why, and who released it; `until` None: it is held."""

    actor: str
    reason: str
    since: datetime
    until: datetime | None = None
    released_by: str = ""

    def covers(self, at: datetime) -> bool:
        """True if it was held at this instant."""
        return self.since <= at and (self.until is None or at < self.until)

    def overlaps(self, after: datetime, until: datetime) -> bool:
        """True if it was held at some instant of [after, until)."""
        return self.since < until and (self.until is None or after < self.until)


def hold_times(standing: Hold | None, records: Iterable[AccessRecord]) -> tuple[HoldTime, ...]:
    """The holds of these records, ascending, then the one that stands.

    `standing` was read before the records. A hold whose release is not among them, and that does not stand, is left
    out: nobody knows how long it was.
    """
    over = tuple(_over(sorted(records, key=lambda each: each.number)))
    # Released in between, it is among the records already.
    if standing is None or any(each.since == standing.since for each in over):
        return over
    return (*over, HoldTime(standing.actor, standing.reason, standing.since))


def _over(records: Iterable[AccessRecord]) -> Iterator[HoldTime]:
    begun: AccessRecord | None = None
    for each in records:
        if each.deed.action is AccessAction.FIRING_HELD:
            begun = each
        elif each.deed.action is AccessAction.FIRING_RELEASED and begun is not None:
            deed = begun.deed
            yield HoldTime(deed.by.actor, deed.detail, begun.at, each.at, each.deed.by.actor)
            begun = None
