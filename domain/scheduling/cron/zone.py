"""Time zones: which keys there are, when their offsets change, and what a cron expression means at such a change.

Zones come from the tzdata wheel alone, never from the host, so every process of a cluster knows the same rules.

A zone is a row of *periods* in which wall time is UTC plus a fixed offset. Where the offset grows, wall times are
skipped (a gap); where it shrinks, they are shown again (a fold). Inside a period a match is a match; the two rules,
for changes of any size and cause, are:

1. Gap. Matching times that were skipped fire together, once, at the first instant after the gap; unless the hour field
   covers all 24 hours: then the next time comes within the hour anyway and the skipped ones stay skipped.
2. Fold. A wall time fires when it is shown for the first time only; unless the expression repeats (a time field begins
   with `*`, or all hours are covered): then it fires on every pass, which keeps its beat in elapsed time.

"Shown for the first time" is kept as a mark for each period: the wall second up to which everything has been shown or
skipped before it began. So two changes close together need no rule of their own.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import accumulate
from zoneinfo import ZoneInfo

from domain.errors import InvalidTimezoneError
from domain.scheduling.cron.matcher import BEFORE_ALL, DAY_SECONDS, CronMatcher
from domain.scheduling.cron.tzif import OffsetChange, read

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(2200, 1, 1, tzinfo=UTC)
ZONE_KEY_MAX = 64

_ONE_SECOND = timedelta(seconds=1)
_END = int((END_OF_TIME - EPOCH) / _ONE_SECOND)
_LAST_YEAR = END_OF_TIME.year
# No two offsets differ by more than a day and a bit: wall clocks this far apart show times in the order of UTC.
_REACH = 2 * DAY_SECONDS
# In the wheel, but no place: `Factory` means "not set"; the others exist on hosts and depend on them.
_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})
# No country's, and yet the names people should use.
_NAMED_NOWHERE = frozenset({"UTC", "GMT"})
_NO_PLACE_FOLDERS = ("posix/", "right/")


@cache
def timezone_keys() -> frozenset[str]:
    """Every IANA key that a schedule may name, aliases such as `US/Eastern` included."""
    listed = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return frozenset(key for key in listed if key not in _NO_PLACES and not key.startswith(_NO_PLACE_FOLDERS))


@cache
def _backward_links() -> dict[str, str]:
    """Old keys and the key whose rules each has: links of the database that no country's table names any more."""
    with files("tzdata").joinpath("zoneinfo", "tzdata.zi").open("r", encoding="ascii") as source:
        links = [line.split() for line in source if line.startswith("L ")]
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8").splitlines()
    named = {line.split("\t")[2] for line in table if not line.startswith("#")}
    return {old: current for _, current, old in links if old not in named | _NAMED_NOWHERE}


def current_key(key: str) -> str | None:
    """The key to write instead of a deprecated one, such as `America/New_York` for `US/Eastern`; None if it is none."""
    return _backward_links().get(key)


@cache
def tzdata_version() -> str:
    """The IANA release of the rules in use, such as `2026a`."""
    with files("tzdata").joinpath("zoneinfo", "tzdata.zi").open("r", encoding="ascii") as source:
        return source.readline().removeprefix("# version").strip()


@cache
def zone(key: str) -> ZoneInfo:
    """The zone of an exact IANA key, for showing times; one object a key.

    Raises InvalidTimezoneError, with the nearest known key as hint, before any resource is opened.
    """
    _check(key)
    with files("tzdata").joinpath("zoneinfo", *key.split("/")).open("rb") as source:
        return ZoneInfo.from_file(source, key=key)


class ZoneClock:
    """The periods of a zone from 1970-01-01 to 2200-01-01 UTC; three rows of whole seconds, one entry a period.

    `starts`: the instant each begins, and after the last one the end of time. `offsets`: wall time minus UTC.
    `shown`: the wall second up to which all has been shown or skipped before the period began.
    """

    __slots__ = ("offsets", "shown", "starts")

    def __init__(self, first_offset: int, changes: Sequence[OffsetChange]) -> None:
        offsets = [first_offset, *(change.offset for change in changes)]
        instants = [change.at for change in changes]
        marks = accumulate((at + offset for at, offset in zip(instants, offsets, strict=False)), max)
        shown = [BEFORE_ALL, *marks]
        begin, end = bisect_right(instants, 0), bisect_right(instants, _END - 1)
        self.starts = (0, *instants[begin:end], _END)
        self.offsets = tuple(offsets[begin : end + 1])
        self.shown = tuple(shown[begin : end + 1])

    def period_at(self, instant: int) -> int:
        return bisect_right(self.starts, instant, 1, len(self.offsets)) - 1

    def instant_of(self, wall: int) -> int:
        """The instant a wall clock shows `wall`: the first of two in a fold, the gap's end in a gap."""
        period = self.period_at(max(wall - _REACH, 0))
        while period < len(self.offsets) - 1 and wall >= self.starts[period + 1] + self.offsets[period]:
            period += 1
        opens = self.starts[period] if period > 0 else wall - self.offsets[period]
        return max(wall - self.offsets[period], opens)


@cache
def zone_clock(key: str) -> ZoneClock:
    """The clock of an exact IANA key, shared by all who ask; errors as `zone`."""
    _check(key)
    content = files("tzdata").joinpath("zoneinfo", *key.split("/")).read_bytes()
    return ZoneClock(*read(content, last_year=_LAST_YEAR))


class Occurrences:
    """The fixed set of whole seconds at which an expression fires in a zone, from 1970 to the end of 2199 UTC.

    It never changes; every search starts from the instant it is given.
    """

    __slots__ = ("_clock", "_every_hour", "_matcher", "_once")

    def __init__(self, matcher: CronMatcher, clock: ZoneClock) -> None:
        self._matcher = matcher
        self._clock = clock
        self._once = not matcher.expression.repeats
        self._every_hour = matcher.expression.covers_every_hour

    def first_from(self, instant: int) -> int | None:
        """The earliest occurrence at or after `instant`; None if the end of time comes first."""
        instant = max(instant, 0)
        starts, offsets = self._clock.starts, self._clock.offsets
        while instant < _END:
            period = self._clock.period_at(instant)
            if instant == starts[period] and self._fires_at_start(period):
                return instant
            found = self._matcher.first_from(self._wall(instant, period)) - offsets[period]
            following = starts[period + 1]
            if found < following:
                return found
            # The next period may show earlier times again or skip the match; but from two days before it, wall times
            # only grow up to the match, so that far a search may leap.
            instant = max(following, found - _REACH) if instant < following - _REACH else following
        return None

    def last_until(self, instant: int) -> int | None:
        """The latest occurrence at or before `instant`; None if there was none since 1970."""
        instant = min(instant, _END - 1)
        starts, offsets = self._clock.starts, self._clock.offsets
        while instant >= 0:
            period = self._clock.period_at(instant)
            found = self._matcher.last_until(instant + offsets[period]) - offsets[period]
            start = starts[period]
            if found >= start and found + offsets[period] >= self._wall(start, period):
                return found
            if self._fires_at_start(period):
                return start
            instant = min(start - 1, found + _REACH) if instant > start + _REACH else start - 1
        return None

    def count(self, after: int, until: int, at_most: int) -> int:
        """How many occurrences lie in (after, until], counting no further than `at_most`."""
        after, until = max(after, -1), min(until, _END - 1)
        if after >= until:
            return 0
        starts, total = self._clock.starts, 0
        for period in range(self._clock.period_at(after + 1), self._clock.period_at(until) + 1):
            total += self._count_in(period, max(after + 1, starts[period]), min(until + 1, starts[period + 1]))
            if total >= at_most:
                return max(at_most, 0)
        return total

    def _count_in(self, period: int, low: int, high: int) -> int:
        """How many occurrences lie in [low, high), a part of one period."""
        offset = self._clock.offsets[period]
        opens = self._wall(low, period)
        count = self._matcher.count(opens, high + offset) if opens < high + offset else 0
        if low == self._clock.starts[period] and self._fires_at_start(period):
            # The skipped times and a match right after the gap are one occurrence.
            count += self._matcher.first_from(low + offset) != low + offset
        return count

    def _wall(self, instant: int, period: int) -> int:
        """The first wall second at or after `instant` that may fire in its period."""
        wall = instant + self._clock.offsets[period]
        return max(wall, self._clock.shown[period]) if self._once else wall

    def _fires_at_start(self, period: int) -> bool:
        """Whether the change before a period skipped matching times that are owed at its first instant."""
        if self._every_hour or period == 0:
            return False
        start = self._clock.starts[period]
        skipped = self._clock.shown[period] if self._once else start + self._clock.offsets[period - 1]
        opens = start + self._clock.offsets[period]
        return skipped < opens and self._matcher.first_from(skipped) < opens


def _check(key: str) -> None:
    if key in timezone_keys():
        return
    if len(key) > ZONE_KEY_MAX or not key.isprintable():
        raise InvalidTimezoneError("this is no time zone key", hint="use an IANA key, such as Europe/Berlin")
    raise InvalidTimezoneError(f"unknown time zone {key!r}", hint=_nearest_key(key))


def _nearest_key(key: str) -> str:
    """A known key that differs in case, in its region or in a few letters."""
    plain = {known.casefold(): known for known in sorted(timezone_keys())}
    city = {folded.rpartition("/")[2]: known for folded, known in plain.items()}
    asked = key.strip().replace(" ", "_").casefold()
    nearest = plain.get(asked) or city.get(asked.rpartition("/")[2])
    if nearest is None:
        close = get_close_matches(asked, plain, n=1, cutoff=0.75)
        nearest = plain[close[0]] if close else None
    return f"did you mean {nearest}?" if nearest else "use an IANA key, such as Europe/Berlin"
