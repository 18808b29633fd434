"""Statistics: how many succeeded, how long it took, when it happens, what comes next and what ran last."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from application.scheduling.explanations.words import counted, span
from application.scheduling.ports.figures import TypeFigures
from application.scheduling.services.heat_map import HEAT_WEEKS, HeatMap
from application.scheduling.services.statistics import ALMOST_ALL, USUAL, Tally, tally_of
from domain.scheduling.durations import STEPS, Durations
from domain.scheduling.execution import ExecutionState
from entrypoints.web.charts.charts import Cell, HeatRow, level_of
from entrypoints.web.keys import SERVICES
from entrypoints.web.rendering import render
from entrypoints.web.requests.parameters import Query
from entrypoints.web.viewer import common_zone_of

SPANS = {"24 hours": timedelta(days=1), "7 days": timedelta(weeks=1)}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


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
    found = await services.statistics.review(list(SPANS.values()), zone, task_type=task_type)
    return render(
        request,
        "statistics.html",
        {
            "tallies": {name: _total(types) for name, types in zip(SPANS, found.types, strict=True)},
            "types": [_type_row(each) for each in found.types[-1]],
            "heat": list(_heat_rows(found.heat)),
            "ended": sum(cell.ended for day in found.heat.cells for cell in day),
            "weeks": HEAT_WEEKS,
            "zone": zone,
            "task_type": task_type,
            "found": found,
        },
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
