"""What happened at the door, for admins: the other half of the audit trail."""

from aiohttp import web

from application.scheduling.ports.access_trail import AccessFilter
from domain.access.record import AccessAction
from entrypoints.web.keys import SERVICES
from entrypoints.web.rendering import render
from entrypoints.web.requests.paging import TRAIL, pages_of
from entrypoints.web.requests.parameters import NUMBER_MAX, Query

FILTERS = ("actor", "subject", "action")
PLACE = ("older_than",)


async def access_records(request: web.Request) -> web.Response:
    """A page of the record; with `check=true`, it is told as well whether the chain is whole."""
    query, trail = Query(request, *FILTERS, *PLACE, "limit", "check", TRAIL), request.app[SERVICES].access.trail
    which = AccessFilter(query.text("actor"), query.text("subject"), query.choice("action", AccessAction))
    given = {name: value for name, value in query.given.items() if name != "check"}
    page = await trail.page(
        which, limit=query.limit(), older_than=query.number("older_than", default=NUMBER_MAX, most=NUMBER_MAX)
    )
    following = {} if page.older_than is None else {"older_than": str(page.older_than)}
    return render(
        request,
        "access_records.html",
        {
            "page": page,
            "given": given,
            "is_filtered": any(name in given for name in FILTERS),
            "actions": AccessAction,
            "finding": await trail.check() if query.flag("check") else None,
            "pages": pages_of(query, following, place=PLACE),
        },
    )
