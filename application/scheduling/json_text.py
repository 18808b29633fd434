"""The one reader and the one writer of JSON from and for people: strict, bounded, exact.

RFC 8259 leaves open what duplicate names, huge numbers and lone surrogates mean, and Python's reader takes NaN; each
of them is refused here, so that every store and every client sees the same value.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn

from domain.errors import MalformedJsonError

DEPTH_MAX = 32
NODES_MAX = 10_000
KEY_CHARACTERS_MAX = 1_000
INTEGER_DIGITS_MAX = 1_000


def read(text: str | bytes) -> Any:
    """The value of a JSON text. Raises MalformedJsonError with a code and, where known, the position."""
    if isinstance(text, bytes):
        text = _decoded(text)
    # Before parsing: Python's parser recurses, and its own limit is a crash rather than an answer.
    _check_depth(text)
    try:
        value = json.loads(
            text, parse_constant=_no_constant, object_pairs_hook=_object, parse_int=_integer, parse_float=_number
        )
    except json.JSONDecodeError as error:
        raise MalformedJsonError(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}", position=error.pos
        ) from None
    _check_values(value)
    return value


def write(value: Any) -> str:
    """The compact text of a value that `read` accepted."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _decoded(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJsonError("not UTF-8", code="bad_encoding", position=error.start) from None
    if text.startswith("\ufeff"):
        raise MalformedJsonError("begins with a byte order mark", code="bad_encoding", position=0)
    return text


def _check_depth(text: str) -> None:
    depth, in_string, escaped = 0, False, False
    for position, character in enumerate(text):
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise MalformedJsonError(f"nested deeper than {DEPTH_MAX} levels", code="too_deep", position=position)
        elif character in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedJsonError(f"the name {twice[:50]!r} stands twice in one object", code="duplicate_key")
    return value


def _integer(digits: str) -> int:
    if len(digits) > INTEGER_DIGITS_MAX:
        raise MalformedJsonError(f"an integer of more than {INTEGER_DIGITS_MAX} digits", code="number_too_large")
    return int(digits)


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise MalformedJsonError(f"the number {text[:30]} is too large", code="number_too_large")
    return number


def _no_constant(name: str) -> NoReturn:
    raise MalformedJsonError(f"{name} is not JSON", code="not_a_number")


def _check_values(value: Any) -> None:
    nodes = 0
    for text in _strings(value):
        nodes += 1
        if nodes > NODES_MAX:
            raise MalformedJsonError(f"more than {NODES_MAX:,} values", code="too_many_values")
        if text is None:
            continue
        if "\x00" in text:
            raise MalformedJsonError("a text has a NUL character", code="bad_character")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise MalformedJsonError("a text has half of a surrogate pair", code="bad_character")


def _strings(value: Any) -> Iterator[str | None]:
    """Every text in the value, names included, and None for each other value."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            for name in item:
                if len(name) > KEY_CHARACTERS_MAX:
                    raise MalformedJsonError(
                        f"a name of more than {KEY_CHARACTERS_MAX} characters", code="name_too_long"
                    )
                yield name
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
        yield item if isinstance(item, str) else None
