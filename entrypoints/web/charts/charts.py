"""What charts are drawn from: fractions of a width and of a height, so that templates only place them.

Nothing here decides anything: instants come from the domain, and a fraction of a page's width is all that is made of
them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt

# What took no time, or no measurable part of the longest, is still to be seen.
HEIGHT_LEAST = 0.14
WIDTH_LEAST = 0.003
LEVEL_MOST = 4


class Tone(StrEnum):
    """How something went, told by colour and by shape."""

    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    OPEN = "open"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a sparkline or a ribbon: its height from 0 to 1, and what it stands for in words."""

    height: float
    tone: Tone
    title: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a heat map: `level` 0 (nothing) to 4 (most), its number, and what it stands for in words."""

    level: int
    count: int
    title: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One day of a heat map: 24 cells."""

    label: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of an axis: where it begins and how wide it is, both from 0 to 1; `is_planned` is hatched."""

    left: float
    width: float
    tone: Tone
    title: str
    is_planned: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of a Gantt chart."""

    label: str
    spans: Sequence[Span]
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of time laid over the width of a chart; what lies outside is drawn at its edge."""

    begin: datetime
    end: datetime

    def place(self, at: datetime) -> float:
        """Where an instant lies, from 0 to 1."""
        return min(max((at - self.begin) / (self.end - self.begin), 0.0), 1.0)

    def span(self, begin: datetime, end: datetime | None, tone: Tone, title: str, *, is_planned: bool = False) -> Span:
        """What lies between two instants, never too narrow to be seen; without an end up to the chart's."""
        left, right = self.place(begin), self.place(end or self.end)
        width = max(right - left, WIDTH_LEAST)
        return Span(min(left, 1 - width), width, tone, title, is_planned)

    def ticks(self, count: int) -> Iterator[datetime]:
        """`count` instants at equal distances, the two ends among them."""
        step = (self.end - self.begin) / (count - 1)
        return (self.begin + index * step for index in range(count))


def heights(lengths: Sequence[timedelta | None]) -> list[float]:
    """How high the bars of durations are; the longest is 1, and None, which has no duration, is lowest.

    By the square root, so that one long run among short ones does not flatten the others.
    """
    most = max((length for length in lengths if length is not None), default=timedelta())
    if not most:
        return [HEIGHT_LEAST for _ in lengths]
    return [HEIGHT_LEAST if length is None else max(sqrt(length / most), HEIGHT_LEAST) for length in lengths]


def level_of(count: int, most: int) -> int:
    """The level of a heat map's cell: 0 for nothing, else 1 to 4 by quarters of the largest count."""
    return 0 if count <= 0 or most <= 0 else max(1, -(-count * LEVEL_MOST // most))
