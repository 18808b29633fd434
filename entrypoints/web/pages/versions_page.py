"""What a task was: its versions, how two of them differ, and going back to one once its next runs were seen."""

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from application.scheduling import json_text
from application.scheduling.documents import definition_document
from application.scheduling.services.change_task import Done
from application.scheduling.services.errors import NameTakenError
from application.scheduling.services.inspect_history import ComparedVersion
from domain.errors import SchedulerError
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import Definition, ScheduledTask
from entrypoints.web.doors.intent import page_author
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.pages.changes import CHANGE_REFUSALS
from entrypoints.web.pages.forecasts import forecast_context
from entrypoints.web.pages.forms import NOTHING_REFUSED, Refused, fields_of, reason_of
from entrypoints.web.problems import problem_of
from entrypoints.web.rendering import render
from entrypoints.web.requests.errors import RequestError
from entrypoints.web.requests.ids import task_id_of
from entrypoints.web.requests.parameters import Query
from entrypoints.web.words.side_by_side import side_by_side
from entrypoints.web.words.terminal import restore_command
from entrypoints.web.words.wording import pretty

UPCOMING = 5
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_BETWEEN = re.compile(r"([1-9][0-9]{0,17})\.\.([1-9][0-9]{0,17})", re.ASCII)
RESTORE_REFUSALS = (*CHANGE_REFUSALS, NameTakenError)


async def versions(request: web.Request) -> web.Response:
    """The last versions of a task, newest first: who made each, when, why, and what it says otherwise."""
    limit = Query(request, "limit").limit()
    services = request.app[SERVICES]
    view = await services.inspect.task(task_id_of(request))
    found = await services.past.versions(view.task.id, limit=limit)
    return render(request, "versions.html", {**_context(view.task), "versions": found, "limit": limit})


async def between(request: web.Request) -> web.Response:
    """Two versions, `3..5`, in words and side by side; or one alone, `5`, beside the one before.

    The later one stands on the right, whichever the address names first. Raises RequestError for one and itself.
    """
    Query(request)
    address = request.match_info["between"]
    view = await request.app[SERVICES].inspect.task(task_id_of(request))
    if _NUMBER.fullmatch(address):
        return await _one_version(request, view.task, int(address))
    matched = _BETWEEN.fullmatch(address)
    if matched is None:
        raise web.HTTPNotFound
    earlier, later = sorted(map(int, matched.groups()))
    if earlier == later:
        raise RequestError("bad_parameter", f"version {later} is no other than itself: compare two versions")
    if address != (ascending := f"{earlier}..{later}"):
        raise web.HTTPSeeOther(under_prefix(request, f"/scheduled-tasks/{view.task.id}/versions/{ascending}"))
    found = await request.app[SERVICES].past.compare(view.task.id, earlier, later)
    left, right = side_by_side(_raw(found.before.definition), _raw(found.after.definition))
    return render(
        request,
        "comparison.html",
        {
            **_context(view.task),
            "before": found.before,
            "after": found.after,
            "differences": found.differences,
            "left": left,
            "right": right,
        },
    )


async def confirm_restore(request: web.Request) -> web.Response:
    """What restoring a version would do, its next runs first, and a button that does it."""
    Query(request)
    return await _restore_page(request, NOTHING_REFUSED)


async def restore(request: web.Request) -> web.StreamResponse:
    """Go back to a version, if the task is still as it was shown."""
    fields, task_id, version = await fields_of(request, "version", "reason"), task_id_of(request), _version_of(request)
    known = fields.get("version", "")
    if not _NUMBER.fullmatch(known):
        raise RequestError("bad_request", "the form cannot be read")
    try:
        by = page_author(request, reason=reason_of(fields))
        done = await request.app[SERVICES].restore.restore(task_id, version, by, if_version=int(known))
    except RESTORE_REFUSALS as error:
        return await _restore_page(request, _refused(fields, error))
    notice = "restored_nothing" if done.unchanged else "restored"
    raise web.HTTPSeeOther(under_prefix(request, f"/scheduled-tasks/{task_id}?notice={notice}"))


async def _one_version(request: web.Request, task: ScheduledTask, version: int) -> web.Response:
    found: ComparedVersion = await request.app[SERVICES].past.version(task.id, version)
    return render(
        request,
        "version.html",
        {**_context(task), "compared": found, "raw": _raw(found.record.definition)},
    )


async def _restore_page(request: web.Request, refused: Refused) -> web.Response:
    services, version = request.app[SERVICES], _version_of(request)
    view = await services.inspect.task(task_id_of(request))
    compared = await services.past.compare(view.task.id, view.task.version, version)
    done, problem = await _tried(request, view.task.id, version)
    forecast = None if done is None or done.task.quarantine else services.preview.forecast_of_task(done.task, UPCOMING)
    return render(
        request,
        "restore.html",
        {
            **_context(view.task),
            "version": compared.after,
            "differences": compared.differences,
            "would_be": None if done is None else done.task,
            "problem": problem,
            "refused": refused,
            **forecast_context(forecast),
            "command": restore_command(request, view.task, version),
        },
        status=refused.problem.status if refused.problem else 200,
    )


async def _tried(request: web.Request, task_id: TaskId, version: int) -> tuple[Done | None, Any]:
    """The task as it would be, or the problem with that."""
    by = page_author(request)
    try:
        return await request.app[SERVICES].restore.restore(task_id, version, by, dry_run=True), None
    except RESTORE_REFUSALS as error:
        return None, problem_of(error)


def _refused(fields: Mapping[str, str], error: SchedulerError) -> Refused:
    return Refused("restore", fields, problem_of(error))


def _context(task: ScheduledTask) -> dict[str, object]:
    return {"task": task, "definition": task.definition, "timezone": task.definition.timezone}


def _version_of(request: web.Request) -> int:
    number = request.match_info["version"]
    if not _NUMBER.fullmatch(number):
        raise web.HTTPNotFound
    return int(number)


def _raw(definition: Definition) -> str:
    return pretty(json_text.write(definition_document(definition)))
