"""A day as a timeline: what the busiest tasks ran in the last twelve hours, and what they will run in the next."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from aiohttp import web

from application.scheduling.explanations.words import counted, span
from application.scheduling.ports.history import ExecutionFilter, TaskFilter
from application.scheduling.ports.records import ExecutionSummary
from application.scheduling.services.preview import COUNT_MAX
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask, TaskStatus
from entrypoints.web.charts.charts import Axis, Lane, Span, Tone
from entrypoints.web.charts.sparklines import TONES
from entrypoints.web.keys import SERVICES, WebServices, under_prefix
from entrypoints.web.rendering import render
from entrypoints.web.requests.parameters import Query
from entrypoints.web.viewer import common_zone_of
from entrypoints.web.words.wording import STATES, took, wall_time

HALF = timedelta(hours=12)
EXECUTIONS_MAX = 500
LANES_MAX = 12
TICKS = 5


async def timeline(request: web.Request) -> web.Response:
    """Twelve hours to either side of now."""
    Query(request)
    services, zone = request.app[SERVICES], common_zone_of(request)
    now = services.clock.now()
    axis = Axis(now - HALF, now + HALF)
    page = await services.inspect.executions(ExecutionFilter(since=axis.begin), limit=EXECUTIONS_MAX)
    return render(
        request,
        "timeline.html",
        {
            "lanes": await _lanes(request, page.executions, axis, now),
            "ticks": [wall_time(at, zone)[11:16] for at in axis.ticks(TICKS)],
            "zone": zone,
            "axis": axis,
            "looked_at": len(page.executions),
            "is_cut": page.next_cursor is not None,
        },
    )


async def _lanes(request: web.Request, executions: Sequence[ExecutionSummary], axis: Axis, now: datetime) -> list[Lane]:
    """The lanes of the tasks that ran most; those that are gone by now have none."""
    services = request.app[SERVICES]
    by_task: dict[TaskId, list[ExecutionSummary]] = defaultdict(list)
    for summary in executions:
        by_task[summary.execution.task_id].append(summary)
    # Sorted is stable: of tasks that ran as often, the one that ran last comes first.
    busiest = sorted(by_task, key=lambda task_id: -len(by_task[task_id]))[:LANES_MAX]
    found = await services.inspect.list(TaskFilter(ids=frozenset(busiest)), limit=LANES_MAX)
    tasks = {task.id: task for task in found.page.tasks}
    return [
        Lane(
            tasks[task_id].definition.name,
            [*_ran(by_task[task_id], axis, now), *_planned(services, tasks[task_id], axis)],
            under_prefix(request, f"/scheduled-tasks/{task_id}"),
        )
        for task_id in busiest
        if task_id in tasks
    ]


def _ran(executions: Sequence[ExecutionSummary], axis: Axis, now: datetime) -> Iterator[Span]:
    """What ran, oldest first: from its last start to its end, or to now."""
    for summary in reversed(executions):
        execution = summary.execution
        length = took(execution, now)
        begin = execution.started_at or execution.scheduled_at
        end = begin if length is None else begin + length
        lasted = "" if length is None else f" after {span(length)}"
        title = f"{begin:%H:%M:%S} UTC: {STATES[execution.state]}{lasted}"
        yield axis.span(begin, end, Tone.OPEN if execution.is_open else TONES.get(execution.state, Tone.NONE), title)


def _planned(services: WebServices, task: ScheduledTask, axis: Axis) -> Iterator[Span]:
    """What will run; behind the last one that is looked at, one span for all the rest."""
    if task.status is not TaskStatus.ACTIVE or task.quarantine is not None:
        return
    coming = services.preview.of_task(task, COUNT_MAX)
    shown = [each for each in coming if each.run_at < axis.end]
    if len(shown) == COUNT_MAX:
        first, last = shown[0].run_at, shown[-1].run_at
        title = f"planned: {counted(COUNT_MAX, 'run')} from {first:%H:%M} to {last:%H:%M} UTC, and so on"
        yield axis.span(first, axis.end, Tone.NONE, title, is_planned=True)
        return
    for each in shown:
        yield axis.span(each.run_at, each.run_at, Tone.NONE, f"planned: {each.run_at:%H:%M:%S} UTC", is_planned=True)
