"""The executions of all tasks, newest first, by state, task and time."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from aiohttp import web

from application.scheduling.ports.history import ExecutionFilter
from domain.scheduling.execution import ExecutionState
from entrypoints.web.errors import RequestError
from entrypoints.web.instants import instant_in
from entrypoints.web.keys import SERVICES
from entrypoints.web.pages.task_past_page import OPEN
from entrypoints.web.parameters import Query
from entrypoints.web.rendering import render
from entrypoints.web.viewer import zone_of

ZONE_DEFAULT = "UTC"


async def executions(request: web.Request) -> web.Response:
    """A page of them. A time without an offset is meant in the reader's zone, or in UTC."""
    query = Query(request, "state", "task", "since", "until", "limit", "cursor")
    services, given = request.app[SERVICES], query.given
    which, faults = await _filter(request, query)
    page = None if faults else await services.inspect.executions(which, limit=query.limit(), cursor=query.cursor())
    return render(
        request,
        "executions.html",
        {
            "page": page,
            "given": given,
            "faults": faults,
            "is_filtered": any(name in given for name in ("state", "task", "since", "until")),
            "states": ExecutionState,
            "open_states": OPEN,
            "zone": zone_of(request) or ZONE_DEFAULT,
            "older": None if page is None or page.next_cursor is None else older_query(given, page.next_cursor),
        },
        status=400 if faults else 200,
    )


def older_query(given: Mapping[str, str], cursor: str) -> str:
    """The query of the next page of the same list."""
    return urlencode({**{name: value for name, value in given.items() if name != "notice"}, "cursor": cursor})


async def _filter(request: web.Request, query: Query) -> tuple[ExecutionFilter, dict[str, str]]:
    """Which are asked for, and what is wrong with the times, by field."""
    task, faults = query.text("task"), dict[str, str]()
    which = ExecutionFilter(
        None if task is None else await request.app[SERVICES].inspect.named(task),
        query.choices("state", ExecutionState),
    )
    for name in ("since", "until"):
        if (text := query.text(name)) is not None:
            try:
                at = instant_in(name, text, zone_of(request) or ZONE_DEFAULT)
            except RequestError as fault:
                faults[name] = fault.detail
            else:
                which = replace(which, since=at) if name == "since" else replace(which, until=at)
    return which, faults
