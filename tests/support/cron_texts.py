"""Valid cron expressions of every form, drawn: names, steps, lists, `L`, `W`, `#`, seconds."""

from collections.abc import Sequence

from hypothesis import strategies as st

from domain.errors import InvalidScheduleError
from domain.scheduling.cron.expression import parse

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@st.composite
def _items(draw: st.DrawFn, low: int, high: int, names: Sequence[str]) -> str:
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    named = bool(names) and draw(st.booleans())
    one, two = (names[number - low] if named else str(number) for number in (first, last))
    base = draw(st.sampled_from(("*", one, f"{one}-{two}")))
    # A name of Sunday as the end of a range means 7.
    base = one if base.endswith("-SUN") else base
    step = draw(st.sampled_from((0, 0, 1, 2, 3, 5, 7, 10, 12, 15)))
    return f"{base}/{step}" if 0 < step <= high - low + 1 else base


def _fields(low: int, high: int, names: Sequence[str] = (), most: int = 6) -> st.SearchStrategy[str]:
    items = _items(low, high, names)
    return st.one_of(st.just("*"), items, st.lists(items, min_size=1, max_size=most).map(",".join))


_NTH = st.builds("{}#{}".format, st.sampled_from((*WEEKDAYS, "0", "5", "7")), st.sampled_from("12345L"))
_LAST = st.sampled_from(("FRIL", "L1", "7L"))
_DATES = st.one_of(
    _fields(1, 31),
    st.integers(1, 31).map("{}W".format),
    st.lists(st.one_of(_items(1, 31, ()), st.sampled_from(("L", "LW"))), min_size=1, max_size=4).map(",".join),
)
_WEEK = st.one_of(
    _fields(0, 6, WEEKDAYS),
    st.lists(st.one_of(_items(0, 6, WEEKDAYS), _NTH, _LAST), min_size=1, max_size=4).map(",".join),
)
_FIVE = st.builds("{} {}".format, _fields(0, 59), _fields(0, 23))
# Seconds are drawn seldom: a day of them takes long to compare.
_SIX = st.builds("{} {}".format, st.one_of(st.sampled_from(("*", "*/10", "30", "10-20")), _fields(0, 59)), _FIVE)
_TIMES = st.one_of(_FIVE, _FIVE, _FIVE, _FIVE, _SIX)
_DAYS = st.one_of(
    st.builds("{} {} *".format, _DATES, _fields(1, 12, MONTHS)),
    st.builds("* {} {}".format, _fields(1, 12, MONTHS), _WEEK),
    st.builds("{} {} {}".format, _DATES, _fields(1, 12, MONTHS), _WEEK),
)


def _can_fire(text: str) -> bool:
    try:
        parse(text)
    except InvalidScheduleError as error:
        if error.reason != "never_fires":
            raise
        return False
    return True


cron_texts = st.builds("{} {}".format, _TIMES, _DAYS).filter(_can_fire)
