"""The page of one execution: its way from the schedule to its end, each attempt, and its log."""

from aiohttp import web

from application.scheduling.ports.history import ExecutionRecord
from application.scheduling.services.errors import TaskNotFoundError, TaskUnreadableError
from entrypoints.web.ids import execution_id_of
from entrypoints.web.keys import SERVICES
from entrypoints.web.pages.notices import notice_of
from entrypoints.web.parameters import Query
from entrypoints.web.rendering import render


async def execution(request: web.Request) -> web.Response:
    """The execution the address names."""
    query = Query(request, "notice")
    record = await request.app[SERVICES].inspect.execution(execution_id_of(request))
    return render(
        request,
        "execution.html",
        {
            "record": record,
            "execution": record.summary.execution,
            "timezone": await _timezone(request, record),
            "notice": notice_of(query.given.get("notice")),
        },
    )


async def _timezone(request: web.Request, record: ExecutionRecord) -> str:
    """The zone of its task, or UTC once the task is gone."""
    try:
        view = await request.app[SERVICES].inspect.task(record.summary.execution.task_id)
    except (TaskNotFoundError, TaskUnreadableError):
        return "UTC"
    return view.task.definition.timezone
