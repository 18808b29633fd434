"""The list of tasks: counts, filters, order, rows with their actions, what comes next and what ran last."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from application.scheduling.services.inspect_tasks import TaskList
from domain.scheduling.schedule import ScheduleType
from domain.scheduling.task import TaskStatus
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.pages.notices import notice_of
from entrypoints.web.parameters import TASK_FILTERS, Query
from entrypoints.web.rendering import render

LIST = "/scheduled-tasks"
FILTERS = ("q", "status", "schedule_type", "task_type", "tag")


async def to_list(request: web.Request) -> web.StreamResponse:
    """The shorter addresses lead to the list."""
    raise web.HTTPFound(under_prefix(request, LIST))


async def task_list(request: web.Request) -> web.Response:
    """The list as its address says."""
    query = Query(request, *TASK_FILTERS, "limit", "cursor", "notice")
    order, descending = query.task_order()
    services = request.app[SERVICES]
    found = await services.inspect.list(
        query.task_filter(), order=order, descending=descending, limit=query.limit(), cursor=query.cursor()
    )
    given = query.given
    return render(
        request,
        "tasks.html",
        {
            "found": found,
            "counts": _counts(found),
            "statistics": await services.statistics.statistics(),
            "health": await services.inspect.health(),
            "given": given,
            "is_filtered": any(name in given for name in FILTERS),
            "order": f"{'-' if descending else ''}{order}",
            "here": _here(under_prefix(request, LIST), given),
            "back": back_query(given),
            "statuses": TaskStatus,
            "schedule_types": ScheduleType,
            "new_token": services.entropy.token,
            "notice": notice_of(given.get("notice")),
            "server": f"{request.scheme}://{request.host}",
        },
    )


def back_query(given: Mapping[str, str]) -> str:
    """What a row's action hands on, so that it leads back to the same part of the list."""
    return urlencode({name: value for name, value in given.items() if name != "notice"})


def list_address(request: web.Request, back: str, notice: str) -> str:
    """The list again, as `back_query` remembered it; nothing in it can lead elsewhere."""
    known = {*TASK_FILTERS, "limit", "cursor"}
    kept = {name: value for name, value in parse_qsl(back) if name in known}
    return f"{under_prefix(request, LIST)}?{urlencode({**kept, 'notice': notice})}"


def _here(path: str, given: Mapping[str, str]) -> Callable[..., str]:
    """Addresses of the same list with some parameters changed; another order or filter begins at the first page."""

    def here(**changes: str | None) -> str:
        merged = {**given, "cursor": None, "notice": None, **changes}
        query = urlencode({name: value for name, value in merged.items() if value})
        return f"{path}?{query}" if query else path

    return here


def _counts(found: TaskList) -> list[tuple[TaskStatus | None, int]]:
    by_status = found.page.by_status
    counted: list[tuple[TaskStatus | None, int]] = [(None, sum(by_status.values()))]
    return counted + [(status, by_status.get(status, 0)) for status in TaskStatus]
