"""Texts of people and handlers on pages: nothing in them turns the direction of the line in which they stand.

What is stored stays as it is. A page shows the characters that would (Unicode TR 9: embeddings, overrides, isolates)
as their escapes, wherever a text is put in; what goes into the fields of a form, and comes back, says so and is kept.
"""

import re

from markupsafe import Markup

TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


class AsSent(str):
    """A text that goes into a field, from which it will be sent as it is."""

    __slots__ = ()


def as_sent(value: object) -> object:
    """The text as the content of a field, unchanged."""
    return AsSent(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def shown(value: object) -> object:
    """What a template puts in, as it is to be read; for every expression of every template.

    Markup is made of what was put in before.
    """
    if not isinstance(value, str) or value.isascii() or isinstance(value, AsSent | Markup):
        return value
    return TURNING.sub(_escaped, value)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
