"""The audit trail: who changed what, over all tasks, newest first."""

from dataclasses import replace

from aiohttp import web

from application.scheduling.ports.history import AuditFilter
from domain.scheduling.change import ChangeAction
from entrypoints.web.errors import RequestError
from entrypoints.web.instants import instant_in
from entrypoints.web.keys import SERVICES
from entrypoints.web.pages.executions_page import ZONE_DEFAULT, older_query
from entrypoints.web.parameters import Query
from entrypoints.web.rendering import render
from entrypoints.web.viewer import zone_of

FILTERS = ("actor", "action", "task", "since", "until")


async def audit(request: web.Request) -> web.Response:
    """A page of it. A time without an offset is meant in the reader's zone, or in UTC."""
    query = Query(request, *FILTERS, "limit", "cursor")
    given = query.given
    which, faults = await _filter(request, query)
    page = None
    if not faults:
        page = await request.app[SERVICES].audit.changes(which, limit=query.limit(), cursor=query.cursor())
    return render(
        request,
        "audit.html",
        {
            "page": page,
            "given": given,
            "faults": faults,
            "is_filtered": any(name in given for name in FILTERS),
            "actions": ChangeAction,
            "zone": zone_of(request) or ZONE_DEFAULT,
            "older": None if page is None or page.next_cursor is None else older_query(given, page.next_cursor),
        },
        status=400 if faults else 200,
    )


async def _filter(request: web.Request, query: Query) -> tuple[AuditFilter, dict[str, str]]:
    """Which are asked for, and what is wrong with the times, by field."""
    task, faults = query.text("task"), dict[str, str]()
    which = AuditFilter(
        actor=query.text("actor"),
        action=query.choice("action", ChangeAction),
        task_id=None if task is None else await request.app[SERVICES].inspect.named(task),
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
