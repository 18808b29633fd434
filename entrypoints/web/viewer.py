"""What a reader has chosen about how pages look: the time zone and the theme, each kept by the browser in a cookie.

Neither is secret and neither lets anybody in: what a cookie says is looked up in a list, and is else as if it were not
there.
"""

from datetime import timedelta
from enum import StrEnum

from aiohttp import web

from domain.scheduling.cron.zone import timezone_keys
from entrypoints.web.keys import SETTINGS

ZONE_COOKIE = "peachpie-zone"
THEME_COOKIE = "peachpie-theme"
ZONE_DEFAULT = "UTC"
KEPT_FOR = timedelta(days=365)


class Theme(StrEnum):
    """The themes that can be chosen instead of the system's."""

    LIGHT = "light"
    DARK = "dark"


def zone_of(request: web.Request) -> str | None:
    """The zone the reader wants every instant in; None: each in its task's own."""
    key = request.cookies.get(ZONE_COOKIE)
    return key if key in timezone_keys() else None


def common_zone_of(request: web.Request) -> str:
    """The zone of what belongs to no single task: the reader's, or UTC."""
    return zone_of(request) or ZONE_DEFAULT


def theme_of(request: web.Request) -> Theme | None:
    """The theme the reader wants; None: the system's."""
    name = request.cookies.get(THEME_COOKIE)
    return Theme(name) if name in tuple(Theme) else None


def keep_choice(request: web.Request, response: web.StreamResponse, cookie: str, value: str | None) -> None:
    """Have the browser keep a choice for a year, or forget it."""
    settings = request.app[SETTINGS]
    if value is None:
        response.del_cookie(cookie, path=settings.prefix)
        return
    response.set_cookie(
        cookie,
        value,
        path=settings.prefix,
        max_age=int(KEPT_FOR.total_seconds()),
        secure=settings.is_https,
        httponly=True,
        samesite="Strict",
    )
