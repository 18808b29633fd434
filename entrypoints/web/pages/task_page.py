"""The page of one task: what, when, why, what will come, what was, and everything that can be done to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from application.scheduling.explanations import Explanation
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.ports.records import ExecutionSummary
from application.scheduling.services.errors import StaleVersionError, TaskChangedError, TaskNotFoundError
from application.scheduling.services.inspect_tasks import TaskView
from domain.errors import DomainError, SchedulerError
from domain.scheduling.asked_time import AskedTime
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask, Skip
from entrypoints.web.builder.labels import LABELS
from entrypoints.web.builder.run_form import run_desk
from entrypoints.web.charts.sparklines import sparkline_of
from entrypoints.web.keys import SERVICES
from entrypoints.web.pages.forecasts import forecast_context
from entrypoints.web.pages.forms import NOTHING_REFUSED, Refused
from entrypoints.web.pages.notices import OF_DELETED_TASKS, OF_TASKS, notice_of
from entrypoints.web.problems import problem_of
from entrypoints.web.rendering import render
from entrypoints.web.requests.ids import task_id_of
from entrypoints.web.requests.parameters import Query
from entrypoints.web.words.policy_wording import policy_sentences
from entrypoints.web.words.terminal import task_commands
from entrypoints.web.words.wording import STATES, wall_time

UPCOMING = 5
HAPPENED = 10
CHANGES = 8
EXAMPLES = 4
MEANWHILE = {
    ChangeAction.EDIT: "edited it",
    ChangeAction.PAUSE: "paused it",
    ChangeAction.RESUME: "resumed it",
    ChangeAction.PAUSE_ENDED: "ended its pause",
    ChangeAction.RESTORE: "restored an earlier version of it",
    ChangeAction.UNDELETE: "deleted it and brought it back",
}
"""What somebody did to a task, behind their name."""


@dataclass(frozen=True, slots=True)
class Why:
    """What somebody asked about a time of a task, and the answer, or what is wrong with the question."""

    asked: str = ""
    answer: Explanation | None = None
    fault: DomainError | None = None


async def task(request: web.Request) -> web.Response:
    """The task the address names; of one that is deleted, what it was and how it comes back."""
    query = Query(request, "at", "notice")
    task_id = task_id_of(request)
    try:
        view = await request.app[SERVICES].inspect.task(task_id)
    except TaskNotFoundError:
        return await _deleted_page(request, task_id, NOTHING_REFUSED)
    return await _task_page(request, view, NOTHING_REFUSED, query)


async def confirm_delete(request: web.Request) -> web.Response:
    """What deleting it would do, and a button that does it."""
    Query(request)
    return await _delete_page(request, NOTHING_REFUSED)


async def refused_page(
    request: web.Request, form: str, fields: Mapping[str, str], error: SchedulerError
) -> web.Response:
    """The page the form stood on, with what was sent and what is wrong with it. Raises what is no refusal."""
    if isinstance(error, StaleVersionError):
        error = await _meanwhile(request, error)
    problem = problem_of(error)
    if problem is None or problem.status >= 500:
        raise error
    refused = Refused(form, fields, problem, error if isinstance(error, DomainError) else None)
    if form == "undelete":
        return await _deleted_page(request, task_id_of(request), refused)
    if form == "delete":
        return await _delete_page(request, refused)
    view = await request.app[SERVICES].inspect.task(task_id_of(request))
    return await _task_page(request, view, refused, Query(request, "at", "notice"))


async def _meanwhile(request: web.Request, error: StaleVersionError) -> TaskChangedError:
    """Who came first and what they did, which says more than the number of a version."""
    by = (await request.app[SERVICES].past.versions(error.task_id, limit=1))[0].record.made_by
    done = "somebody changed it" if by is None else f"{by.actor} {MEANWHILE.get(by.action, 'changed it')}"
    because = f": {by.reason}" if by is not None and by.reason else ""
    told = f"meanwhile {done}{because}. This is the task as it is now; send the form again if you still want it"
    return TaskChangedError(error.task_id, error.version, told)


async def _task_page(request: web.Request, view: TaskView, refused: Refused, query: Query) -> web.Response:
    services, task = request.app[SERVICES], view.task
    happened = await services.past.happened(ExecutionFilter(task.id), task.id, limit=HAPPENED)
    sent = refused.fields if refused.form == "run" else {}
    desk = run_desk(task, await services.inspect.handlers(), sent, refused.fault)
    why = await _answered(request, task.id, query.given.get("at"))
    return render(
        request,
        "task.html",
        {
            **_context(view, refused),
            **forecast_context(services.preview.forecast_of_task(task, UPCOMING) if task.quarantine is None else None),
            "policies": policy_sentences(task),
            "desk": desk,
            "form": desk.fields,
            "labels": LABELS,
            "happened": happened.rows[:HAPPENED],
            "sparkline": sparkline_of((await services.statistics.sparklines([task.id]))[task.id]),
            # A task that cannot be decided cannot be foretold either; its page says so and opens all the same.
            "missed": None if task.quarantine else services.preview.missed(task),
            "resumptions": () if task.quarantine else services.preview.resumptions(task),
            "changes": await services.inspect.changes(task.id, limit=CHANGES),
            "latest": (await services.past.versions(task.id, limit=1))[0],
            "why": why,
            "examples": _examples(task, happened.rows),
            "commands": task_commands(request, task),
            "token": services.entropy.token(),
            "notice": notice_of(query.given.get("notice"), OF_TASKS),
        },
        status=refused.problem.status if refused.problem else 400 if why.fault else 200,
    )


async def _delete_page(request: web.Request, refused: Refused) -> web.Response:
    view = await request.app[SERVICES].inspect.task(task_id_of(request))
    status = refused.problem.status if refused.problem else 200
    return render(request, "delete.html", _context(view, refused), status=status)


async def _deleted_page(request: web.Request, task_id: TaskId, refused: Refused) -> web.Response:
    services = request.app[SERVICES]
    task = await services.inspect.deleted(task_id)
    changes = await services.inspect.changes(task_id, limit=CHANGES)
    return render(
        request,
        "deleted.html",
        {
            "task": task,
            "definition": task.definition,
            "timezone": task.definition.timezone,
            "refused": refused,
            "changes": changes,
            "kept_until": services.past.kept_until(task),
            "commands": task_commands(request, task),
            "notice": notice_of(Query(request, "at", "notice").given.get("notice"), OF_DELETED_TASKS),
        },
        status=refused.problem.status if refused.problem else 200,
    )


def _context(view: TaskView, refused: Refused) -> dict[str, object]:
    return {
        "task": view.task,
        "definition": view.task.definition,
        "timezone": view.task.definition.timezone,
        "warnings": view.warnings,
        "refused": refused,
    }


async def _answered(request: web.Request, task_id: TaskId, text: str | None) -> Why:
    """What became of the task at the time that was asked about, if one was."""
    if text is None:
        return Why()
    try:
        asked = AskedTime.parse(text.strip())
    except DomainError as fault:
        return Why(text, fault=fault)
    return Why(text, await request.app[SERVICES].explain.at(task_id, asked))


def _examples(task: ScheduledTask, rows: Sequence[ExecutionSummary | Skip]) -> Sequence[tuple[str, str]]:
    """Times worth asking about, newest first: what they are, and the text to ask with, once each."""
    timezone, found = task.definition.timezone, dict[str, str]()
    for says, at in _askable(rows):
        found.setdefault(wall_time(at, timezone), says)
    return [(says, text) for text, says in found.items()][:EXAMPLES]


def _askable(rows: Sequence[ExecutionSummary | Skip]) -> Iterator[tuple[str, datetime]]:
    for row in rows:
        if isinstance(row, Skip):
            yield "did not run", row.first_at
        elif row.execution.nominal_at is not None:
            yield STATES[row.execution.state], row.execution.nominal_at
