"""The records of access as rows of plain values, and back."""

from adapters.records.packing import UNREADABLE, Row
from domain.access.record import AccessAction, AccessRecord, Deed, Doer
from domain.scheduling.change import Via
from domain.scheduling.identifiers import instant_of, microseconds

ACCESS_RECORD_FIELDS = ("number", "at", "actor", "via", "address", "action", "subject", "detail", "hash")


def access_record_row(record: AccessRecord) -> Row:
    """A record as ACCESS_RECORD_FIELDS."""
    deed = record.deed
    return (
        record.number,
        microseconds(record.at),
        deed.by.actor,
        deed.by.via.value,
        deed.by.address,
        deed.action.value,
        deed.subject,
        deed.detail,
        record.hash,
    )


def access_record_of(row: Row) -> AccessRecord | None:
    """The record of a row of ACCESS_RECORD_FIELDS; None if it cannot be read."""
    try:
        number, at, actor, via, address, action, subject, detail, hash_ = row
        deed = Deed(Doer(actor, Via(via), address), AccessAction(action), subject, detail)
        return AccessRecord(number, instant_of(at), deed, hash_)
    except UNREADABLE:
        return None
