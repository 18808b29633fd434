"""Where a fault is told: from the pointers of the API's errors to the fields of the form."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.errors import DomainError, InvalidInputError
from entrypoints.web.builder import tabs
from entrypoints.web.builder.payload_form import PREFIX, Input

_PLAIN = frozenset({"name", "task_type", "handler", "description", "timezone", "max_retries", "reason"})
_SCHEDULE = frozenset({"schedule", "schedule_type", *(pointer[1:] for pointer in tabs.RECIPE_FIELDS)})


@dataclass(frozen=True, slots=True)
class Told:
    """A fault as the form tells it: at which field (empty: at none), and with the text that has it marked, if one has.

    `marked` is what stands before the character at fault, that character, and what follows.
    """

    field: str
    detail: str
    hint: str | None = None
    marked: tuple[str, str, str] | None = None


def told(error: DomainError, fields: Mapping[str, str], inputs: Sequence[Input]) -> tuple[Told, ...]:
    """Each fault of an error at its field."""
    faults: Iterable[DomainError] = error.faults if isinstance(error, InvalidInputError) else (error,)
    return tuple(_told(fault, _field(fault, fields, inputs), fields) for fault in faults)


def _told(fault: DomainError, field: str, fields: Mapping[str, str]) -> Told:
    text, at = fields.get(field, ""), fault.position
    if at is None or field not in ("cron", "payload") or not text:
        return Told(field, fault.detail, fault.hint)
    # Only as much as fits a line: a payload may be long.
    before, after = text[max(at - 40, 0) : at], text[at + 1 : at + 20]
    return Told(field, fault.detail, fault.hint, (before, text[at : at + 1] or "␣", after))


def _field(fault: DomainError, fields: Mapping[str, str], inputs: Sequence[Input]) -> str:
    parts = fault.pointer.split("/")[1:]
    match parts:
        case [name, *_] if name in _SCHEDULE:
            return tabs.field_of(fault, fields)
        case ["policy", "backoff", name, *_]:
            return f"backoff_{name}"
        case ["policy", name, *_]:
            return name
        case ["payload", key, *_] if fields["payload_as"] == "form" and any(each.key == _name(key) for each in inputs):
            return PREFIX + _name(key)
        case ["payload" | "tags" as name, *_]:
            return name
        case ["anchor"]:
            return "every_from"
        case [name] if name in _PLAIN:
            return name
        case _:
            return ""


def _name(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
