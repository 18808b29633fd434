"""Where a fault is told: from the pointers of the API's errors to the fields of the form."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.errors import DomainError, InvalidInputError
from domain.pointers import parts_of
from entrypoints.web.builder import tabs
from entrypoints.web.builder.labels import IF_PAST, LABELS, place_of, worded
from entrypoints.web.builder.payload_form import PREFIX, Input

_PLAIN = frozenset({"name", "task_type", "handler", "delivery", "description", "timezone", "max_retries", "reason"})
_SCHEDULE = frozenset({"schedule", "schedule_type", *(pointer[1:] for pointer in tabs.RECIPE_FIELDS)})
LATER_OR_AT_ONCE = f"give a later instant, or tick “{IF_PAST}”"


@dataclass(frozen=True, slots=True)
class Told:
    """A fault as the form tells it: at which field (empty: at none), and with the text that has it marked, if one has.

    `label` is what the form calls the field, `element` the id of it there; `marked` is what stands before the character
    at fault, that character, and what follows.
    """

    field: str
    label: str
    element: str
    detail: str
    hint: str | None = None
    marked: tuple[str, str, str] | None = None


def told(error: DomainError, fields: Mapping[str, str], inputs: Sequence[Input]) -> tuple[Told, ...]:
    """Each fault of an error at its field, in the order in which these stand in the form."""
    faults: Iterable[DomainError] = error.faults if isinstance(error, InvalidInputError) else (error,)
    at_fields = [(fault, _field(fault, fields, inputs)) for fault in faults]
    at_fields.sort(key=lambda each: place_of(each[1]))
    return tuple(_told(fault, field, fields, inputs) for fault, field in at_fields)


def _told(fault: DomainError, field: str, fields: Mapping[str, str], inputs: Sequence[Input]) -> Told:
    if field.startswith(PREFIX):
        # The words are the schema's, and so may be the names in them.
        place, of = next((place, each) for place, each in enumerate(inputs, 1) if each.field == field)
        return Told(field, of.label, f"f-payload-{place}", fault.detail, fault.hint)
    hint = _hint(fault, fields)
    return Told(field, LABELS.get(field, ""), f"f-{field}", worded(fault.detail), hint, _marked(fault, field, fields))


def _hint(fault: DomainError, fields: Mapping[str, str]) -> str | None:
    if fault.reason == "in_the_past" and not fields["version"]:
        return LATER_OR_AT_ONCE
    return worded(fault.hint) if fault.hint else None


def _marked(fault: DomainError, field: str, fields: Mapping[str, str]) -> tuple[str, str, str] | None:
    text, at = fields.get(field, ""), fault.position
    if at is None or field not in ("cron", "payload") or not text:
        return None
    # Only as much as fits a line: a payload may be long.
    before, after = text[max(at - 40, 0) : at], text[at + 1 : at + 20]
    return before, text[at : at + 1] or "␣", after


def _field(fault: DomainError, fields: Mapping[str, str], inputs: Sequence[Input]) -> str:
    parts = parts_of(fault.pointer)
    match parts:
        case [name, *_] if name in _SCHEDULE:
            return tabs.field_of(fault, fields)
        case ["policy", "backoff", name, *_]:
            return f"backoff_{name}"
        case ["policy", name, *_]:
            return name
        case ["payload", key, *_] if fields["payload_as"] == "form" and any(each.key == key for each in inputs):
            return PREFIX + key
        case ["payload" | "tags" as name, *_]:
            return name
        case ["anchor"]:
            return "every_from"
        case [name] if name in _PLAIN:
            return name
        case _:
            return ""
