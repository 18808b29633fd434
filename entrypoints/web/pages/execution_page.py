"""The page of one execution: its way from the schedule to its end, each attempt, and its log."""

from collections.abc import Mapping

from aiohttp import web

from application.scheduling.ports.records import ExecutionRecord
from application.scheduling.services.errors import ServiceError, TaskNotFoundError, TaskUnreadableError
from domain.errors import DomainError, SchedulerError
from domain.scheduling.task import ScheduledTask
from entrypoints.web.charts.course import course_of, drawn
from entrypoints.web.doors.intent import page_author
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.pages.forms import NOTHING_REFUSED, Refused, fields_of, reason_of
from entrypoints.web.pages.notices import OF_EXECUTIONS, notice_of
from entrypoints.web.problems import problem_of
from entrypoints.web.rendering import render
from entrypoints.web.requests.ids import execution_id_of
from entrypoints.web.requests.parameters import Query
from entrypoints.web.words.terminal import execution_commands


async def execution(request: web.Request) -> web.Response:
    """The execution the address names."""
    notice = notice_of(Query(request, "notice").given.get("notice"), OF_EXECUTIONS)
    return await _page(request, NOTHING_REFUSED, notice)


async def redrive(request: web.Request) -> web.StreamResponse:
    """Start one in place of this dead one, and lead there; asked again, it is the same."""
    fields, execution_id = await fields_of(request, "overlap", "reason"), execution_id_of(request)
    overlap = fields.get("overlap") == "allow"
    try:
        by = page_author(request, reason=reason_of(fields))
        done = await request.app[SERVICES].redrive.redrive(execution_id, by, allow_overlap=overlap)
    except (DomainError, ServiceError) as error:
        return await refused_page(request, "redrive", fields, error)
    notice = "already_redriven" if done.replayed else "redriven"
    raise web.HTTPSeeOther(under_prefix(request, f"/executions/{done.execution_id}?notice={notice}"))


async def refused_page(
    request: web.Request, form: str, fields: Mapping[str, str], error: SchedulerError
) -> web.Response:
    """The page with the form as it was sent and what is wrong with it. Raises what is no refusal of a form."""
    problem = problem_of(error)
    if problem is None or problem.status >= 500 or problem.kind == "execution_not_found":
        raise error
    return await _page(request, Refused(form, fields, problem), None)


async def _page(request: web.Request, refused: Refused, notice: str | None) -> web.Response:
    services = request.app[SERVICES]
    record = await services.inspect.execution(execution_id_of(request))
    task = await _task(request, record)
    pieces = course_of(record, services.clock.now())
    return render(
        request,
        "execution.html",
        {
            "record": record,
            "execution": record.summary.execution,
            "task": task,
            "timezone": "UTC" if task is None else task.definition.timezone,
            "course": pieces,
            "spans": drawn(pieces, services.clock.now()),
            "commands": execution_commands(request, record.summary.execution),
            "token": services.entropy.token(),
            "refused": refused,
            "notice": notice,
        },
        status=refused.problem.status if refused.problem else 200,
    )


async def _task(request: web.Request, record: ExecutionRecord) -> ScheduledTask | None:
    """Its task, or None once that is gone."""
    try:
        return (await request.app[SERVICES].inspect.task(record.summary.execution.task_id)).task
    except (TaskNotFoundError, TaskUnreadableError):
        return None
