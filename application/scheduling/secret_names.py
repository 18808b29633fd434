"""What a secret is called: the one rule by which values are kept out of files, errors, log lines and settings."""

import re
from collections.abc import Mapping
from typing import Any

LEFT_OUT = "***"
SECRET_NAME = r"(?:pass(?:word|wd|phrase)|pwd|secret|token|(?:api|access|private)[_-]?key|authorization|credential)"  # noqa: S105
"""Matches the part of a name, in any case, that says its value is a secret; without groups, to stand in a pattern."""
_SECRET = re.compile(SECRET_NAME, re.IGNORECASE)


def without_secrets(value: Any) -> Any:
    """A JSON value with LEFT_OUT in place of whatever stands, at any depth, under the name of a secret."""
    if isinstance(value, Mapping):
        return {name: LEFT_OUT if _SECRET.search(name) else without_secrets(member) for name, member in value.items()}
    return [without_secrets(each) for each in value] if isinstance(value, list) else value


def with_secrets(value: Any, present: Any, missing: list[tuple[object, ...]], path: tuple[object, ...] = ()) -> Any:
    """The inverse: each LEFT_OUT under the name of a secret replaced by what stands at its place in `present`.

    The paths of those for which nothing stands there are put into `missing`.
    """
    if isinstance(value, Mapping):
        was = present if isinstance(present, Mapping) else {}
        whole = {}
        for name, member in value.items():
            inner = (*path, name)
            if member != LEFT_OUT or not _SECRET.search(name):
                whole[name] = with_secrets(member, was.get(name), missing, inner)
            elif name in was:
                whole[name] = was[name]
            else:
                missing.append(inner)
        return whole
    if not isinstance(value, list):
        return value
    others = present if isinstance(present, list) else []
    kept = [*others[: len(value)], *[None] * (len(value) - len(others))]
    return [with_secrets(each, kept[place], missing, (*path, place)) for place, each in enumerate(value)]
