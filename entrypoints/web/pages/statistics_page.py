"""Statistics: how many succeeded, how long it took, when it happens, what comes next and what ran last."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from application.scheduling.explanations.words import counted, span
from application.scheduling.ports.figures import TypeFigures
from application.scheduling.services.statistics import ALMOST_ALL, HEAT_WEEKS, USUAL, HeatMap
from domain.scheduling.durations import STEPS, Durations
from domain.scheduling.execution import ExecutionState
from entrypoints.web.charts import Cell, HeatRow, level_of
from entrypoints.web.keys import SERVICES
from entrypoints.web.parameters import Query
from entrypoints.web.rendering import render
from entrypoints.web.viewer import common_zone_of

SPANS = (("24 hours", timedelta(days=1)), ("7 days", timedelta(weeks=1)))
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SUCCESSES = frozenset({ExecutionState.SUCCEEDED, ExecutionState.DELIVERED})


@dataclass(frozen=True, slots=True)
class Tally:
    """How executions ended; `rate` is the share of successes among what succeeded or failed, None without any."""

    ended: int
    succeeded: int
    failed: int
    cancelled: int

    @property
    def rate(self) -> str | None:
        """The share in words: never 100 % if something failed, nor 0 % if something did not."""
        judged = self.succeeded + self.failed
        if not judged:
            return None
        share = 100 * self.succeeded / judged
        if self.failed:
            share = min(share, 99.9)
        if self.succeeded:
            share = max(share, 0.1)
        return f"{share:.1f} %".replace(".0 %", " %")


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A task type, how its executions ended, and how long they took, in words: half of them, and 95 of 100, at most."""

    task_type: str
    tally: Tally
    usual: str
    almost_all: str


async def statistics(request: web.Request) -> web.Response:
    """The figures of the last weeks; of one type of tasks the map, if the address names it."""
    query = Query(request, "task_type")
    task_type, services, zone = query.text("task_type"), request.app[SERVICES], common_zone_of(request)
    figures = {name: await services.statistics.types(span) for name, span in SPANS}
    found = await services.statistics.heat_map(zone, task_type=task_type)
    now = await services.statistics.statistics()
    return render(
        request,
        "statistics.html",
        {
            "tallies": {name: _total(types) for name, types in figures.items()},
            "types": [_type_row(each) for each in figures[SPANS[-1][0]]],
            "heat": list(_heat_rows(found)),
            "ended": sum(cell.ended for day in found.cells for cell in day),
            "weeks": HEAT_WEEKS,
            "zone": zone,
            "task_type": task_type,
            "now_found": now,
            "open_now": sum(now.counts.open_by_state.values()),
        },
    )


def tally_of(by_state: Mapping[ExecutionState, int]) -> Tally:
    """The figures of some states together."""
    return Tally(
        sum(by_state.values()),
        sum(by_state.get(state, 0) for state in SUCCESSES),
        by_state.get(ExecutionState.DEAD, 0),
        by_state.get(ExecutionState.CANCELLED, 0),
    )


def _total(types: Sequence[TypeFigures]) -> Tally:
    summed: Counter[ExecutionState] = Counter()
    for each in types:
        summed.update(each.by_state)
    return tally_of(summed)


def _type_row(each: TypeFigures) -> TypeRow:
    took = each.durations
    return TypeRow(each.task_type, tally_of(each.by_state), time_words(took, USUAL), time_words(took, ALMOST_ALL))


def time_words(took: Durations, percent: int) -> str:
    """How long so many of 100 runs took at most; a dash where none ran."""
    if not took.count:
        return "–"
    bound = took.at_most(percent)
    return f"over {span(STEPS[-1])}" if bound is None else span(bound)


def _heat_rows(found: HeatMap) -> Iterator[HeatRow]:
    """A row for each weekday."""
    for day, cells in enumerate(found.cells):
        row = [
            Cell(
                level_of(cell.ended, found.most),
                cell.ended,
                _told(DAYS[day], hour, cell.ended, cell.failed),
                is_bad=cell.failed > 0,
            )
            for hour, cell in enumerate(cells)
        ]
        yield HeatRow(DAYS[day], row)


def _told(day: str, hour: int, ended: int, failed: int) -> str:
    failures = f", {failed:,} of them failed for good" if failed else ""
    return f"{day} {hour:02}:00: {counted(ended, 'execution')} ended{failures}"
