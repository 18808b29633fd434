"""Which tasks an address asks for: the same conditions on the list, on what is done to many, and on links to both."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from application.scheduling.ports.history import TaskFilter
from entrypoints.web.api.parameters import TASK_FILTER, tasks_of
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.requests.paging import TRAIL
from entrypoints.web.requests.parameters import Query

FILTERS = tuple(each.name for each in TASK_FILTER)
LIST = "/scheduled-tasks"
PLACE = ("sort", "limit", "cursor")
LIMIT_MAX = 100
"""How many rows a page of the list has at most: what is chosen on it stands in an address, too."""
LIMIT_DEFAULT = 50


def which_of(request: web.Request, query: Query) -> TaskFilter:
    """The tasks that match, as of now."""
    return tasks_of(query, request.app[SERVICES].clock.now())


def rows_of(query: Query) -> int:
    """How many rows the page has."""
    return query.number("limit", default=LIMIT_DEFAULT, most=LIMIT_MAX)


def is_filtered(given: Mapping[str, str]) -> bool:
    """True if some condition is asked for, other than of which kind of list it is."""
    return any(name in given for name in FILTERS if name != "deleted")


def kept(given: Mapping[str, str], *names: str) -> dict[str, str]:
    """What of an address goes on to the next one."""
    return {name: given[name] for name in names if name in given}


def addresses(path: str, given: Mapping[str, str]) -> Callable[..., str]:
    """Addresses of the same list with some parameters changed; another order or filter begins at the first page."""
    base = kept(given, *FILTERS, "sort", "limit")

    def here(**changes: str | None) -> str:
        query = urlencode({name: value for name, value in {**base, **changes}.items() if value})
        return f"{path}?{query}" if query else path

    return here


def list_address(request: web.Request, back: str, notice: str | None = None) -> str:
    """The list again, as its forms remembered it; nothing in it can lead elsewhere."""
    found = {name: value for name, value in parse_qsl(back) if name in {*FILTERS, *PLACE, TRAIL}}
    query = urlencode(found | ({} if notice is None else {"notice": notice}))
    return under_prefix(request, f"{LIST}?{query}" if query else LIST)
