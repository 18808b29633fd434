"""The executions of all tasks, newest first, by state, task and time."""

from aiohttp import web

from application.scheduling.ports.history import ExecutionFilter
from domain.scheduling.execution import ExecutionState
from entrypoints.web.keys import SERVICES
from entrypoints.web.rendering import render
from entrypoints.web.requests.instants import asked_span
from entrypoints.web.requests.paging import TRAIL, at_cursor, pages_of
from entrypoints.web.requests.parameters import Query
from entrypoints.web.viewer import common_zone_of
from entrypoints.web.words.terminal import executions_commands
from entrypoints.web.words.wording import OPEN_ASKED

FILTERS = ("state", "task", "since", "until")


async def executions(request: web.Request) -> web.Response:
    """A page of them. A time without an offset is meant in the reader's zone, or in UTC."""
    query, zone = Query(request, *FILTERS, "limit", "cursor", TRAIL), common_zone_of(request)
    services, given, span = request.app[SERVICES], query.given, asked_span(query, zone)
    task = query.text("task")
    which = ExecutionFilter(
        None if task is None else await services.inspect.named(task),
        query.choices("state", ExecutionState),
        since=span.since,
        until=span.until,
    )
    page = None if span.faults else await services.inspect.executions(which, limit=query.limit(), cursor=query.cursor())
    return render(
        request,
        "executions.html",
        {
            "page": page,
            "given": given,
            "faults": span.faults,
            "is_filtered": any(name in given for name in FILTERS),
            "states": ExecutionState,
            "open_states": OPEN_ASKED,
            "zone": zone,
            "commands": executions_commands(request, which),
            "pages": None if page is None else pages_of(query, at_cursor(page.next_cursor)),
        },
        status=400 if span.faults else 200,
    )
