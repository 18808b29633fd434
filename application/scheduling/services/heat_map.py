"""When executions end: the hours of the week, by the clocks of a zone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from application.scheduling.ports.figures import HourFigures
from domain.scheduling.execution import ExecutionState
from domain.scheduling.week import DAYS, HOURS, hour_of_week

HEAT_WEEKS = 4


@dataclass(frozen=True, slots=True)
class HeatCell:
    """How many executions ended in an hour of the week, and how many of those died."""

    ended: int
    failed: int


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The ends of HEAT_WEEKS weeks up to now by the clocks of a zone: `cells[weekday][hour]`, 0 is Monday.

    Figures are kept by hours of UTC; where clocks differ by parts of an hour, each lies where it begins.
    """

    timezone: str
    since: datetime
    until: datetime
    cells: tuple[tuple[HeatCell, ...], ...]

    @property
    def most(self) -> int:
        """The greatest number of ends in a cell; what a scale of colours goes up to."""
        return max(cell.ended for day in self.cells for cell in day)


def cells_of(hours: Sequence[HourFigures], timezone: str) -> tuple[tuple[HeatCell, ...], ...]:
    """The cells of a map, by the clocks of a zone. Raises InvalidTimezoneError."""
    ended: Counter[tuple[int, int]] = Counter()
    failed: Counter[tuple[int, int]] = Counter()
    for each in hours:
        place = hour_of_week(each.at, timezone)
        ended[place] += sum(each.by_state.values())
        failed[place] += each.by_state.get(ExecutionState.DEAD, 0)
    return tuple(tuple(HeatCell(ended[day, hour], failed[day, hour]) for hour in range(HOURS)) for day in range(DAYS))
