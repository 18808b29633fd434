"""From a template and its values to a page; everything is escaped, and a name that does not exist is an error."""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp_jinja2
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.access.role import Role
from entrypoints.web.assets import asset_path
from entrypoints.web.doors.addresses import page_above
from entrypoints.web.doors.origins import SAFE_METHODS
from entrypoints.web.keys import CALLER, HOLD, NEWS_MARK, SERVICES, SETTINGS
from entrypoints.web.viewer import theme_of, zone_of
from entrypoints.web.words import wording
from entrypoints.web.words.unseen import as_sent, shown

FOLDER = Path(__file__).parent / "templates"
# What is smaller fits into a few packets as it is.
COMPRESSED_FROM_BYTES = 4_096


def set_up_templates(app: web.Application) -> None:
    """Give the application its templates and the words they may use."""
    app[aiohttp_jinja2.APP_KEY] = _environment()


def render(
    request: web.Request,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """The page, with what every page shows: where it lies, the server's time, the banner, who looks at it.

    `may(role)` tells a template whether its reader may do what takes that role; `viewer_zone` is the zone the reader
    wants instants in, None for each task's own, and `this_page` the address to come back to. A page that
    `answers_form` has no address: it cannot be fetched anew.
    """
    settings = request.app[SETTINGS]
    caller = request.get(CALLER)
    common = {
        "prefix": settings.prefix,
        "now": request.app[SERVICES].clock.now(),
        "banner": settings.banner,
        "held": request.get(HOLD),
        "caller": caller,
        "login_required": settings.login_required,
        "asset": partial(asset_path, request.app),
        "viewer_zone": zone_of(request),
        "theme": theme_of(request),
        "this_page": _this_page(request),
        "answers_form": request.method not in SAFE_METHODS,
        "news_since": f"?{urlencode({'since': request[NEWS_MARK]})}" if NEWS_MARK in request else "",
        "may": lambda role: caller is not None and caller.role.includes(Role(role)),
    }
    page = aiohttp_jinja2.render_template(template, request, {**common, **context}, status=status)
    page.headers.update(headers or {})
    if (page.content_length or 0) >= COMPRESSED_FROM_BYTES:
        # Its length tells nothing of a session's pages to other sites: cookies that are SameSite=Strict come with no
        # request of theirs, so they cannot guess at what stands beside what they send (BREACH).
        page.enable_compression()
    return page


def _this_page(request: web.Request) -> str:
    # What answers a form has no address of its own, and a notice is told once.
    if request.method not in SAFE_METHODS:
        return page_above(request, request.rel_url.raw_path)
    return str(request.rel_url.without_query_params("notice"))


@cache
def _environment() -> Environment:
    """The templates, compiled once in a process: what differs between applications comes with each page."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(wording.FILTERS, as_sent=as_sent)
    # For macros that are imported without the page's context.
    environment.globals["viewer_zone"] = None
    return environment
