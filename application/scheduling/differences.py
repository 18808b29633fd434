"""What one version of a task says otherwise than another: the one comparison behind pages, API and command line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from application.scheduling import json_text
from application.scheduling.document_types import DifferenceDocument, VersionDocument
from application.scheduling.documents import change_document, definition_document
from application.scheduling.explanations.words import span
from application.scheduling.ports.records import VersionRecord
from domain.pointers import parts_of, pointer_of
from domain.scheduling.description import described
from domain.scheduling.retry import Backoff, BackoffKind
from domain.scheduling.task import Definition

DIFFERENCES_MAX = 200
TOLD_MAX = 200
_NONE = "nothing"
_LABELS = {
    "/name": "name",
    "/handler": "handler",
    "/task_type": "type",
    "/schedule_type": "kind of schedule",
    "/schedule": "schedule",
    "/anchor": "beginning of the intervals",
    "/timezone": "time zone",
    "/description": "description",
    "/tags": "tags",
    "/delivery": "delivery",
    "/max_retries": "retries",
    "/policy/misfire": "policy for what is late",
    "/policy/grace": "grace",
    "/policy/catch_up_max": "most runs to catch up on",
    "/policy/overlap": "policy for overlaps",
    "/policy/backoff": "wait before a retry",
    "/policy/timeout": "time limit of an attempt",
    "/policy/start_at": "first instant",
    "/policy/end_at": "last instant",
    "/policy/max_runs": "most runs",
    "/policy/jitter": "jitter",
    "/policy/fail_after": "failures in a row that stop it",
    "/payload": "payload as a whole",
}
LABELLED = len(_LABELS)
PAYLOAD = "/payload"


class _Absent:
    """Stands for a member of a payload that is not there; null is."""


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that says something else, by its JSON pointer: its values before and after, and both for people.

    A value is ABSENT where a payload has no such member.
    """

    pointer: str
    label: str
    before: Any
    after: Any
    told_before: str
    told_after: str

    @property
    def sentence(self) -> str:
        """The difference in words: `time zone: UTC → Europe/Berlin`."""
        return f"{self.label}: {self.told_before} → {self.told_after}"


def differences(before: Definition, after: Definition) -> tuple[Difference, ...]:
    """What `after` says otherwise, for people: the first DIFFERENCES_MAX of `all_differences`."""
    return tuple(islice(_differences(before, after), DIFFERENCES_MAX))


def all_differences(before: Definition, after: Definition) -> tuple[Difference, ...]:
    """Everything that `after` says otherwise, in the order of a task's document.

    None of the pointers lies below another one, so each difference can be taken over without the others.
    """
    return tuple(_differences(before, after))


def payload_difference(before: Definition, after: Definition) -> Difference:
    """Two payloads as one difference: for whoever cannot be shown all of their members."""
    return _difference(before, after, PAYLOAD, _payload(before), _payload(after))


def told_at(definition: Definition, pointer: str) -> str:
    """What a definition says at the pointer of a difference, for people."""
    if not pointer.startswith(PAYLOAD):
        return _told(definition, pointer, _fields(definition)[pointer])
    value: Any = _payload(definition)
    for name in parts_of(pointer)[1:]:
        value = value.get(name, ABSENT) if isinstance(value, Mapping) else ABSENT
    return _told(definition, pointer, value)


def version_document(record: VersionRecord, found: Sequence[Difference] | None) -> VersionDocument:
    """A version of a task, the change that made it, if that is still on record, and what it changed."""
    return {
        "version": record.version,
        "redefines": record.redefines,
        "change": None if record.made_by is None else change_document(record.made_by),
        "definition": definition_document(record.definition),
        "differences": None if found is None else [difference_document(each) for each in found],
    }


def difference_document(difference: Difference) -> DifferenceDocument:
    """A difference as the API answers it."""
    document: DifferenceDocument = {"pointer": difference.pointer, "sentence": difference.sentence}
    if difference.before is not ABSENT:
        document["before"] = difference.before
    if difference.after is not ABSENT:
        document["after"] = difference.after
    return document


def _differences(before: Definition, after: Definition) -> Iterator[Difference]:
    was, is_ = _fields(before), _fields(after)
    for pointer, value in was.items():
        if not _is_same(value, is_[pointer]):
            yield _difference(before, after, pointer, value, is_[pointer])
    for pointer, one, other in _members(PAYLOAD, _payload(before), _payload(after)):
        yield _difference(before, after, pointer, one, other)


def _difference(before: Definition, after: Definition, pointer: str, was: Any, is_: Any) -> Difference:
    label = _LABELS.get(pointer) or f"payload, {pointer.removeprefix(f'{PAYLOAD}/')}"
    return Difference(pointer, label, was, is_, _told(before, pointer, was), _told(after, pointer, is_))


def _fields(definition: Definition) -> dict[str, Any]:
    """Every field but the payload by its pointer, those of a policy one by one."""
    document: dict[str, Any] = {**definition_document(definition)}
    del document["schedule_sentence"], document["payload"]
    policy = document.pop("policy")
    return {f"/{name}": value for name, value in document.items()} | {
        f"/policy/{name}": value for name, value in policy.items()
    }


def _payload(definition: Definition) -> Any:
    return json_text.read(definition.payload_json)


def _members(pointer: str, was: Any, is_: Any) -> Iterator[tuple[str, Any, Any]]:
    """What differs, by its pointer (RFC 6901): the members of what is an object on both sides, anything else whole."""
    if isinstance(was, Mapping) and isinstance(is_, Mapping):
        for name in {**was, **is_}:
            member = pointer + pointer_of((name,))
            yield from _members(member, was.get(name, ABSENT), is_.get(name, ABSENT))
    elif not _is_same(was, is_):
        yield pointer, was, is_


def _is_same(one: Any, other: Any) -> bool:
    # As text: 1, 1.0 and true are equal to Python and not to the reader of a payload.
    if ABSENT in (one, other):
        return one is other
    return json_text.write(one) == json_text.write(other)


def _told(definition: Definition, pointer: str, value: Any) -> str:
    """A value for people, cut to TOLD_MAX characters."""
    match pointer.removeprefix("/policy/"):
        case "/schedule":
            told = f"{value} ({described(definition.schedule, definition.timezone)})"
        case "backoff":
            told = _backoff(definition.policy.retry.backoff)
        case "grace" | "timeout" | "jitter" as name:
            length = getattr(definition.policy, name)
            told = span(length) if length else _NONE
        case _ if pointer.startswith(PAYLOAD):
            told = "not there" if value is ABSENT else json_text.write(value)
        case _:
            told = _plain(value)
    return told if len(told) <= TOLD_MAX else f"{told[: TOLD_MAX - 1]}…"


def _plain(value: Any) -> str:
    if value in (None, "", []):
        return _NONE
    return ", ".join(value) if isinstance(value, list) else str(value)


def _backoff(backoff: Backoff) -> str:
    match backoff.kind:
        case BackoffKind.FIXED:
            return f"{span(backoff.initial)} each time"
        case BackoffKind.LIST:
            return ", ".join(span(each) for each in backoff.delays)
        case _:
            return f"{backoff.kind} from {span(backoff.initial)} up to {span(backoff.cap)}"
