"""Payloads against the schemas that handlers announced: where the faults are, and how they are told."""

import json
from typing import Any

import pytest

from application.scheduling.payload_faults import FAULTS_MAX, payload_faults
from application.scheduling.ports.membership import HandlerSpec

TIDY = HandlerSpec(
    "mail",
    None,
    payload_schema={
        "properties": {"days": {"type": "integer", "minimum": 1}, "note": {"type": "string"}},
        "required": ["days"],
    },
)


@pytest.mark.parametrize(
    ("payload", "pointers"),
    [
        ('{"days": 3}', []),
        ('{"days": 0}', ["/payload/days"]),
        ('{"days": "x", "note": 3}', ["/payload/days", "/payload/note"]),
        ("{}", ["/payload/days"]),
    ],
)
def test_a_payload_is_checked_against_the_announced_schema(payload: str, pointers: list[str]) -> None:
    faults = payload_faults(TIDY, payload)

    assert sorted(fault.pointer for fault in faults) == pointers
    assert {fault.reason for fault in faults} <= {"invalid_payload"}


@pytest.mark.parametrize(
    ("schema", "value", "detail"),
    [
        ({"enum": ["full", None, True]}, "zzz", '"zzz" is not one of "full", null, true'),
        ({"const": "it's"}, None, 'null is not "it\'s"'),
        ({"type": "integer"}, "many", '"many" is not of type integer'),
        ({"type": ["string", "null"]}, True, "true is not of type string or null"),
        ({"maxLength": 3}, "it's long", '"it\'s long" is too long'),
        ({"anyOf": [{"type": "string"}]}, {"a": None}, '{"a":null} is not valid under any of the given schemas'),
        ({"maxLength": 3}, "x" * 100, f'"{"x" * 79} … is too long'),
        ({"required": ["days"]}, {}, "this is missing"),
        ({"additionalProperties": False}, {"colour": 2}, "there is no such field"),
    ],
)
def test_a_fault_of_a_payload_speaks_of_json(schema: dict[str, Any], value: object, detail: str) -> None:
    spec = HandlerSpec("mail", None, payload_schema={"properties": {"it": schema}})

    (fault,) = payload_faults(spec, json.dumps({"it": value}))

    assert fault.detail == detail


def test_a_name_that_should_not_be_there_is_pointed_at() -> None:
    schema = {"properties": {"days": {}}, "additionalProperties": False}

    (fault,) = payload_faults(HandlerSpec("mail", None, payload_schema=schema), '{"days": 1, "colour": 2}')

    assert fault.pointer == "/payload/colour"


def test_faults_of_a_payload_are_few_short_and_escaped() -> None:
    schema = {"additionalProperties": {"type": "integer"}}
    spec = HandlerSpec("mail", None, payload_schema=schema)
    payload = "{" + ",".join(f'"a/b~{number}":"{"x" * 1_000}"' for number in range(50)) + "}"

    faults = payload_faults(spec, payload)

    assert len(faults) == FAULTS_MAX
    assert all(fault.pointer.startswith("/payload/a~1b~0") and len(fault.detail) <= 300 for fault in faults)
    assert payload_faults(HandlerSpec("mail", None), payload) == ()
