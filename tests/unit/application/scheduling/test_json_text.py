"""What the one JSON reader takes, what it refuses and by which code, and how fast it does either."""

from collections.abc import Callable
from contextlib import suppress
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.scheduling import json_text
from domain.errors import MalformedJsonError

MEGABYTE = 1_000_000


def _nested(depth: int) -> list[object]:
    return [] if depth == 1 else [_nested(depth - 1)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        (b'{"a": [1, 2.5, true, null, "\xc3\xa9"]}', {"a": [1, 2.5, True, None, "é"]}),
        ('"\\ud83d\\ude00"', "😀"),
        ("9007199254740993", 9007199254740993),
        ("-" + "9" * 1_000, -int("9" * 1_000)),
        ("1e308", 1e308),
        ("[" * 32 + "]" * 32, _nested(32)),
        ('"[[[[' + "[" * 40_000 + '"', "[[[[" + "[" * 40_000),
        ('"\\"' + "[" * 20_000 + '"', '"' + "[" * 20_000),
        ('["\\\\", "' + "[" * 20_000 + '"]', ["\\", "[" * 20_000]),
        ('["\\\\\\"' + "[" * 20_000 + '"]', ['\\"' + "[" * 20_000]),
        (f"[{','.join(['[]'] * 9_999)}]", [[]] * 9_999),
    ],
    ids=lambda part: str(part)[:30],
)
def test_json_within_the_limits_is_read_exactly(text: str | bytes, value: object) -> None:
    assert json_text.read(text) == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "malformed_json"),
        ("{", "malformed_json"),
        ('{"a":1,}', "malformed_json"),
        ("{'a':1}", "malformed_json"),
        ("[1] [2]", "malformed_json"),
        ('"a\nb"', "malformed_json"),
        ('"a\x00b"', "malformed_json"),
        ("[" * 33 + "]" * 33, "too_deep"),
        ('{"a":' * 33 + "1" + "}" * 33, "too_deep"),
        ("[" * 5_000, "too_deep"),
        ('{"a":' * 5_000, "too_deep"),
        ("[" * 100_000, "too_deep"),
        ("[" * 100_000 + "]" * 100_000, "too_deep"),
        ('{"a":' * 100_000, "too_deep"),
        ("9" * 1_001, "number_too_large"),
        ("9" * 5_000, "number_too_large"),
        ("1e400", "number_too_large"),
        ("-1e400", "number_too_large"),
        ("NaN", "not_a_number"),
        ("[Infinity]", "not_a_number"),
        ('{"a":-Infinity}', "not_a_number"),
        ('{"role":"viewer","role":"admin"}', "duplicate_key"),
        ('[{"a":{"b":1,"c":2,"b":1}}]', "duplicate_key"),
        ('{"a":1,"\\u0061":2}', "duplicate_key"),
        ('"\\ud800"', "bad_character"),
        ('{"\\udfff":1}', "bad_character"),
        ('["\\u0000"]', "bad_character"),
        ("\ud800".join('""'), "bad_character"),
        (b"\xef\xbb\xbf{}", "bad_encoding"),
        ("\ufeff{}", "bad_encoding"),
        ('{"a":1}'.encode("utf-16"), "bad_encoding"),
        ('{"a":1}'.encode("utf-16-le"), "malformed_json"),
        (b'"\xff"', "bad_encoding"),
        (b'"\xed\xa0\x80"', "bad_encoding"),
        (f"[{','.join(['0'] * 10_000)}]", "too_many_values"),
        (f"[{','.join(['[]'] * 10_000)}]", "too_many_values"),
        ("{" + ",".join(f'"{number}":0' for number in range(10_001)) + "}", "too_many_values"),
        ('{"' + "k" * 1_001 + '":1}', "name_too_long"),
    ],
    ids=lambda part: repr(part)[:30],
)
def test_what_others_would_read_differently_is_refused(text: str | bytes, code: str) -> None:
    with pytest.raises(MalformedJsonError) as refused:
        json_text.read(text)

    assert refused.value.reason == code


@pytest.mark.parametrize(
    ("text", "position"), [('{"a" 1}', 5), (b'{"a":\xff}', 5), ("\ufeff1", 0), ("[1,]", 3)], ids=repr
)
def test_a_refusal_says_where(text: str | bytes, position: int) -> None:
    with pytest.raises(MalformedJsonError) as refused:
        json_text.read(text)

    assert refused.value.position == position


def test_a_refusal_never_carries_what_a_terminal_or_a_store_would_stumble_over() -> None:
    with pytest.raises(MalformedJsonError) as refused:
        json_text.read('{"\\u001b[2J\\ud800": 1, "\\u001b[2J\\ud800": 2}')

    assert refused.value.detail.isprintable()
    refused.value.detail.encode()


HOSTILE: dict[str, Callable[[], str]] = {
    "nested arrays": lambda: "[" * MEGABYTE,
    "nested objects": lambda: '{"a":' * (MEGABYTE // 5),
    "empty arrays": lambda: "[" + "[]," * (MEGABYTE // 3) + "[]]",
    "empty objects": lambda: "[" + "{}," * (MEGABYTE // 3) + "{}]",
    "empty strings": lambda: "[" + '"",' * (MEGABYTE // 3) + '""]',
    "strings, then arrays": lambda: "[" + '"",' * (MEGABYTE // 3) + "[" * 20_000,
    "constants": lambda: "[" + "true," * (MEGABYTE // 5) + "1]",
    "integers": lambda: "[" + "1," * (MEGABYTE // 2) + "1]",
    "floats": lambda: "[" + "1.5," * (MEGABYTE // 4) + "1]",
    "one integer": lambda: "9" * MEGABYTE,
    "one string": lambda: '"' + "a" * MEGABYTE + '"',
    "one string of brackets": lambda: '"' + "[" * MEGABYTE + '"',
    "an open string of quotes": lambda: "[" * 20 + "[]," * 10_001 + '"' + '\\"' * (MEGABYTE // 2),
    "many names": lambda: "{" + ",".join(f'"{number}":0' for number in range(MEGABYTE // 10)) + "}",
    "a name given twice, last": lambda: (
        "{" + ",".join(f'"{n:0100}":""' for n in range(9_000)) + ',"' + "0" * 100 + '":1}'
    ),
    "surrogates at the end": lambda: '"' + "a" * MEGABYTE + '\\ud800"',
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_megabyte_is_judged_within_20_milliseconds(hostile: Callable[[], str]) -> None:
    text = hostile()

    assert min(_seconds_to_judge(text) for _ in range(3)) < 0.020


def _seconds_to_judge(text: str) -> float:
    began = thread_time()
    with suppress(MalformedJsonError):
        json_text.read(text)
    return thread_time() - began


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_reads_back_as_it_was(value: object) -> None:
    text = json_text.write(value)

    assert json_text.read(text) == value
    assert json_text.read(text.encode()) == value


@given(st.text(alphabet='[]{}",:\\u0d8ae1. -\n\x00é', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        value = json_text.read(text)
    except MalformedJsonError:
        return
    assert json_text.read(json_text.write(value)) == value


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1, 2}, pytest.param(object(), id="an object")], ids=repr
)
def test_what_is_no_json_is_never_written(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        json_text.write(value)


@pytest.mark.parametrize(
    ("text", "kept"), [("plain é 😀", "plain é 😀"), ("a\x00b", "a\\u0000b"), ("\ud800", "\\ud800")], ids=ascii
)
def test_what_no_store_can_keep_is_written_as_an_escape(text: str, kept: str) -> None:
    assert json_text.storable(text) == kept
