"""A task as its entry in a declarative file says it: field by field, so that what it leaves unsaid is known, too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from application.scheduling.documents import Document, definition_document
from domain.errors import DomainError, InvalidTaskError, nearest_of
from domain.pointers import parts_of, pointer_of
from domain.scheduling.names import normal
from domain.scheduling.schedule import ScheduleType
from domain.scheduling.task import Definition

FIELDS: tuple[str, ...] = (
    *("schedule", "task_type", "payload", "timezone", "policy", "max_retries"),
    *("handler", "tags", "description", "delivery", "enabled"),
)
"""What an entry may say; the members of `policy` count one by one, as `policy.overlap`."""
KINDS = {"cron": ScheduleType.CRON, "every": ScheduleType.INTERVAL, "at": ScheduleType.ONE_TIME}
"""How an entry writes each kind of schedule."""
_WRITTEN_AS = {kind: name for name, kind in KINDS.items()}
# They mean something together only.
_OF_SCHEDULE = ("schedule_type", "schedule", "anchor")
_POLICY = "policy."


@dataclass(frozen=True, slots=True)
class Entry:
    """What a file says of the task of this name, by field; `own` are the fields that stand in the entry itself.

    The others of `said` come from the defaults of the file. A schedule is a part of the API's document of a task.
    """

    name: str
    said: Mapping[str, Any]
    own: frozenset[str]

    def place(self, pointer: str) -> str:
        """Where in the file stands what a fault of the task's document points to."""
        field, *rest = field_parts(pointer)
        if field not in self.said:
            return pointer_of(("tasks", self.name, *field.split("."), *rest) if field in FIELDS else self._path)
        where = self._path if field in self.own else ("defaults",)
        if field == "schedule":
            kind = _WRITTEN_AS[self.said[field]["schedule_type"]]
            return pointer_of((*where, field, "anchor" if rest == ["anchor"] else kind))
        return pointer_of((*where, *field.split("."), *rest))

    @property
    def _path(self) -> tuple[str, str]:
        return ("tasks", self.name)


def field_parts(pointer: str) -> list[str]:
    """The field that a pointer into the document of a task is about, and the way from there on."""
    first, *rest = parts_of(pointer) or [""]
    if first in _OF_SCHEDULE:
        return ["schedule", *rest, *(["anchor"] if first == "anchor" else [])]
    if first == "policy" and rest:
        return [_POLICY + rest[0], *rest[1:]]
    return [first, *rest]


def fields_of(definition: Definition) -> dict[str, Any]:
    """What a definition says, by the fields of an entry."""
    document: Document = {**definition_document(definition)}
    policy = document.pop("policy")
    schedule = {name: document.pop(name) for name in _OF_SCHEDULE}
    flat = {name: value for name, value in document.items() if name in FIELDS}
    return {"schedule": schedule, **flat} | {_POLICY + name: value for name, value in policy.items()}


def document_of(name: str, fields: Mapping[str, Any]) -> Document:
    """The API's document of a task that says these fields, fit for `body_from`."""
    document: Document = {"name": name}
    for field, value in fields.items():
        if field == "schedule":
            document |= value
        elif field.startswith(_POLICY):
            document.setdefault("policy", {})[field.removeprefix(_POLICY)] = value
        else:
            document[field] = value
    return document


def entry_of(name: str, written: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[Entry, list[DomainError]]:
    """An entry as it was written, with what is said for all; and its faults of shape, by places in the file."""
    own, faults = said_in(written, ("tasks", name))
    if name != normal(name):
        # Found again by its name, it must have the spelling that a task is given.
        told = "a name is in normal form NFC, in which a letter and its accents are one character"
        faults.append(InvalidTaskError(told, code="not_normal", pointer=pointer_of(("tasks", name))))
    return Entry(name, {**defaults, **own}, frozenset(own)), faults


def said_in(written: Mapping[str, Any], path: tuple[str, ...]) -> tuple[dict[str, Any], list[DomainError]]:
    """The fields that are written at a place of a file, and what is wrong with their shape; those are left out."""
    said: dict[str, Any] = {}
    faults: list[DomainError] = []
    known = [field for field in FIELDS if path != ("defaults",) or field != "schedule"]
    for field, value in written.items():
        if field not in known:
            faults.append(_unknown((*path, field), field, known))
        elif field == "schedule":
            schedule, found = _schedule(value, (*path, field))
            said |= {} if found else {field: schedule}
            faults += found
        elif field == "policy" and isinstance(value, Mapping):
            said |= {_POLICY + name: member for name, member in value.items()}
        else:
            said[field] = value
    return said, faults


def _schedule(value: object, path: tuple[str, ...]) -> tuple[Document, list[DomainError]]:
    if not isinstance(value, Mapping):
        hint = 'write {cron: "30 2 * * 1-5"}, {every: 15m} or {at: 2026-12-24T18:00}'
        return {}, [DomainError("a schedule is an object", code="wrong_type", pointer=pointer_of(path), hint=hint)]
    kinds = [name for name in KINDS if name in value]
    known = (*KINDS, "anchor")
    faults = [_unknown((*path, name), name, known) for name in value if name not in known]
    if len(kinds) != 1:
        detail = f"a schedule has one of {', '.join(KINDS)}, and this has {' and '.join(kinds) or 'none'}"
        faults.append(DomainError(detail, code="required", pointer=pointer_of(path)))
    if faults:
        return {}, faults
    anchor = {"anchor": value["anchor"]} if "anchor" in value else {}
    return {"schedule_type": KINDS[kinds[0]].value, "schedule": value[kinds[0]], **anchor}, []


def _unknown(path: Iterable[str], name: str, known: Iterable[str]) -> DomainError:
    hint = nearest_of(name, list(known))
    return DomainError("there is no such field", code="unknown_field", pointer=pointer_of(path), hint=hint)
