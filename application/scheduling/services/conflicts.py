"""Two people change one task: what each of them says otherwise, and what follows from what is taken from whom."""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from application.scheduling.differences import ABSENT, Difference, differences
from application.scheduling.documents import Document, definition_document
from domain.scheduling.task import Definition

# They mean something together only.
_TOGETHER = {"/schedule_type": "/schedule", "/anchor": "/schedule"}
_SCHEDULE = "/schedule"


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
    """Every field in which `wanted` differs from `now`, in the order of a task's document."""
    by_field: dict[str, list[Difference]] = {}
    for difference in differences(now, wanted):
        by_field.setdefault(_TOGETHER.get(difference.pointer, difference.pointer), []).append(difference)
    theirs = None if read is None else _changed(read, now)
    yours = None if read is None else _changed(read, wanted)
    return tuple(_disagreement(field, changes, theirs, yours) for field, changes in by_field.items())


def merged(now: Definition, rows: Sequence[Disagreement], taken: Collection[str]) -> Document:
    """The document of `now` with the changes of those fields whose pointers are `taken`, fit for `body_from`."""
    document: Document = deepcopy({**definition_document(now)})
    changes = [change for row in rows if row.pointer in taken for change in row.changes]
    # What takes away first: a member may stand where an object was.
    for change in sorted(changes, key=lambda change: change.after is not ABSENT):
        _put(document, [_name(part) for part in change.pointer.split("/")[1:]], change.after)
    return document


def _changed(before: Definition, after: Definition) -> Mapping[str, Difference]:
    """The differences by field; of fields that go together, one speaks for all."""
    found: dict[str, Difference] = {}
    for difference in differences(before, after):
        field = _TOGETHER.get(difference.pointer, difference.pointer)
        if field not in found or difference.pointer == _SCHEDULE:
            found[field] = difference
    return found


def _disagreement(
    field: str,
    changes: Sequence[Difference],
    theirs: Mapping[str, Difference] | None,
    yours: Mapping[str, Difference] | None,
) -> Disagreement:
    told = next((change for change in changes if change.pointer == field), changes[0])
    if theirs is None or yours is None:
        return Disagreement(field, told.label, Whose.BOTH, None, told.told_before, told.told_after, tuple(changes))
    whose = Whose.BOTH if field in theirs and field in yours else Whose.THEIRS if field in theirs else Whose.YOURS
    read = theirs[field].told_before if field in theirs else told.told_before
    return Disagreement(field, told.label, whose, read, told.told_before, told.told_after, tuple(changes))


def _name(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


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
