"""What one version of a task says otherwise than another: the one comparison behind pages, API and command line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from application.scheduling import json_text
from application.scheduling.document_types import DifferenceDocument, VersionDocument
from application.scheduling.documents import change_document, definition_document
from application.scheduling.explanations.words import span
from application.scheduling.ports.records import VersionRecord
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
}


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
    """What `after` says otherwise, in the order of a task's document; at most DIFFERENCES_MAX."""
    was, is_ = _values(before), _values(after)
    changed = [each for each in {**was, **is_} if _text(was, each) != _text(is_, each)]
    return tuple(
        Difference(
            pointer,
            _LABELS.get(pointer) or f"payload, {pointer.removeprefix('/payload/') or 'whole'}",
            was.get(pointer, ABSENT),
            is_.get(pointer, ABSENT),
            _told(before, pointer, was.get(pointer, ABSENT)),
            _told(after, pointer, is_.get(pointer, ABSENT)),
        )
        for pointer in changed[:DIFFERENCES_MAX]
    )


def version_document(record: VersionRecord, found: Sequence[Difference] | None) -> VersionDocument:
    """A version of a task, the change that made it, if that is still on record, and what it changed."""
    return {
        "version": record.version,
        "redefines": record.redefines,
        "change": None if record.made_by is None else change_document(record.made_by),
        "definition": definition_document(record.definition),
        "differences": None if found is None else [_document(each) for each in found],
    }


def _document(difference: Difference) -> DifferenceDocument:
    document: DifferenceDocument = {"pointer": difference.pointer, "sentence": difference.sentence}
    if difference.before is not ABSENT:
        document["before"] = difference.before
    if difference.after is not ABSENT:
        document["after"] = difference.after
    return document


def _values(definition: Definition) -> dict[str, Any]:
    """Every field by its pointer: those of a policy and the members of a payload one by one."""
    document: dict[str, Any] = {**definition_document(definition)}
    del document["schedule_sentence"]
    policy, payload = document.pop("policy"), document.pop("payload")
    values = {f"/{name}": value for name, value in document.items()}
    values |= {f"/policy/{name}": value for name, value in policy.items()}
    return values | dict(_members("/payload", payload))


def _members(pointer: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The members of objects, each by its pointer (RFC 6901); what is no object, or has no members, is one value."""
    if not isinstance(value, Mapping) or not value:
        yield pointer, value
        return
    for name, member in value.items():
        yield from _members(f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", member)


def _text(values: Mapping[str, Any], pointer: str) -> str | None:
    # As text: 1, 1.0 and true are equal to Python and not to the reader of a payload.
    return json_text.write(values[pointer]) if pointer in values else None


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
        case _ if pointer.startswith("/payload"):
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
