"""Two people change one task: what each of them says otherwise, and what follows from what is taken from whom."""

from collections.abc import Collection, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from application.scheduling.differences import (
    ABSENT,
    LABELLED,
    PAYLOAD,
    Difference,
    all_differences,
    payload_difference,
    told_at,
)
from application.scheduling.documents import Document, definition_document
from domain.pointers import parts_of
from domain.scheduling.task import Definition

PAYLOAD_ROWS_MAX = 100
"""If more members of a payload are wanted otherwise, the whole payload is one disagreement."""
ROWS_MAX = LABELLED + PAYLOAD_ROWS_MAX
"""No more disagreements than this come of any two definitions."""
# They mean something together only.
_TOGETHER = {"/schedule_type": "/schedule", "/anchor": "/schedule"}


class Whose(StrEnum):
    """Who says something else than what both had read."""

    THEIRS = "theirs"
    YOURS = "yours"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One field that two people want otherwise, by its pointer, in three versions for people.

    `read` is what both began with; None if that is not on record any more. `changes` lead from now to what is wanted.
    """

    pointer: str
    label: str
    whose: Whose
    read: str | None
    now: str
    wanted: str
    changes: tuple[Difference, ...]


def disagreements(read: Definition | None, now: Definition, wanted: Definition) -> tuple[Disagreement, ...]:
    """Every field in which `wanted` differs from `now`, in the order of a task's document; at most ROWS_MAX."""
    found = all_differences(now, wanted)
    in_payload = sum(each.pointer.startswith(PAYLOAD) for each in found)
    if in_payload > PAYLOAD_ROWS_MAX:
        found = (*found[: len(found) - in_payload], payload_difference(now, wanted))
    by_field: dict[str, list[Difference]] = {}
    for difference in found:
        by_field.setdefault(_field(difference), []).append(difference)
    theirs, yours = (None, None) if read is None else (_touched(read, now), _touched(read, wanted))
    return tuple(
        _disagreement(field, changes, read, _whose(field, theirs, yours)) for field, changes in by_field.items()
    )


def merged(now: Definition, rows: Sequence[Disagreement], taken: Collection[str]) -> Document:
    """The document of `now` with the changes of those fields whose pointers are `taken`, fit for `body_from`."""
    document: Document = deepcopy({**definition_document(now)})
    changes = [change for row in rows if row.pointer in taken for change in row.changes]
    for change in changes:
        _put(document, parts_of(change.pointer), change.after)
    return document


def _field(difference: Difference) -> str:
    return _TOGETHER.get(difference.pointer, difference.pointer)


@dataclass(frozen=True, slots=True)
class _Touched:
    """The fields that differ between two definitions, and `above`, those that they are parts of."""

    fields: Collection[str]
    above: Collection[str]

    def has(self, field: str) -> bool:
        """True if the field differs, or a part of it, or what it is a part of."""
        return field in self.above or any(each in self.fields for each in (field, *_above(field)))


def _touched(before: Definition, after: Definition) -> _Touched:
    fields = {_field(each) for each in all_differences(before, after)}
    return _Touched(fields, {above for field in fields for above in _above(field)})


def _above(field: str) -> Iterator[str]:
    while field := field.rpartition("/")[0]:
        yield field


def _whose(field: str, theirs: _Touched | None, yours: _Touched | None) -> Whose:
    if theirs is None or yours is None or (theirs.has(field) and yours.has(field)):
        return Whose.BOTH
    return Whose.THEIRS if theirs.has(field) else Whose.YOURS


def _disagreement(field: str, changes: Sequence[Difference], read: Definition | None, whose: Whose) -> Disagreement:
    told = next((change for change in changes if change.pointer == field), changes[0])
    told_read = None if read is None else told_at(read, told.pointer)
    return Disagreement(field, told.label, whose, told_read, told.told_before, told.told_after, tuple(changes))


def _put(document: Document, path: Sequence[str], value: Any) -> None:
    """Set the value at a path, or take it away, making objects on the way."""
    *parents, last = path
    place = document
    for name in parents:
        if not isinstance(place.get(name), dict):
            place[name] = {}
        place = place[name]
    if value is ABSENT:
        place.pop(last, None)
    else:
        place[last] = value
