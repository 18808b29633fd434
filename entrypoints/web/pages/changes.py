"""The forms: each changes one thing and leads to a page that shows it, or shows itself again with what is wrong."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from aiohttp import web

from application.scheduling.services.change_task import Author
from application.scheduling.services.errors import KeyInFlightError, KeyReusedError, NameTakenError, TaskChangedError
from domain.errors import DomainError, InvalidScheduleError, InvalidTaskError
from domain.scheduling.execution import ExecutionState
from domain.scheduling.policy import Misfire
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import PauseMode
from entrypoints.web.builder import run_form
from entrypoints.web.builder.form import version_of
from entrypoints.web.doors.intent import page_author
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.pages import execution_page
from entrypoints.web.pages.forms import fields_of, fields_with_payload, reason_of
from entrypoints.web.pages.task_choice import list_address
from entrypoints.web.pages.task_page import refused_page
from entrypoints.web.requests.errors import RequestError
from entrypoints.web.requests.ids import execution_id_of, task_id_of

CHANGE_REFUSALS = (DomainError, TaskChangedError, KeyReusedError, KeyInFlightError)


async def run(request: web.Request) -> web.StreamResponse:
    """Run now; the form's token makes a second click the same run."""
    fields = await fields_with_payload(request, "token", *run_form.FIELDS, "overlap", "reason", "back")
    services = request.app[SERVICES]
    task_id = task_id_of(request)
    task = (await services.inspect.task(task_id)).task
    try:
        payload = run_form.override_of(task, await services.inspect.handlers(), fields)
        overlap = fields.get("overlap") == "allow"
        token, reason = fields.get("token", ""), reason_of(fields)
        by = page_author(request, reason=reason, token=token, content=f"{overlap}{payload or ''}")
        done = await services.manage.run_now(task_id, by, payload=payload, allow_overlap=overlap)
    except CHANGE_REFUSALS as error:
        return await refused_page(request, "run", fields, error)
    return _see(request, fields, "already_started" if done.replayed else "started")


async def pause(request: web.Request) -> web.StreamResponse:
    """Pause the version that was shown, with a reason and an end if they are given."""
    fields = await fields_of(request, "reason", "until", "mode", "back", "token", "version")
    services = request.app[SERVICES]
    task_id = task_id_of(request)
    timezone = (await services.inspect.task(task_id)).task.definition.timezone
    try:
        mode = PauseMode.NOW if fields.get("mode") == "now" else PauseMode.DRAIN
        by, until = _shown_author(request, fields), _end(fields.get("until", ""), timezone)
        await services.manage.pause(task_id, by, until=until, mode=mode, if_version=version_of(fields))
    except CHANGE_REFUSALS as error:
        return await refused_page(request, "pause", fields, error)
    return _see(request, fields, "paused")


async def resume(request: web.Request) -> web.StreamResponse:
    """Resume the version that was shown, and say what becomes of what was missed."""
    fields, task_id = await fields_of(request, "missed", "back", "token", "version"), task_id_of(request)
    missed = fields.get("missed") or Misfire.SKIP.value
    if missed not in list(Misfire):
        raise RequestError("bad_request", "the form cannot be read")
    try:
        by, version = _shown_author(request, fields), version_of(fields)
        await request.app[SERVICES].manage.resume(task_id, by, missed=Misfire(missed), if_version=version)
    except CHANGE_REFUSALS as error:
        return await refused_page(request, "resume", fields, error)
    return _see(request, fields, "resumed")


async def delete(request: web.Request) -> web.StreamResponse:
    """Delete the version that was shown, its name typed if there is history to lose sight of."""
    fields, services = await fields_of(request, "name", "version", "reason"), request.app[SERVICES]
    task_id = task_id_of(request)
    task = (await services.inspect.task(task_id)).task
    try:
        if task.run_count and fields.get("name", "").strip() != task.definition.name:
            raise InvalidTaskError("this is not the task's name", code="not_confirmed", pointer="/name")
        by = page_author(request, reason=reason_of(fields))
        await services.manage.delete(task_id, by, if_version=version_of(fields) or task.version)
    except CHANGE_REFUSALS as error:
        return await refused_page(request, "delete", fields, error)
    # There it can be undone.
    raise web.HTTPSeeOther(under_prefix(request, f"/scheduled-tasks/{task_id}?notice=deleted"))


async def undelete(request: web.Request) -> web.StreamResponse:
    """Bring a deleted task back."""
    fields, task_id = await fields_of(request, "reason", "back"), task_id_of(request)
    try:
        await request.app[SERVICES].manage.undelete(task_id, page_author(request, reason=reason_of(fields)))
    except (*CHANGE_REFUSALS, NameTakenError) as error:
        return await refused_page(request, "undelete", fields, error)
    return _see(request, fields, "undeleted")


async def cancel(request: web.Request) -> web.StreamResponse:
    """End an execution, or ask it to stop."""
    fields, execution_id = await fields_of(request, "reason"), execution_id_of(request)
    try:
        by = page_author(request, reason=reason_of(fields))
    except DomainError as error:
        return await execution_page.refused_page(request, "cancel", fields, error)
    answer = await request.app[SERVICES].manage.cancel(execution_id, by)
    if answer.state is ExecutionState.RUNNING:
        notice = "asked_to_stop"
    else:
        notice = "over" if answer.task_id is None else "cancelled"
    raise web.HTTPSeeOther(under_prefix(request, f"/executions/{execution_id}?notice={notice}"))


def _see(request: web.Request, fields: Mapping[str, str], notice: str) -> web.StreamResponse:
    """Back to the list if the form stood there, else to the task's own page."""
    if "back" in fields:
        raise web.HTTPSeeOther(list_address(request, fields["back"], notice))
    raise web.HTTPSeeOther(under_prefix(request, f"/scheduled-tasks/{task_id_of(request)}?notice={notice}"))


def _shown_author(request: web.Request, fields: Mapping[str, str]) -> Author:
    """Who sent a form that was shown for one version; sent twice, it is not the first one that came between."""
    content = urlencode(sorted((name, text) for name, text in fields.items() if name != "token"))
    return page_author(request, reason=reason_of(fields), token=fields.get("token", ""), content=content)


def _end(text: str, timezone: str) -> datetime | None:
    """When a pause ends: wall time in the task's zone. Raises InvalidTaskError."""
    if not text.strip():
        return None
    try:
        return OneTimeSchedule.parse(text, timezone).at
    except InvalidScheduleError as error:
        raise InvalidTaskError(
            error.detail, code=error.reason, pointer="/until", position=error.position, hint=error.hint
        ) from None
