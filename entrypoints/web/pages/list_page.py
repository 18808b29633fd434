"""The list of tasks, living or deleted: counts, filters, order, rows with their actions, and choosing many of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from application.scheduling.ports.figures import PastRun
from application.scheduling.services.batch_orders import BatchAction
from application.scheduling.services.inspect_tasks import TaskList, TaskView
from domain.access.role import Role
from domain.errors import InvalidTimezoneError
from domain.scheduling.description import described
from domain.scheduling.schedule import ScheduleType
from domain.scheduling.task import Definition, TaskStatus
from entrypoints.web.charts.sparklines import SmallSparkline, small_sparkline_of
from entrypoints.web.doors.access import CHANGES_OF_MANY
from entrypoints.web.doors.origins import own_origin
from entrypoints.web.keys import CALLER, SERVICES, under_prefix
from entrypoints.web.pages.notices import OF_TASKS, notice_of
from entrypoints.web.pages.task_choice import FILTERS, LIST, PLACE, addresses, is_filtered, kept, rows_of, which_of
from entrypoints.web.rendering import render
from entrypoints.web.requests.paging import TRAIL, at_cursor, pages_of
from entrypoints.web.requests.parameters import Query
from entrypoints.web.words.batch_wording import ACTIONS
from entrypoints.web.words.terminal import list_commands

ORDERS = {
    "name": "Name",
    "-name": "Name, from the end",
    "next_run_at": "Next run",
    "-next_run_at": "Next run, latest first",
    "-last_run_at": "Last run, newest first",
    "last_run_at": "Last run, oldest first",
    "-created_at": "Newest",
    "created_at": "Oldest",
    "-updated_at": "Changed last",
    "updated_at": "Changed first",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A task as the list shows it: when it runs in a sentence ("" if that cannot be told), and how its runs went."""

    view: TaskView
    sentence: str
    sparkline: SmallSparkline


async def task_list(request: web.Request) -> web.Response:
    """The list as its address says."""
    query = Query(request, *FILTERS, *PLACE, TRAIL, "notice")
    order, descending = query.task_order()
    services, given = request.app[SERVICES], query.given
    which = which_of(request, query)
    found = await services.inspect.list(
        which, order=order, descending=descending, limit=rows_of(query), cursor=query.cursor()
    )
    runs = await services.statistics.sparklines([view.task.id for view in found.views])
    return render(
        request,
        "tasks.html",
        {
            "found": found,
            "rows": [_row(view, runs.get(view.task.id, ())) for view in found.views],
            "counts": _counts(found),
            "task_types": await services.inspect.task_types(),
            "given": given,
            "is_deleted": which.deleted,
            "is_filtered": is_filtered(given),
            "order": f"{'-' if descending else ''}{order}",
            "orders": ORDERS,
            "here": addresses(under_prefix(request, LIST), given),
            "chosen": kept(given, *FILTERS, *PLACE),
            "back": urlencode(kept(given, *FILTERS, *PLACE, TRAIL)),
            "pages": pages_of(query, at_cursor(found.page.next_cursor)),
            "actions": _actions(request, deleted=which.deleted),
            "statuses": TaskStatus,
            "schedule_types": ScheduleType,
            "token": services.entropy.token(),
            "notice": notice_of(given.get("notice"), OF_TASKS),
            "server": own_origin(request),
            "commands": list_commands(
                request, kept(given, *FILTERS, "sort", "limit"), may_change=request[CALLER].role.includes(Role.OPERATOR)
            ),
        },
    )


def sentence_of(definition: Definition) -> str:
    """When it runs, in words; "" where the zone is not known any more, which its warning tells.

    Where an interval is counted from is left to the task's own page.
    """
    try:
        return described(definition.schedule, definition.timezone).partition(", counted from")[0]
    except InvalidTimezoneError:
        return ""


def _row(view: TaskView, runs: Sequence[PastRun]) -> Row:
    return Row(view, sentence_of(view.task.definition), small_sparkline_of(runs))


def _actions(request: web.Request, *, deleted: bool) -> Mapping[BatchAction, str]:
    """What the reader may do to many of these tasks."""
    role = request[CALLER].role
    return {
        action: wording.offer
        for action, wording in ACTIONS.items()
        if (action is BatchAction.UNDELETE) is deleted and role.includes(Role(CHANGES_OF_MANY[action]))
    }


def _counts(found: TaskList) -> list[tuple[TaskStatus | None, int]]:
    by_status = found.page.by_status
    counted: list[tuple[TaskStatus | None, int]] = [(None, sum(by_status.values()))]
    return counted + [(status, by_status.get(status, 0)) for status in TaskStatus]
