"""What a handler raised, in words fit to be kept and shown: bounded, redacted, and never an error of its own."""

import re
import traceback

from application.scheduling import json_text
from application.scheduling.processors import PermanentError
from application.scheduling.secret_names import SECRET_NAME
from domain.scheduling.execution import ErrorReport

KIND_CHARACTERS_MAX = 100
TEXT_CHARACTERS_MAX = 4_000
TRACEBACK_FRAMES_MAX = 20
GROUP_SHOWN_MAX = 3
# Enough for a traceback; of a longer text only the ends are looked at, so that no message can hold up the worker.
_READ_CHARACTERS_MAX = 10 * TEXT_CHARACTERS_MAX

LINE_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_PASSWORD_IN_URL = re.compile(r"(://[^\s:/@]{0,100}:)[^\s/]{1,1000}@")
_SECRET_VALUE = re.compile(
    rf"({SECRET_NAME}s?[\"']?\s{{0,3}}[:=]\s{{0,3}})"
    r"((?:bearer|basic)\s{1,3})?(?:\"[^\"]{0,1000}\"|'[^']{0,1000}'|[^\s,;)&]{1,1000})",
    re.IGNORECASE,
)


def report_of(error: BaseException) -> ErrorReport:
    """The class of an error and its traceback, the end of it if it is long; a failing __str__ is no hindrance."""
    kind = error.code if isinstance(error, PermanentError) else type(error).__name__
    try:
        text = "".join(traceback.format_exception(error, limit=-TRACEBACK_FRAMES_MAX))
        if isinstance(error, BaseExceptionGroup):
            # Its drawing ends in a line of dashes; the last line of a report is what people see first.
            inner = "; ".join(f"{type(each).__name__}: {each}" for each in error.exceptions[:GROUP_SHOWN_MAX])
            text = f"{text}\n{kind}: {error}: {inner}"
    except BaseException:  # noqa: BLE001 - an exception's own attributes and __str__ are user code too
        text = f"{kind} (its text could not be read)"
    return report(kind, text)


def report(kind: str, text: str) -> ErrorReport:
    """An error by its class and its text, both bounded and redacted."""
    shown = redacted(text[-_READ_CHARACTERS_MAX:])[-TEXT_CHARACTERS_MAX:]
    return ErrorReport(json_text.storable(kind[:KIND_CHARACTERS_MAX]), json_text.storable(shown)[-TEXT_CHARACTERS_MAX:])


def on_one_line(text: str) -> str:
    """The text with everything escaped that would end the line, turn its direction or move a terminal's cursor."""
    return LINE_BREAKING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def redacted(text: str) -> str:
    """The text without passwords in URLs and without the values that stand behind names of secrets."""
    return _SECRET_VALUE.sub(r"\1\2***", _PASSWORD_IN_URL.sub(r"\1***@", text))
