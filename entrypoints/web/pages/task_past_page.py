"""What will come and what was of one task: the next occurrences, and executions with what did not run between them."""

from datetime import datetime
from urllib.parse import urlencode

from aiohttp import web

from application.scheduling.documents import instant
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
from entrypoints.web.requests.parameters import Query
from entrypoints.web.words.wording import OPEN_ASKED

UPCOMING_DEFAULT = 20
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
    query = Query(request, "state", "until", "limit", "cursor")
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
            "is_first_page": "cursor" not in given and "until" not in given,
            "older": _older(given, found),
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


def _older(given: dict[str, str], found: HappenedPage) -> str | None:
    """The query of the next page; None: this is the last one."""
    if found.next_cursor is None and found.next_until is None:
        return None
    kept: dict[str, str] = {name: given[name] for name in ("state", "limit") if name in given}
    if found.next_cursor is not None:
        kept["cursor"] = found.next_cursor
    if found.next_until is not None:
        kept["until"] = instant(found.next_until)
    return urlencode(kept)
