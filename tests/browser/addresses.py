"""The addresses of every page, as the route table has them; a new page is among them by itself."""

import re

from entrypoints.web.doors.access import Permission
from entrypoints.web.route import Route
from entrypoints.web.routes import ROUTES

# What is asked for by GET and is no page; a set-up that is over leads to the login.
NO_PAGES = re.compile(r"/(api/.|static/|events$|login$|set-up$)")


def _is_page(route: Route) -> bool:
    return route.method == "GET" and not route.at_root and not NO_PAGES.match(route.path)


PAGES = tuple(route.path for route in ROUTES if _is_page(route))
PAGES_OF_VIEWERS = tuple(
    route.path for route in ROUTES if _is_page(route) and route.permission in (Permission.PUBLIC, Permission.VIEWER)
)
