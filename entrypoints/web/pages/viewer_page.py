"""How a reader wants to see the pages: in which time zone, and in which theme."""

from collections.abc import Sequence
from functools import cache

from aiohttp import web

from domain.errors import InvalidTimezoneError
from domain.scheduling.cron.zone import current_key, timezone_keys, zone
from entrypoints.web.doors.addresses import own_path
from entrypoints.web.keys import under_prefix
from entrypoints.web.pages.forms import NOTHING_REFUSED, Refused, fields_of, refused, see_other
from entrypoints.web.rendering import render
from entrypoints.web.requests.parameters import Query
from entrypoints.web.viewer import THEME_COOKIE, ZONE_COOKIE, Theme, keep_choice

TASKS_OWN = "task"
HOME = "/scheduled-tasks"


async def time_zone(request: web.Request) -> web.Response:
    """Every zone there is to choose from."""
    return _page(request, Query(request, "back").given.get("back", ""), NOTHING_REFUSED)


async def choose_zone(request: web.Request) -> web.StreamResponse:
    """Show instants in this zone from now on, or each in its task's own; back to where the choice was made."""
    fields = await fields_of(request, "zone", "back")
    chosen = fields.get("zone", "").strip()
    try:
        key = None if chosen == TASKS_OWN else zone(chosen).key
    except InvalidTimezoneError as error:
        return _page(request, fields.get("back", ""), refused("zone", fields, error))
    response = see_other(_way_back(request, fields.get("back", "")))
    keep_choice(request, response, ZONE_COOKIE, key)
    return response


async def choose_theme(request: web.Request) -> web.StreamResponse:
    """Show pages in this theme from now on; anything but a theme is the system's."""
    fields = await fields_of(request, "theme", "back")
    theme = fields.get("theme", "")
    response = see_other(_way_back(request, fields.get("back", "")))
    keep_choice(request, response, THEME_COOKIE, theme if theme in tuple(Theme) else None)
    return response


def _way_back(request: web.Request, asked: str) -> str:
    return own_path(request, asked) or under_prefix(request, HOME)


def _page(request: web.Request, back: str, sent: Refused) -> web.Response:
    way_back = _way_back(request, back)
    return render(
        request,
        "time_zone.html",
        # Whatever is chosen here leads back to where the choice was asked for, not to this page once more.
        {"zones": _current_keys(), "back": way_back, "this_page": way_back, "refused": sent},
        status=sent.problem.status if sent.problem else 200,
    )


@cache
def _current_keys() -> Sequence[str]:
    """The keys to offer: every one that is not another's old name."""
    return sorted(key for key in timezone_keys() if current_key(key) is None)
