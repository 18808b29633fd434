"""The small words of every sentence: instants as the wall clock of a zone shows them, durations, people."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from domain.errors import InvalidTimezoneError
from domain.scheduling.change import Change
from domain.scheduling.cron.zone import zone
from domain.scheduling.execution import ErrorReport

ERROR_SHOWN_MAX = 300
_DAY, _YEAR = 86_400, 31_556_952
_SIZES = (("d", _DAY), ("h", 3_600), ("min", 60), ("s", 1))
_YEARS_ALONE = 10


def span(length: timedelta) -> str:
    """A length of time in its two largest units; below ten seconds with a fraction.

    From two years on they are years, of 365.2425 days, and days; from ten years on, years alone.
    """
    seconds = length.total_seconds()
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    if whole >= 2 * _YEAR:
        years, days = whole // _YEAR, whole % _YEAR // _DAY
        return f"{years:,} years {days} d" if days and years < _YEARS_ALONE else f"{years:,} years"
    parts: list[tuple[int, str]] = []
    for unit, size in _SIZES:
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count)


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: `1 attempt`, `2,000 attempts`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def times(count: int) -> str:
    """How often: `once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count) or counted(count, "time")


def gist(error: ErrorReport | None) -> str:
    """What went wrong, in one line of bounded length."""
    if error is None:
        return "no error on record"
    text = " ".join(error.gist.split())
    return text if len(text) <= ERROR_SHOWN_MAX else text[: ERROR_SHOWN_MAX - 1] + "…"


def sentence(text: str) -> str:
    """The text with a capital at its beginning and one stop at its end, and nothing that would steer a terminal."""
    text = "".join(each if each.isprintable() else "\ufffd" for each in text[:1].upper() + text[1:])
    return text if text.endswith((".", "!", "?")) else text + "."


@dataclass(frozen=True, slots=True)
class Clockface:
    """How a zone shows instants; one that is no longer known shows UTC."""

    timezone: str

    def at(self, instant: datetime) -> str:
        """`Sun 2026-03-29 03:00 CEST`, with the seconds, where there are any, as clocks show them: rounded down."""
        local = instant.astimezone(self._zone())
        return f"{local:%a %Y-%m-%d %H:%M}{local.strftime(':%S') if local.second else ''} {local:%Z}"

    def made(self, change: Change) -> str:
        """Who made a change, when and why: `by ana (api) at … ("DB upgrade")`."""
        reason = f' ("{change.reason}")' if change.reason else ""
        return f"by {change.actor} ({change.via}) at {self.at(change.at)}{reason}"

    def _zone(self) -> tzinfo:
        try:
            return zone(self.timezone)
        except InvalidTimezoneError:
            return UTC
