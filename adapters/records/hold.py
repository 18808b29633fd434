"""A hold as a row of plain values, and back."""

from adapters.records.packing import UNREADABLE, Row, at
from application.scheduling.ports.hold import Hold
from domain.scheduling.identifiers import microseconds

HOLD_FIELDS = ("actor", "reason", "since")


def hold_row(hold: Hold) -> Row:
    """A hold as HOLD_FIELDS."""
    return hold.actor, hold.reason, microseconds(hold.since)


def hold_of(row: Row) -> Hold | None:
    """The hold of a row of HOLD_FIELDS; None if it cannot be read."""
    try:
        actor, reason, since = row
        return Hold(actor, reason, at(since))
    except UNREADABLE:
        return None
