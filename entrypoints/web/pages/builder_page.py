"""The pages on which a task is written: new, copied from another one, or edited; and their preview while typing."""

from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from application.scheduling import json_text
from application.scheduling.drafts import body_from, define
from application.scheduling.ports.errors import PortError
from application.scheduling.services.errors import (
    KeyInFlightError,
    KeyReusedError,
    NameTakenError,
    StaleVersionError,
    TaskChangedError,
)
from domain.errors import DomainError, SchedulerError
from domain.scheduling.cron.expression import LENGTH_MAX
from domain.scheduling.cron.zone import current_key, timezone_keys
from domain.scheduling.identifiers import TaskId
from domain.scheduling.schedule import ScheduleType
from domain.scheduling.task import DESCRIPTION_MAX, ScheduledTask
from entrypoints.web.builder import tabs
from entrypoints.web.builder.desk import Desk, base_payload, laid_out, received, renewed
from entrypoints.web.builder.form import BLANK, FIELDS_MAX, NEW, brief_of, copied, document_of, fields_of, version_of
from entrypoints.web.builder.labels import LABELS
from entrypoints.web.builder.outlook import outlook
from entrypoints.web.builder.payload_form import PREFIX
from entrypoints.web.doors.intent import page_author
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.pages.conflict_page import TAKE, save_over_conflict
from entrypoints.web.rendering import render
from entrypoints.web.requests.bodies import form_body
from entrypoints.web.requests.errors import RequestError
from entrypoints.web.requests.ids import task_id_of
from entrypoints.web.requests.parameters import CURSOR_MAX, Query
from entrypoints.web.viewer import common_zone_of, zone_of
from entrypoints.web.words.terminal import Command, create_command

SAVE_REFUSALS = (DomainError, NameTakenError, KeyReusedError, KeyInFlightError, PortError)
_TEXTS = {"name": 200, "task_type": 64, "handler": 200, "description": DESCRIPTION_MAX, "tags": 2_000}
_FIRST_SCHEDULE = "0 9 * * *"


async def new(request: web.Request) -> web.Response:
    """An empty form, or one filled from another task (`from`) and from the address."""
    query = Query(request, "from", *_TEXTS, "schedule", "schedule_type", "timezone", "payload")
    fields = {**NEW, **tabs.fields_of(_FIRST_SCHEDULE), "timezone": common_zone_of(request)}
    if (source := query.text("from")) is not None:
        fields = copied((await request.app[SERVICES].inspect.task(TaskId(source))).task.definition)
    suggests_zone = not query.given.keys() & {"from", "timezone"} and zone_of(request) is None
    return await _page(request, await _laid_out(request, fields | _named(query)), suggests_zone=suggests_zone)


async def create(request: web.Request) -> web.StreamResponse:
    """A new task; the form's token makes a double click one task."""
    services = request.app[SERVICES]
    desk = await _received(request)
    if desk.fields["to"]:
        return await _turned(request, desk)
    if desk.told:
        return await _page(request, desk, status=422)
    try:
        document = document_of(desk.fields)
        by = page_author(request, token=desk.fields["token"], content=json_text.write(document))
        done = await services.manage.create(body_from(document), by)
    except SAVE_REFUSALS as error:
        return await _refused(request, desk, error)
    raise web.HTTPSeeOther(_address(request, done.task.id, "created"))


async def edit(request: web.Request) -> web.Response:
    """The form of a task as it is."""
    Query(request)
    task = await _task(request)
    fields = {**fields_of(task.definition), "version": str(task.version)}
    return await _page(request, await _laid_out(request, fields, task))


async def save(request: web.Request) -> web.StreamResponse:
    """The task as the form says, if nobody has changed it since; else what everybody said, side by side."""
    task = await _task(request)
    desk = await _received(request, task)
    if desk.fields["to"]:
        return await _turned(request, desk)
    if desk.told:
        return await _page(request, desk, status=422)
    try:
        return await _saved(request, desk.fields, task)
    except (*SAVE_REFUSALS, TaskChangedError) as error:
        return await _refused(request, desk, error)


async def preview_new(request: web.Request) -> web.Response:
    """The preview of a new task's form as it is being typed."""
    return await _preview(request)


async def preview_edit(request: web.Request) -> web.Response:
    """The preview of an edit as it is being typed."""
    return await _preview(request, await _task(request))


async def _saved(request: web.Request, fields: Mapping[str, str], task: ScheduledTask) -> web.StreamResponse:
    document = document_of(fields, present=task.definition)
    by = page_author(request, content=json_text.write(document))
    if not fields["now_version"]:
        version, manage = version_of(fields) or task.version, request.app[SERVICES].manage
        try:
            done = await manage.replace(task.id, body_from(document), by, if_version=version)
        except StaleVersionError:
            task = await _task(request)
        else:
            raise web.HTTPSeeOther(_address(request, task.id, "unchanged" if done.unchanged else "saved"))
    return await save_over_conflict(request, fields, task, by)


async def _page(
    request: web.Request,
    desk: Desk,
    *,
    status: int = 200,
    problem: str | None = None,
    suggests_zone: bool = False,
) -> web.Response:
    keys = sorted(key for key in timezone_keys() if current_key(key) is None)
    context = {
        **await _context(request, desk),
        "tabs": tabs.TITLES,
        "weekdays": tabs.WEEKDAYS,
        "zones": keys,
        "problem": problem,
        "suggests_zone": suggests_zone,
        "is_away": status == web.HTTPServiceUnavailable.status_code,
        "token": desk.fields["token"] or request.app[SERVICES].entropy.token(),
    }
    return render(request, "builder.html", context, status=status)


async def _preview(request: web.Request, present: ScheduledTask | None = None) -> web.Response:
    """The preview, and the inputs of the payload if another handler is named since they were shown."""
    sent = await _sent(request)
    desk = received(sent, await request.app[SERVICES].inspect.handlers(), present)
    fresh = renewed(desk, sent["payload_for"])
    context = {**await _context(request, fresh or desk), "renews_payload": fresh is not None}
    return render(request, "builder_preview.html", context)


async def _context(request: web.Request, desk: Desk) -> dict[str, object]:
    path = f"/scheduled-tasks/{desk.present.id}/edit" if desk.present else "/scheduled-tasks/new"
    return {
        "desk": desk,
        "form": desk.fields,
        "labels": LABELS,
        "deliveries": request.app[SERVICES].manage.deliveries,
        "tab": tabs.tab_of(desk.fields),
        "task": desk.present,
        "own": under_prefix(request, path),
        "renews_payload": False,
        "outlook": await outlook(request.app[SERVICES], desk),
        "commands": _commands(request, desk),
    }


def _commands(request: web.Request, desk: Desk) -> tuple[Command, ...]:
    """Creating what the form says, for a terminal; nothing for an edit, and for what cannot be created yet."""
    payload = base_payload(desk.fields)
    if desk.present is not None or payload is None or desk.told:
        return ()
    try:
        document = document_of(desk.fields)
        define(body_from(document), now=request.app[SERVICES].clock.now())
    except DomainError:
        return ()
    return (create_command(request, {**brief_of(document), "payload": payload}),)


async def _turned(request: web.Request, desk: Desk) -> web.Response:
    """The form again, another tab speaking if one was chosen; nothing is stored."""
    to = desk.fields["to"]
    return await _page(request, desk.switched(tabs.Tab(to)) if to in list(tabs.Tab) else desk)


async def _refused(request: web.Request, desk: Desk, error: SchedulerError) -> web.Response:
    match error:
        case DomainError():
            return await _page(request, desk.refused(error), status=422)
        case NameTakenError():
            fault = DomainError(str(error), pointer="/name", hint=error.hint)
            return await _page(request, desk.refused(fault), status=409)
        case PortError():
            # Under the same token: what did happen does not happen again.
            return await _page(request, desk, status=503)
        case _:
            # The form has made a task before, or is about to; what stands in it now would be another one.
            afresh = replace(desk, fields={**desk.fields, "token": ""})
            return await _page(request, afresh, status=409, problem=str(error))


async def _received(request: web.Request, present: ScheduledTask | None = None) -> Desk:
    return received(await _sent(request), await request.app[SERVICES].inspect.handlers(), present)


async def _sent(request: web.Request) -> dict[str, str]:
    """Every field of the form that was sent. Raises RequestError for one that is not the form's."""
    fields = await form_body(request, fields_max=FIELDS_MAX)
    if any(name not in BLANK and not name.startswith((PREFIX, TAKE)) for name in fields):
        raise RequestError("bad_request", "the form cannot be read")
    return {**BLANK, **fields}


async def _laid_out(request: web.Request, fields: Mapping[str, str], present: ScheduledTask | None = None) -> Desk:
    return laid_out(fields, await request.app[SERVICES].inspect.handlers(), present)


def _named(query: Query) -> dict[str, str]:
    """The fields that the address names. Raises RequestError."""
    given = {name: query.text(name, characters_max=most) for name, most in _TEXTS.items()}
    given |= {"timezone": query.text("timezone"), "payload": query.text("payload", characters_max=CURSOR_MAX)}
    named = {name: text for name, text in given.items() if text is not None}
    schedule = query.text("schedule", characters_max=LENGTH_MAX)
    kind = query.choice("schedule_type", ScheduleType)
    return named if schedule is None else {**named, **tabs.fields_of(schedule, kind)}


async def _task(request: web.Request) -> ScheduledTask:
    return (await request.app[SERVICES].inspect.task(task_id_of(request))).task


def _address(request: web.Request, task_id: TaskId, notice: str) -> str:
    return under_prefix(request, f"/scheduled-tasks/{task_id}?notice={notice}")
