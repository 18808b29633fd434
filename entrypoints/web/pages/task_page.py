"""The page of one task: what, when, why, what will come, what was, and everything that can be done to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import web

from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.services.inspect_tasks import TaskView
from domain.errors import SchedulerError
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask
from domain.scheduling.timeline import Occurrence
from entrypoints.web.ids import task_id_of
from entrypoints.web.keys import SERVICES, WebServices
from entrypoints.web.pages.notices import notice_of
from entrypoints.web.parameters import Query
from entrypoints.web.policy_wording import policy_sentences
from entrypoints.web.problems import Problem, problem_of
from entrypoints.web.rendering import render

UPCOMING = 10
EXECUTIONS = 20


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that was not accepted: which, what stood in it, and why; it is shown again as it was sent."""

    form: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None


NOTHING_REFUSED = Refused()


async def task(request: web.Request) -> web.Response:
    """The task the address names."""
    return await _task_page(request, task_id_of(request), Query(request, "cursor", "notice"), NOTHING_REFUSED)


async def confirm_delete(request: web.Request) -> web.Response:
    """What deleting it would do, and a button that does it."""
    Query(request)
    return await _delete_page(request, task_id_of(request), NOTHING_REFUSED)


async def refused_page(
    request: web.Request, form: str, fields: Mapping[str, str], error: SchedulerError
) -> web.Response:
    """The page the form stood on, with what was sent and what is wrong with it. Raises what is no refusal."""
    problem = problem_of(error)
    if problem is None or problem.status >= 500:
        raise error
    refused = Refused(form, fields, problem)
    if form == "delete":
        return await _delete_page(request, task_id_of(request), refused)
    return await _task_page(request, task_id_of(request), Query(request, "cursor", "notice"), refused)


async def _task_page(request: web.Request, task_id: TaskId, query: Query, refused: Refused) -> web.Response:
    services = request.app[SERVICES]
    view = await services.inspect.task(task_id)
    page = await services.inspect.executions(ExecutionFilter(task_id), limit=EXECUTIONS, cursor=query.cursor())
    upcoming = _upcoming(services, view.task)
    return render(
        request,
        "task.html",
        {
            **_context(view, refused),
            "upcoming": _with_gaps(upcoming),
            "jittered": any(each.run_at != each.nominal_at for each in upcoming),
            "policies": policy_sentences(view.task),
            "executions": page,
            "is_first_page": query.cursor() is None,
            "skips": await services.inspect.skips(task_id),
            "changes": await services.inspect.changes(task_id),
            "token": services.entropy.token(),
            "notice": notice_of(query.given.get("notice")),
            "server": f"{request.scheme}://{request.host}",
        },
        status=refused.problem.status if refused.problem else 200,
    )


async def _delete_page(request: web.Request, task_id: TaskId, refused: Refused) -> web.Response:
    view = await request.app[SERVICES].inspect.task(task_id)
    status = refused.problem.status if refused.problem else 200
    return render(request, "delete.html", _context(view, refused), status=status)


def _context(view: TaskView, refused: Refused) -> dict[str, object]:
    return {
        "task": view.task,
        "definition": view.task.definition,
        "timezone": view.task.definition.timezone,
        "warnings": view.warnings,
        "refused": refused,
    }


def _upcoming(services: WebServices, task: ScheduledTask) -> Sequence[Occurrence]:
    # A task that cannot be decided cannot be foretold either; its page says so and opens all the same.
    return () if task.quarantine is not None else services.preview.of_task(task, UPCOMING)


def _with_gaps(occurrences: Sequence[Occurrence]) -> list[tuple[Occurrence, timedelta | None]]:
    """Each occurrence with the time since the one before."""
    before = [None, *occurrences[:-1]]
    return [
        (each, None if previous is None else each.nominal_at - previous.nominal_at)
        for previous, each in zip(before, occurrences, strict=False)
    ]
