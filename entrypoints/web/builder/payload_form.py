"""A payload as a form: the inputs for what a handler's JSON Schema describes, there and back without loss.

Only what a form can show exactly is shown in one: texts, numbers, yes and no, choices, and lists of these. A payload
whose inputs would not give it back, value for value, stays JSON; so does any property that has no input.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from application.scheduling import json_text
from domain.errors import MalformedJsonError

INPUTS_MAX = 100
PREFIX = "payload."
_INTEGER = re.compile(r"[+-]?[0-9]{1,1000}", re.ASCII)
_REFERENCE = "#/$defs/"
_LIMITS = {"minimum": "min", "maximum": "max", "maxLength": "maxlength", "minLength": "minlength"}


class Kind(StrEnum):
    """What an input takes."""

    TEXT = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Input:
    """One property of a payload; `choices` are JSON texts, `default` is one, or None where the schema has none.

    `many` takes one value a line. Left empty, the property is left out, or null if it is required and may be null.
    """

    key: str
    kind: Kind
    label: str
    hint: str
    is_required: bool
    is_nullable: bool
    many: bool = False
    choices: tuple[str, ...] = ()
    default: str | None = None
    limits: tuple[tuple[str, str], ...] = ()

    @property
    def field(self) -> str:
        """Its name in the form."""
        return PREFIX + self.key

    @property
    def options(self) -> list[tuple[str, str]]:
        """What can be chosen, each value with its words; first, nothing."""
        return [("", "–"), *((each, _words(each)) for each in self.choices)]


def inputs_of(schema: Mapping[str, Any] | None) -> tuple[Input, ...]:
    """The inputs of those properties that can have one, in the schema's order."""
    properties = schema.get("properties") if schema else None
    if not isinstance(properties, Mapping) or schema is None:
        return ()
    required = schema.get("required", ())
    made = (_input(key, each, schema, key in required) for key, each in properties.items())
    return tuple(each for each in made if each is not None)[:INPUTS_MAX]


def filled(inputs: Sequence[Input], payload: Mapping[str, Any]) -> dict[str, str] | None:
    """The inputs' fields for a payload; None if the form would not give back the very same payload."""
    fields = {each.field: _shown(each, payload[each.key]) for each in inputs if each.key in payload}
    fields = {**{each.field: "" for each in inputs}, **fields}
    again = assembled(inputs, fields, payload)
    return fields if _canonical(again) == _canonical(payload) else None


def assembled(inputs: Sequence[Input], fields: Mapping[str, str], base: Mapping[str, Any]) -> dict[str, Any]:
    """The payload that fields say, in the order of `base`, from which everything is taken that has no input.

    A value of a wrong form stays a text.
    """
    payload = {key: value for key, value in base.items() if key not in {each.key for each in inputs}}
    for each in inputs:
        text = fields.get(each.field, "").replace("\r\n", "\n")
        if text.strip() if each.kind is not Kind.TEXT or each.many else text:
            payload[each.key] = _value(each, text)
        elif each.is_required and each.is_nullable:
            payload[each.key] = None
    return {key: payload[key] for key in (*base, *payload) if key in payload}


def taken_over(fields: Mapping[str, str], base: Mapping[str, Any]) -> dict[str, Any]:
    """The payload that inputs say whose schema is gone: each value of the kind it has in `base`, or as it reads."""
    typed = {name.removeprefix(PREFIX): text for name, text in fields.items() if name.startswith(PREFIX)}
    payload = {key: value for key, value in base.items() if typed.get(key) != ""}
    for key, text in typed.items():
        if text:
            payload[key] = _like(base.get(key), text.replace("\r\n", "\n"))
    return payload


def _like(before: Any, text: str) -> Any:
    if isinstance(before, list):
        of = next(iter(before), None)
        return [_like(of, line.strip()) for line in text.split("\n") if line.strip()]
    try:
        value = json_text.read(text)
    except MalformedJsonError:
        return text
    # A choice is sent as JSON, a text as it is.
    return text if isinstance(before, str) and not isinstance(value, str) else value


def _input(key: str, schema: Any, root: Mapping[str, Any], is_required: bool) -> Input | None:
    plain, is_nullable = _plain(schema, root)
    items, many = plain, plain.get("type") == "array"
    if many:
        items, nullable_items = _plain(plain.get("items", {}), root)
        if nullable_items:
            return None
    choices = _choices(items)
    kind = Kind.CHOICE if choices else items.get("type")
    if kind not in list(Kind) or (many and kind == Kind.BOOLEAN):
        return None
    described = schema if isinstance(schema, Mapping) else {}
    return Input(
        key,
        Kind(kind),
        str(plain.get("title") or described.get("title") or key),
        str(described.get("description") or plain.get("description") or ""),
        is_required,
        is_nullable,
        many,
        choices,
        json_text.write(described["default"]) if "default" in described else None,
        () if many else tuple((_LIMITS[name], str(items[name])) for name in _LIMITS if name in items),
    )


def _plain(schema: Any, root: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """A schema behind its reference and without its null, and whether null is allowed; {} if it is none of these."""
    schema = _resolved(schema, root)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(branches, list):
        others = [each for each in branches if not (isinstance(each, Mapping) and each.get("type") == "null")]
        return (_resolved(others[0], root) if len(others) == 1 else {}), len(others) < len(branches)
    types = schema.get("type")
    if isinstance(types, list) and len(types) == 2 and "null" in types:
        return {**schema, "type": next(each for each in types if each != "null")}, True
    return schema, False


def _resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, behind a reference to one of the definitions; more than one step is not followed."""
    if not isinstance(schema, Mapping):
        return {}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith(_REFERENCE):
        found = root.get("$defs", {}).get(reference.removeprefix(_REFERENCE), {})
        return found if isinstance(found, Mapping) else {}
    return schema


def _choices(schema: Mapping[str, Any]) -> tuple[str, ...]:
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return tuple(json_text.write(each) for each in values if not isinstance(each, dict | list))


def _words(choice: str) -> str:
    value = json_text.read(choice)
    return value if isinstance(value, str) else choice


def _shown(into: Input, value: Any) -> str:
    if into.many:
        return "\n".join(_one_shown(into, each) for each in value) if isinstance(value, list) else ""
    return _one_shown(into, value)


def _one_shown(into: Input, value: Any) -> str:
    if into.kind is Kind.TEXT or (into.many and isinstance(value, str)):
        return value if isinstance(value, str) else ""
    return json_text.write(value)


def _value(into: Input, text: str) -> Any:
    if into.many:
        return [_one_value(into, line.strip()) for line in text.split("\n") if line.strip()]
    return _one_value(into, text if into.kind is Kind.TEXT else text.strip())


def _one_value(into: Input, text: str) -> Any:
    """What a text stands for; a text that is no such value is handed on, for the schema to refuse."""
    if into.kind is Kind.TEXT:
        return text
    if into.kind is Kind.INTEGER:
        return int(text) if _INTEGER.fullmatch(text) else text
    try:
        value = json_text.read(text)
    except MalformedJsonError:
        return text
    return text if isinstance(value, dict | list) else value


def _canonical(payload: Mapping[str, Any]) -> str:
    # As text, in one order: 1, 1.0 and true are equal to Python.
    return json_text.write({key: payload[key] for key in sorted(payload)})
