"""What will come and what was of one task: the next occurrences, and executions with what did not run between them."""

from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from application.scheduling.iso_text import instant
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.services.inspect_history import HappenedPage
from application.scheduling.services.preview import COUNT_MAX
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import TaskId
from entrypoints.web.keys import SERVICES
from entrypoints.web.pages.forecasts import forecast_context
from entrypoints.web.rendering import render
from entrypoints.web.requests.ids import task_id_of
from entrypoints.web.requests.instants import instant_in
from entrypoints.web.requests.paging import TRAIL, at_cursor, pages_of
from entrypoints.web.requests.parameters import Query
from entrypoints.web.words.wording import OPEN_ASKED

UPCOMING_DEFAULT = 20
PLACE = ("cursor", "until")
"""Where a page begins: with which executions, and with what did not run."""
SKIPPED = "skipped"


async def upcoming(request: web.Request) -> web.Response:
    """The next occurrences of a task, `count` of them."""
    count = Query(request, "count").number("count", default=UPCOMING_DEFAULT, most=COUNT_MAX)
    services = request.app[SERVICES]
    view = await services.inspect.task(task_id_of(request))
    task = view.task
    forecast = None if task.quarantine else services.preview.forecast_of_task(task, count)
    return render(
        request,
        "upcoming.html",
        {
            "task": task,
            "definition": task.definition,
            "timezone": task.definition.timezone,
            "count": count,
            "count_max": COUNT_MAX,
            **forecast_context(forecast),
        },
    )


async def executions(request: web.Request) -> web.Response:
    """What ran and what did not, newest first; `state` asks for executions in some states, or for what did not run."""
    query = Query(request, "state", *PLACE, "limit", TRAIL)
    task_id = task_id_of(request)
    view = await request.app[SERVICES].inspect.task(task_id)
    given = query.given
    found = await _happened(request, query, task_id)
    return render(
        request,
        "task_executions.html",
        {
            "task": view.task,
            "definition": view.task.definition,
            "timezone": view.task.definition.timezone,
            "found": found,
            "state": given.get("state", ""),
            "states": ExecutionState,
            "open_states": OPEN_ASKED,
            "pages": pages_of(query, _following(found), place=PLACE),
        },
    )


async def _happened(request: web.Request, query: Query, task_id: TaskId) -> HappenedPage:
    past, until = request.app[SERVICES].past, _until(query)
    if query.given.get("state") == SKIPPED:
        return await past.skips(task_id, limit=query.limit(), until=until)
    which = ExecutionFilter(task_id, query.choices("state", ExecutionState))
    return await past.happened(which, task_id, limit=query.limit(), cursor=query.cursor(), until=until)


def _until(query: Query) -> datetime | None:
    text = query.text("until")
    return None if text is None else instant_in("until", text, "UTC")


def _following(found: HappenedPage) -> Mapping[str, str]:
    """Where the next page begins; empty: this is the last one."""
    until = {} if found.next_until is None else {"until": instant(found.next_until)}
    return {**at_cursor(found.next_cursor), **until}
