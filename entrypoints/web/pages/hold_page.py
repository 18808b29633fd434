"""The page of the maintenance switch: what a hold does, the one there is, and the form to hold or to release."""

from aiohttp import web

from domain.errors import DomainError
from entrypoints.web.doors.access import doer_of
from entrypoints.web.keys import HOLD, SERVICES, under_prefix
from entrypoints.web.pages.forms import NOTHING_REFUSED, Refused, fields_of, refused, see_other
from entrypoints.web.pages.notices import OF_THE_SWITCH, notice_of
from entrypoints.web.rendering import render
from entrypoints.web.requests.parameters import Query


async def hold(request: web.Request) -> web.Response:
    """The switch as it stands."""
    notice = Query(request, "notice").given.get("notice")
    # Asked for itself: here a store that is away must not look like one that is not held.
    request[HOLD] = await request.app[SERVICES].hold.current()
    return _page(request, notice=notice)


async def hold_all(request: web.Request) -> web.StreamResponse:
    """Hold, with a reason."""
    fields = await fields_of(request, "reason")
    try:
        await request.app[SERVICES].hold.hold(fields.get("reason", ""), doer_of(request))
    except DomainError as error:
        return _page(request, refused("hold", fields, error))
    return see_other(under_prefix(request, "/hold?notice=held"))


async def release_all(request: web.Request) -> web.StreamResponse:
    """Release."""
    fields = await fields_of(request, "reason")
    try:
        await request.app[SERVICES].hold.release(fields.get("reason", ""), doer_of(request))
    except DomainError as error:
        return _page(request, refused("release", fields, error))
    return see_other(under_prefix(request, "/hold?notice=released"))


def _page(request: web.Request, refusal: Refused = NOTHING_REFUSED, *, notice: str | None = None) -> web.Response:
    context = {"refused": refusal, "notice": notice_of(notice, OF_THE_SWITCH)}
    return render(request, "hold.html", context, status=refusal.problem.status if refusal.problem else 200)
