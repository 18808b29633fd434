"""The one reader and the one writer of JSON from and for people: strict, bounded, exact.

RFC 8259 leaves open what duplicate names, huge numbers and lone surrogates mean, and Python's reader takes NaN; each
of them is refused here, so that every store and every client sees the same value. Limits hold while the text is being
read: a hostile megabyte is refused in milliseconds, before what it describes is built.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from domain.errors import MalformedJsonError

BYTES_MAX = 1024 * 1024
"""How much of a text is read from anybody, which is for those to see to who read it: a body, a form, a file."""
DEPTH_MAX = 32
NODES_MAX = 10_000
KEY_CHARACTERS_MAX = 1_000
INTEGER_DIGITS_MAX = 1_000

# What no store can keep: PostgreSQL refuses the first, UTF-8 the others.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# A string that is never closed matches too: were it to fail, every quote after it would be tried in turn.
_STRING_OR_BRACKET = re.compile(r'"[^"]*+"?|[\[\]{}]')
# As json.dumps would, which makes an encoder for each value.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def read(text: str | bytes, *, nodes_max: int = NODES_MAX) -> Any:
    """The value of a JSON text. Raises MalformedJsonError with a code and, where known, the position."""
    text = decoded(text)
    _refuse_swarm(text, nodes_max)
    parser = _Parser(nodes_max)
    try:
        value = json.loads(
            text,
            parse_constant=_no_constant,
            object_pairs_hook=parser.object,
            parse_int=parser.integer,
            parse_float=parser.number,
        )
    except json.JSONDecodeError as error:
        raise MalformedJsonError(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}", position=error.pos
        ) from None
    except RecursionError:
        # Python's parser recurses and gives up long after our own limit, which `_check` would have found.
        raise _too_deep() from None
    _check(value, nodes_max)
    return value


def write(value: Any) -> str:
    """The compact text of a value that `read` accepted."""
    return _ENCODER.encode(value)


def storable(text: str) -> str:
    """The text with what no store can keep, NUL and halves of surrogate pairs, written as escapes."""
    return _UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def decoded(raw: str | bytes) -> str:
    """The text of bytes in UTF-8 without a byte order mark. Raises MalformedJsonError (`bad_encoding`)."""
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJsonError("not UTF-8", code="bad_encoding", position=error.start) from None
    if text.startswith("\ufeff"):
        raise MalformedJsonError("begins with a byte order mark", code="bad_encoding", position=0)
    return text


def _refuse_swarm(text: str, nodes_max: int) -> None:
    """Refuse arrays and strings without end before any is built: the parser tells us of objects and numbers alone."""
    if text.count("[") <= nodes_max and text.count('"') <= 4 * nodes_max:
        return
    # What is left of a string without its escapes ends at its first quote.
    bare = text.replace(r"\\", "").replace(r"\"", "")
    # For each value a text within the limits has a name at most, and a string or a pair of brackets.
    depth, left = 0, 3 * nodes_max
    for met in _STRING_OR_BRACKET.finditer(bare):
        depth += _STEPS.get(met[0], 0)
        left -= 1
        if depth > DEPTH_MAX:
            raise _too_deep()
        if left < 0:
            raise _too_many(nodes_max)


@dataclass(slots=True)
class _Parser:
    """What the parser calls for each object and number, which it thereby counts."""

    nodes_max: int
    nodes: int = 0

    def object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._count(1 + len(pairs))
        value = dict(pairs)
        if len(value) < len(pairs):
            raise _named_twice(name for name, _ in pairs)
        return value

    def integer(self, digits: str) -> int:
        self._count(1)
        if len(digits.removeprefix("-")) > INTEGER_DIGITS_MAX:
            raise MalformedJsonError(f"an integer of more than {INTEGER_DIGITS_MAX} digits", code="number_too_large")
        return int(digits)

    def number(self, text: str) -> float:
        self._count(1)
        number = float(text)
        if math.isinf(number):
            raise MalformedJsonError(f"the number {text[:30]} is too large", code="number_too_large")
        return number

    def _count(self, more: int) -> None:
        # A value may be counted twice, as a member of its object and by itself; `_check` counts exactly.
        self.nodes += more
        if self.nodes > 2 * self.nodes_max:
            raise _too_many(self.nodes_max)


def _no_constant(name: str) -> NoReturn:
    raise MalformedJsonError(f"{name} is not JSON", code="not_a_number")


def _check(value: Any, nodes_max: int) -> None:
    """Depth, number of values, and the characters of every text, names included."""
    nodes, depth, level = 0, 0, [value]
    while level:
        nodes += len(level)
        if nodes > nodes_max:
            raise _too_many(nodes_max)
        containers = [item for item in level if isinstance(item, dict | list)]
        if containers and depth == DEPTH_MAX:
            raise _too_deep()
        for text in _texts(level):
            if found := _UNSTORABLE.search(text):
                what = "a NUL character" if found[0] == "\x00" else "half of a surrogate pair"
                raise MalformedJsonError(f"a text has {what}", code="bad_character")
        level = [inner for each in containers for inner in (each.values() if isinstance(each, dict) else each)]
        depth += 1


def _texts(level: Iterable[Any]) -> Iterator[str]:
    """Every text and every name among these values, not inside them."""
    for item in level:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            for name in item:
                if len(name) > KEY_CHARACTERS_MAX:
                    raise MalformedJsonError(
                        f"a name of more than {KEY_CHARACTERS_MAX:,} characters", code="name_too_long"
                    )
                yield name


def _named_twice(names: Iterable[str]) -> MalformedJsonError:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return MalformedJsonError(f"the name {name[:50]!r} stands twice in one object", code="duplicate_key")
        seen.add(name)
    raise AssertionError("an object smaller than its pairs names one of them twice")


def _too_many(nodes_max: int) -> MalformedJsonError:
    return MalformedJsonError(f"more than {nodes_max:,} values", code="too_many_values")


def _too_deep() -> MalformedJsonError:
    return MalformedJsonError(f"nested deeper than {DEPTH_MAX} levels", code="too_deep")
