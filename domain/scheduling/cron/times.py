"""The times of day an expression names, as a person would put them: a few times, a beat, or minutes past hours.

Which of these says it most plainly is decided here, once for all languages, and from the sets of values that the
matcher uses. Each form can be turned back into the seconds of the day it stands for; so the tests can compare what is
told with what fires.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from itertools import pairwise, product

from domain.scheduling.cron.field import Unit
from domain.scheduling.cron.matcher import DAY_SECONDS

# Up to this many values are easier read one by one than as a step.
LISTED_MAX = 4
# Up to this many parts of a day are easier read as such than hour by hour.
WINDOWS_MAX = 3

# The first and the last second of the day that belong to it.
Window = tuple[int, int]
_Stretch = tuple[int, int]


class Shape(StrEnum):
    """How the values of a field are best told."""

    EVERY = "every"
    STEPPED = "stepped"
    LISTED = "listed"


class Tick(IntEnum):
    """The unit of a beat, in seconds."""

    SECOND = 1
    MINUTE = 60
    HOUR = 3_600


@dataclass(frozen=True, slots=True)
class Pattern:
    """The values of a field, ascending, and their shape; those of EVERY and STEPPED lie `step` apart.

    `beat` is set if the same step also leads from the last value to the first of the next round, so that the rounds do
    not show.
    """

    shape: Shape
    values: tuple[int, ...]
    step: int = 1
    beat: int | None = None

    @property
    def first(self) -> int:
        return self.values[0]

    @property
    def last(self) -> int:
        return self.values[-1]

    @property
    def is_single(self) -> bool:
        return len(self.values) == 1


@dataclass(frozen=True, slots=True)
class AtTimes:
    """These seconds of the day, ascending."""

    times: tuple[int, ...]

    def seconds_of_day(self) -> Iterator[int]:
        return iter(self.times)


@dataclass(frozen=True, slots=True)
class Beat:
    """Every `step` ticks from the first to the last second of each window; all day long if there is no window.

    A window that ends before it begins goes over midnight.
    """

    tick: Tick
    step: int
    windows: tuple[Window, ...] = ()

    def seconds_of_day(self) -> Iterator[int]:
        for first, last in self.windows or ((0, DAY_SECONDS - 1),):
            until = last if first <= last else last + DAY_SECONDS
            for second in range(first, until + 1, self.step * self.tick):
                yield second % DAY_SECONDS


@dataclass(frozen=True, slots=True)
class PastHours:
    """These minutes of these hours."""

    minutes: Pattern
    hours: Pattern

    def seconds_of_day(self) -> Iterator[int]:
        for hour, minute in product(self.hours.values, self.minutes.values):
            yield (hour * 60 + minute) * 60


Times = AtTimes | Beat | PastHours


def pattern_of(values: tuple[int, ...], unit: Unit) -> Pattern:
    """The shape of ascending values of a unit."""
    distances = {following - value for value, following in pairwise(values)}
    if len(distances) != 1:
        return Pattern(Shape.LISTED, values)
    step = distances.pop()
    beat = step if values[0] + unit.size - values[-1] == step else None
    if len(values) == unit.size:
        return Pattern(Shape.EVERY, values, beat=beat)
    few = len(values) <= (2 if step == 1 else LISTED_MAX)
    return Pattern(Shape.LISTED if few else Shape.STEPPED, values, step, beat)


def runs_of(values: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last of each row of neighbours in ascending values."""
    runs = [(values[0], values[0])]
    for value in values[1:]:
        first, last = runs[-1]
        if value == last + 1:
            runs[-1] = (first, value)
        else:
            runs.append((value, value))
    return runs


def times_of(
    seconds: Pattern, minutes: Pattern, hours: Pattern, *, over_midnight: bool
) -> tuple[Times, Pattern | None]:
    """The plainest form, and the seconds of each minute that it leaves to be told (None: it needs no more).

    `over_midnight` says that a night may be told as one part of a day: every next day fires as well.
    """
    if len(seconds.values) * len(minutes.values) * len(hours.values) <= LISTED_MAX:
        return AtTimes(_clock_times(hours, minutes, seconds)), None
    stretches = _stretches(hours, over_midnight=over_midnight)
    if minutes.shape is Shape.EVERY and seconds.beat and len(stretches) <= WINDOWS_MAX:
        return _beat(Tick.SECOND, seconds, stretches), None
    return _of_minutes(minutes, hours, stretches), None if seconds.values == (0,) else seconds


def _of_minutes(minutes: Pattern, hours: Pattern, stretches: Sequence[_Stretch]) -> Times:
    if len(minutes.values) * len(hours.values) <= LISTED_MAX:
        return AtTimes(_clock_times(hours, minutes))
    if minutes.is_single:
        return _once_an_hour(minutes, hours, stretches)
    if hours.is_single:
        if minutes.shape is Shape.LISTED:
            return AtTimes(_clock_times(hours, minutes))
        return Beat(Tick.MINUTE, minutes.step, (_window(stretches[0], minutes, Tick.MINUTE),))
    # Four minutes that keep a beat are told as one only if it begins with the hour.
    beats = minutes.shape is not Shape.LISTED or minutes.first == 0
    if minutes.beat and beats and len(stretches) <= WINDOWS_MAX:
        return _beat(Tick.MINUTE, minutes, stretches)
    return PastHours(minutes, hours)


def _once_an_hour(minutes: Pattern, hours: Pattern, stretches: Sequence[_Stretch]) -> Times:
    minute = minutes.first
    if hours.shape is Shape.EVERY:
        return Beat(Tick.HOUR, 1) if minute == 0 else PastHours(minutes, hours)
    if hours.shape is Shape.STEPPED:
        if hours.step > 1 and minute != 0:
            return PastHours(minutes, hours)
        return Beat(Tick.HOUR, hours.step, (_span(hours.first, hours.last, minute),))
    if len(stretches) <= WINDOWS_MAX and all(first != last for first, last in stretches):
        return Beat(Tick.HOUR, 1, tuple(_span(first, last, minute) for first, last in stretches))
    return AtTimes(_clock_times(hours, minutes))


def _beat(tick: Tick, pattern: Pattern, stretches: Sequence[_Stretch]) -> Beat:
    assert pattern.beat is not None
    if pattern.first == 0 and stretches[0] == (0, 23):
        return Beat(tick, pattern.beat)
    return Beat(tick, pattern.beat, tuple(_window(stretch, pattern, tick) for stretch in stretches))


def _window(stretch: _Stretch, pattern: Pattern, tick: Tick) -> Window:
    """From the first tick of some hours to the last; to the very end of them if the beat begins with them."""
    first, last = stretch
    ends_with_hours = pattern.first == 0 and pattern.beat is not None
    end = 59 if ends_with_hours else pattern.last
    if tick is Tick.SECOND:
        return first * 3_600 + pattern.first, last * 3_600 + 59 * 60 + end
    return first * 3_600 + pattern.first * 60, last * 3_600 + end * 60


def _span(first_hour: int, last_hour: int, minute: int) -> Window:
    return (first_hour * 60 + minute) * 60, (last_hour * 60 + minute) * 60


def _stretches(hours: Pattern, *, over_midnight: bool) -> list[_Stretch]:
    """The rows of neighbouring hours; the night is one of them if it may go over midnight."""
    runs = runs_of(hours.values)
    if over_midnight and len(runs) > 1 and runs[0][0] == 0 and runs[-1][1] == 23:
        return [*runs[1:-1], (runs[-1][0], runs[0][1])]
    return runs


def _clock_times(hours: Pattern, minutes: Pattern, seconds: Pattern | None = None) -> tuple[int, ...]:
    third = (0,) if seconds is None else seconds.values
    return tuple((h * 60 + m) * 60 + s for h, m, s in product(hours.values, minutes.values, third))
