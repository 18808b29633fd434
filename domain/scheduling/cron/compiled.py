"""A cron expression in its zone, compiled once and shared by every task that names the two."""

from datetime import UTC, datetime
from functools import lru_cache

from domain.scheduling.cron.expression import parse
from domain.scheduling.cron.matcher import CronMatcher
from domain.scheduling.cron.zone import END_OF_TIME, EPOCH, Occurrences, zone_clock

COMPILED_MAX = 8_192


class CompiledCron:
    """The occurrences of an expression in a zone, asked in datetimes; `text` is the expression, trimmed.

    Thousands of tasks share an expression and ask from the same moment, so the last answer is kept: it is the answer
    for every instant from the one asked up to the answer itself. The pair is replaced whole, which is safe in threads.
    """

    __slots__ = ("_last_answer", "_occurrences", "text")

    def __init__(self, expression: str, timezone: str) -> None:
        parsed = parse(expression)
        self.text = parsed.text
        self._occurrences = Occurrences(CronMatcher(parsed), zone_clock(timezone))
        self._last_answer = (END_OF_TIME, EPOCH)

    def next_after(self, instant: datetime) -> datetime | None:
        asked, answer = self._last_answer
        if asked <= instant < answer:
            return answer
        found = self._occurrences.first_from(_second_of(instant) + 1)
        if found is None:
            return None
        answer = datetime.fromtimestamp(found, UTC)
        self._last_answer = (instant, answer)
        return answer

    def previous_before(self, instant: datetime) -> datetime | None:
        second = _second_of(instant)
        found = self._occurrences.last_until(second if instant.microsecond else second - 1)
        return None if found is None else datetime.fromtimestamp(found, UTC)

    def count_between(self, after: datetime, until: datetime, *, at_most: int) -> int:
        return self._occurrences.count(_second_of(after), _second_of(until), at_most)


@lru_cache(maxsize=COMPILED_MAX)
def compiled_cron(expression: str, timezone: str) -> CompiledCron:
    """Compile `expression` for `timezone`, or hand out what was compiled before; errors as `parse` and `zone`."""
    return CompiledCron(expression, timezone)


def _second_of(instant: datetime) -> int:
    """The whole second, counted from the epoch, in which `instant` lies; TypeError if it is naive."""
    since = instant - EPOCH
    return since.days * 86_400 + since.seconds
