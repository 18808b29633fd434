"""Payloads as inputs: what has one, what is left to JSON, and that the way there and back loses nothing."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from entrypoints.web.builder.payload_form import PREFIX, Kind, assembled, filled, inputs_of, taken_over


class Mode(StrEnum):
    FULL = "full"
    DELTA = "delta"


class Inner(BaseModel):
    deep: int


class Everything(BaseModel):
    name: Annotated[str, Field(description="Who it is for.", max_length=20)]
    days: Annotated[int, Field(ge=1, le=365)] = 30
    ratio: float = 0.5
    dry: bool = False
    mode: Mode = Mode.FULL
    kind: Literal["a", 1] = "a"
    limit: int | None = None
    owner: str | None
    tags: list[str] = []
    sizes: list[int] = []
    inner: Inner | None = None
    either: int | str = 1


INPUTS = inputs_of(Everything.model_json_schema())


def test_texts_numbers_choices_and_lists_have_inputs_and_the_rest_has_none() -> None:
    assert [(each.key, each.kind, each.many, each.is_required, each.is_nullable) for each in INPUTS] == [
        ("name", Kind.TEXT, False, True, False),
        ("days", Kind.INTEGER, False, False, False),
        ("ratio", Kind.NUMBER, False, False, False),
        ("dry", Kind.BOOLEAN, False, False, False),
        ("mode", Kind.CHOICE, False, False, False),
        ("kind", Kind.CHOICE, False, False, False),
        ("limit", Kind.INTEGER, False, False, True),
        ("owner", Kind.TEXT, False, True, True),
        ("tags", Kind.TEXT, True, False, False),
        ("sizes", Kind.INTEGER, True, False, False),
    ]


def test_an_input_knows_what_its_schema_says() -> None:
    name, days, _, _, mode, kind, *_ = INPUTS

    assert (name.field, name.label, name.hint, name.limits) == (
        "payload.name",
        "Name",
        "Who it is for.",
        (("maxlength", "20"),),
    )
    assert (days.default, days.limits) == ("30", (("min", "1"), ("max", "365")))
    assert mode.options == [("", "–"), ('"full"', "full"), ('"delta"', "delta")]
    assert kind.options == [("", "–"), ('"a"', "a"), ("1", "1")]


SHOWN: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"name": "x", "owner": None}, {"payload.name": "x", "payload.owner": ""}),
    ({"name": " x ", "owner": "y", "days": 2**70}, {"payload.name": " x ", "payload.days": str(2**70)}),
    ({"name": "x", "owner": None, "ratio": 1.0, "dry": True}, {"payload.ratio": "1.0", "payload.dry": "true"}),
    ({"name": "x", "owner": None, "mode": "delta", "kind": 1}, {"payload.mode": '"delta"', "payload.kind": "1"}),
    ({"name": "x", "owner": None, "tags": ["a", "b c"], "sizes": [1, -2]}, {"payload.tags": "a\nb c"}),
    ({"name": "x", "owner": None, "inner": {"deep": 1}, "more": [{}]}, {"payload.name": "x"}),
]


@pytest.mark.parametrize(("payload", "fields"), SHOWN)
def test_a_payload_that_fits_is_shown_and_given_back(payload: dict[str, Any], fields: dict[str, str]) -> None:
    shown = filled(INPUTS, payload)

    assert shown is not None
    assert shown.items() >= fields.items()
    assert assembled(INPUTS, shown, payload) == payload


@pytest.mark.parametrize(
    "payload",
    [
        {"name": "x", "owner": None, "limit": None},
        {"name": "x"},
        {"name": "", "owner": None},
        {"name": 5, "owner": None},
        {"name": "x", "owner": None, "days": "30"},
        {"name": "x", "owner": None, "tags": []},
        {"name": "x", "owner": None, "tags": ["two\nlines"]},
        {"name": "x", "owner": None, "tags": [" blank "]},
        {"name": "x", "owner": None, "sizes": "all"},
    ],
)
def test_a_payload_that_a_form_would_change_stays_json(payload: dict[str, Any]) -> None:
    assert filled(INPUTS, payload) is None


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.dictionaries(st.sampled_from([each.key for each in INPUTS]), _SCALARS | st.lists(_SCALARS, max_size=3)))
def test_whatever_is_shown_comes_back_as_it_was(payload: dict[str, Any]) -> None:
    shown = filled(INPUTS, payload)

    if shown is not None:
        again = assembled(INPUTS, shown, payload)
        assert repr(sorted(again.items())) == repr(sorted(payload.items()))


def test_what_is_no_such_value_stays_a_text_for_the_schema_to_refuse() -> None:
    fields = {"payload.days": "many", "payload.ratio": "[1]", "payload.sizes": "1\r\n\r\nx", "payload.dry": "true"}

    assert assembled(INPUTS, fields, {}) == {
        "days": "many",
        "ratio": "[1]",
        "dry": True,
        "owner": None,
        "sizes": [1, "x"],
    }


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        {"type": "array"},
        {"properties": []},
        {
            "properties": {
                "a": True,
                "b": {"$ref": "#/elsewhere"},
                "c": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            }
        },
        {"properties": {"a": {"type": ["integer", "string"]}, "b": {"type": "object"}, "c": {"type": "array"}}},
    ],
)
def test_a_schema_that_says_nothing_a_form_can_show_has_no_inputs(schema: dict[str, Any] | None) -> None:
    assert inputs_of(schema) == ()


@pytest.mark.parametrize(
    ("before", "typed", "after"),
    [
        ({"days": 30}, {"days": "7"}, {"days": 7}),
        ({"mode": "full"}, {"mode": '"delta"'}, {"mode": "delta"}),
        ({"code": "007"}, {"code": "008"}, {"code": "008"}),
        ({"tags": ["a", "1"]}, {"tags": "a\r\n2\r\n"}, {"tags": ["a", "2"]}),
        ({"sizes": [1]}, {"sizes": "1\n2"}, {"sizes": [1, 2]}),
        ({"days": 30, "more": {"a": 1}}, {"days": ""}, {"more": {"a": 1}}),
        ({}, {"note": "two\r\nlines", "days": "7", "dry": "true"}, {"note": "two\nlines", "days": 7, "dry": True}),
    ],
)
def test_what_was_typed_for_a_schema_that_is_gone_is_of_the_kind_it_was(
    before: dict[str, Any], typed: dict[str, str], after: dict[str, Any]
) -> None:
    assert taken_over({PREFIX + key: text for key, text in typed.items()}, before) == after
