"""The one reader of YAML: what JSON can say, in YAML's clothes; strict, bounded, and safe by what it cannot do.

It is made over the parser's events, so nothing is ever constructed that a tag asks for: tags, aliases and merge keys
are refused where they stand, and with them objects of Python and bombs of aliases. Without quotes, `true`, `false`,
`null` and numbers are what they are in JSON, and everything else is a text: no `no` becomes false, no `1:30` a number.
Limits hold while the text is being read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml  # type: ignore[import-untyped]

from application.scheduling import json_text
from domain.errors import DomainError
from domain.pointers import pointer_of

NODES_MAX = 50_000
DEPTH_MAX = json_text.DEPTH_MAX

# The parser of libyaml where it is built in: seventeen times as fast, and otherwise the same.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: Mapping[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_SHOWN_MAX = 50


class MalformedYamlError(DomainError):
    """A text is not the YAML we accept: the syntax, or a limit on depth, size, tags or aliases."""

    code = "malformed_yaml"


@dataclass(frozen=True, slots=True)
class Read:
    """A value, and the 1-based line of everything in it by its JSON pointer."""

    value: Any
    lines: Mapping[str, int]


def read(text: str) -> Read:
    """The value of a YAML text, which has no surrogates, of one document. Raises MalformedYamlError with the line."""
    reader = _Reader(yaml.parse(text, Loader=_LOADER))
    try:
        return Read(reader.document(), reader.lines)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _fault(at, f"not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise MalformedYamlError(f"not YAML: {error}".splitlines()[0]) from None


@dataclass(slots=True)
class _Reader:
    events: Iterator[yaml.Event]
    lines: dict[str, int] = field(default_factory=dict)
    nodes: int = 0

    def document(self) -> Any:
        """The value of the only document; null if there is none."""
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        root = next(self.events)
        self.lines[""] = root.start_mark.line + 1
        value = self._value(root, "", 0)
        next(self.events)
        following = next(self.events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise _at(following, "a second document begins here", "several_documents")
        return value

    def _value(self, event: yaml.Event, place: str, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            raise _at(event, f"more than {NODES_MAX:,} values", "too_many_values")
        _check(event, depth)
        match event:
            case yaml.ScalarEvent():
                return _scalar(event)
            case yaml.SequenceStartEvent():
                return self._sequence(place, depth)
            case _:
                return self._mapping(place, depth)

    def _sequence(self, place: str, depth: int) -> list[Any]:
        value: list[Any] = []
        for item in self._until(yaml.SequenceEndEvent):
            inner = f"{place}/{len(value)}"
            self.lines[inner] = item.start_mark.line + 1
            value.append(self._value(item, inner, depth + 1))
        return value

    def _mapping(self, place: str, depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key in self._until(yaml.MappingEndEvent):
            name = _name(key, depth)
            if name in value:
                raise _at(key, f"the name {name[:_SHOWN_MAX]!r} stands twice in one object", "duplicate_key")
            inner = place + pointer_of((name,))
            # A member begins with its name, and that is where people look for it.
            self.lines[inner] = key.start_mark.line + 1
            value[name] = self._value(next(self.events), inner, depth + 1)
        return value

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self.events), end):
            yield event


def _check(event: yaml.Event, depth: int) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _at(event, "aliases are not read: `defaults` says what tasks have in common", "alias")
    if event.tag is not None:
        raise _at(event, f"tags are not read: {event.tag[:_SHOWN_MAX]!r}", "tag")
    if depth >= DEPTH_MAX and not isinstance(event, yaml.ScalarEvent):
        raise _at(event, f"nested deeper than {DEPTH_MAX} levels", "too_deep")


def _name(key: yaml.Event, depth: int) -> str:
    _check(key, depth)
    if not isinstance(key, yaml.ScalarEvent):
        raise _at(key, "a name is a text", "wrong_type")
    name = str(key.value)
    if name == "<<" and not key.style:
        raise _at(key, "merge keys are not read: `defaults` says what tasks have in common", "merge_key")
    if len(name) > json_text.KEY_CHARACTERS_MAX:
        raise _at(key, f"a name of more than {json_text.KEY_CHARACTERS_MAX:,} characters", "name_too_long")
    return name


def _scalar(event: yaml.ScalarEvent) -> Any:
    text = str(event.value)
    if event.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if not _NUMBER.fullmatch(text):
        return text
    try:
        return json_text.read(text)
    except DomainError as error:
        raise _at(event, error.detail, error.reason) from None


def _at(event: yaml.Event, detail: str, code: str) -> MalformedYamlError:
    return _fault(event.start_mark.line + 1, detail, code)


def _fault(line: int, detail: str, code: str | None = None) -> MalformedYamlError:
    return MalformedYamlError(f"line {line:,}: {detail}", code=code)
