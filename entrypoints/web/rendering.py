"""From a template and its values to a page; everything is escaped, and a name that does not exist is an error."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from jinja2 import FileSystemLoader, StrictUndefined

from domain.access.role import Role
from entrypoints.web import wording
from entrypoints.web.assets import asset_path
from entrypoints.web.keys import CALLER, SERVICES, SETTINGS

FOLDER = Path(__file__).parent / "templates"


def set_up_templates(app: web.Application) -> None:
    """Give the application its templates and the words they may use."""
    environment = aiohttp_jinja2.setup(
        app,
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        default_helpers=False,
    )
    environment.filters.update(wording.FILTERS)
    environment.globals["asset"] = partial(asset_path, app)


def render(
    request: web.Request,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """The page, with what every page shows: where it lies, the server's time, the banner, who looks at it.

    `may(role)` tells a template whether its reader may do what takes that role.
    """
    settings = request.app[SETTINGS]
    caller = request.get(CALLER)
    common = {
        "prefix": settings.prefix,
        "now": request.app[SERVICES].clock.now(),
        "banner": settings.banner,
        "caller": caller,
        "login_required": settings.login_required,
        "may": lambda role: caller is not None and caller.role.includes(Role(role)),
    }
    page = aiohttp_jinja2.render_template(template, request, {**common, **context}, status=status)
    page.headers.update(headers or {})
    return page
