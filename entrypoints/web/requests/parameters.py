"""The query of an address: strict, so that a mistyped filter is told instead of answering with everything."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from aiohttp import web

from application.scheduling.ports.history import TaskOrder
from domain.errors import nearest_of
from entrypoints.web.requests.errors import RequestError

TEXT_MAX = 200
CURSOR_MAX = 4_096
LIMIT_MAX = 200
LIMIT_DEFAULT = 50
NUMBER_MAX = 999_999_999
"""The greatest number that is read at all."""
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")


class Query:
    """The parameters of a request, each at most once and each known; an empty one counts as left out.

    One that is `repeated` may stand several times; `all` has what it says, in order. Raises RequestError
    `bad_parameter`, as every reading does.
    """

    def __init__(self, request: web.Request, *known: str, repeated: str | None = None) -> None:
        self.all = [] if repeated is None else request.query.getall(repeated, [])
        self._known = known
        self._values: dict[str, str] = {}
        for name, value in request.query.items():
            if name == repeated:
                continue
            if name not in known:
                detail = f"there is no such parameter here: {nearest_of(name, known)}"
                raise _bad(name[:50], detail, reason="unknown_parameter")
            if name in self._values:
                raise _bad(name, "this parameter stands more than once", reason="repeated_parameter")
            self._values[name] = value

    def text(self, name: str, *, characters_max: int = TEXT_MAX) -> str | None:
        """A text without control characters."""
        value = self._values.get(name) or None
        if value is not None and (len(value) > characters_max or _UNPRINTABLE.search(value)):
            raise _bad(name, f"at most {characters_max} printable characters", reason="out_of_range")
        return value

    def choice(self, name: str, kind: type[Choice]) -> Choice | None:
        """One of the values of an enumeration."""
        value = self._values.get(name) or None
        return None if value is None else _one_of(name, value, kind)

    def choices(self, name: str, kind: type[Choice]) -> frozenset[Choice]:
        """Any of the values of an enumeration, commas between them; left out: none."""
        value = self._values.get(name, "")
        return frozenset(_one_of(name, each, kind) for each in value.split(",") if each)

    def number(self, name: str, *, default: int, most: int, least: int = 1) -> int:
        """A whole number from `least` to `most`, in ASCII digits."""
        value = self._values.get(name) or str(default)
        if not _NUMBER.fullmatch(value) or not least <= int(value) <= most:
            raise _bad(name, f"a whole number from {least} to {most}", reason="out_of_range")
        return int(value)

    def flag(self, name: str) -> bool:
        """`true` or `false`; left out: false."""
        value = self._values.get(name) or "false"
        if value not in ("true", "false"):
            raise _bad(name, "true or false", reason="invalid_value")
        return value == "true"

    def limit(self) -> int:
        """How many rows a page has."""
        return self.number("limit", default=LIMIT_DEFAULT, most=LIMIT_MAX)

    def cursor(self) -> str | None:
        """Where a page begins; None: at the first row."""
        return self.text("cursor", characters_max=CURSOR_MAX)

    def task_order(self, default: TaskOrder = TaskOrder.NAME) -> tuple[TaskOrder, bool]:
        """By what a list of tasks is sorted, and whether downwards (`-name`)."""
        value = self._values.get("sort") or default.value
        return _one_of("sort", value.removeprefix("-"), TaskOrder), value.startswith("-")

    @property
    def given(self) -> dict[str, str]:
        """What was given and is not empty, as it stands in the address."""
        return {name: value for name, value in self._values.items() if value}

    def __getitem__(self, parameter: "Parameter[Value]") -> Value:
        """What a declared parameter says."""
        assert parameter.name in self._known, f"{parameter.name} is not declared for this endpoint"
        return parameter.read(self)


QUERY = web.RequestKey("query", Query)
"""The query of a request to the API, checked against what its route declares."""


@dataclass(frozen=True, slots=True)
class Parameter(Generic[Value]):
    """A parameter of the API, declared once: what clients are told of it (`schema` is JSON Schema), how it is read."""

    name: str
    description: str
    schema: Mapping[str, Any]
    read: Callable[[Query], Value]
    is_required: bool = False


def _one_of(name: str, value: str, kind: type[Choice]) -> Choice:
    try:
        return kind(value)
    except ValueError:
        raise _bad(name, f"one of {', '.join(kind)}", reason="invalid_value") from None


def _bad(name: str, detail: str, *, reason: str) -> RequestError:
    return RequestError("bad_parameter", f"{name}: {detail}", reason=reason, parameter=name)
