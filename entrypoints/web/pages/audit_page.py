"""The audit trail: who changed what, over all tasks, newest first."""

from aiohttp import web

from application.scheduling.ports.history import AuditFilter
from domain.scheduling.change import ChangeAction
from entrypoints.web.keys import SERVICES
from entrypoints.web.rendering import render
from entrypoints.web.requests.instants import asked_span
from entrypoints.web.requests.paging import TRAIL, at_cursor, pages_of
from entrypoints.web.requests.parameters import Query
from entrypoints.web.viewer import common_zone_of

FILTERS = ("actor", "action", "task", "since", "until")


async def audit(request: web.Request) -> web.Response:
    """A page of it. A time without an offset is meant in the reader's zone, or in UTC."""
    query, zone = Query(request, *FILTERS, "limit", "cursor", TRAIL), common_zone_of(request)
    services, given, span = request.app[SERVICES], query.given, asked_span(query, zone)
    task = query.text("task")
    which = AuditFilter(
        actor=query.text("actor"),
        action=query.choice("action", ChangeAction),
        task_id=None if task is None else await services.inspect.named(task),
        since=span.since,
        until=span.until,
    )
    page = None if span.faults else await services.audit.changes(which, limit=query.limit(), cursor=query.cursor())
    return render(
        request,
        "audit.html",
        {
            "page": page,
            "given": given,
            "faults": span.faults,
            "is_filtered": any(name in given for name in FILTERS),
            "actions": ChangeAction,
            "zone": zone,
            "pages": None if page is None else pages_of(query, at_cursor(page.next_cursor)),
        },
        status=400 if span.faults else 200,
    )
