"""The API of tasks: list, create, read, replace, patch, delete, pause, resume."""

from collections.abc import Mapping

from aiohttp import web

from application.scheduling.documents import Document, task_document
from application.scheduling.drafts import body_from
from application.scheduling.services.change_task import Done
from application.scheduling.services.manage_tasks import KEPT
from domain.errors import DomainError, InvalidInputError
from domain.scheduling.policy import Misfire
from domain.scheduling.task import PauseMode, ScheduledTask, TaskStatus
from entrypoints.web.answers import REPLAYED, etag, json_answer
from entrypoints.web.bodies import PATCH_TYPES, PauseBody, ReasonBody, ResumeBody, json_body, optional_body
from entrypoints.web.ids import task_id_of
from entrypoints.web.intent import author, version_known
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.parameters import TASK_FILTERS, Query


async def list_tasks(request: web.Request) -> web.Response:
    """A page of the tasks that match, of the deleted ones with `?deleted=true`; `total` and `counts` tell of all."""
    query = Query(request, *TASK_FILTERS, "deleted", "limit", "cursor")
    order, descending = query.task_order()
    found = await request.app[SERVICES].inspect.list(
        query.task_filter(), order=order, descending=descending, limit=query.limit(), cursor=query.cursor()
    )
    return json_answer(
        {
            "tasks": [task_document(view.task, view.warnings) for view in found.views],
            "total": found.page.total,
            "counts": {status: found.page.by_status.get(status, 0) for status in TaskStatus},
            "next_cursor": found.page.next_cursor,
        }
    )


async def create_task(request: web.Request) -> web.Response:
    """A new task, or with `?dry_run=true` what it would be."""
    dry_run = Query(request, "dry_run").flag("dry_run")
    body = body_from(await json_body(request))
    done = await request.app[SERVICES].manage.create(body, await author(request), dry_run=dry_run)
    document = await _document(request, done.task)
    if dry_run:
        return json_answer({**document, "id": None})
    location = under_prefix(request, f"/api/scheduled-tasks/{done.task.id}")
    return json_answer(document, status=201, headers={"Location": location, **_marks(done)})


async def read_task(request: web.Request) -> web.Response:
    """One task; its ETag is its version, which only people's changes move."""
    Query(request)
    view = await request.app[SERVICES].inspect.task(task_id_of(request))
    return json_answer(task_document(view.task, view.warnings), headers={"ETag": etag(view.task.version)})


async def replace_task(request: web.Request) -> web.Response:
    """Another definition; id, history, counters and pause survive."""
    dry_run = Query(request, "dry_run").flag("dry_run")
    body = body_from(await json_body(request))
    done = await request.app[SERVICES].manage.replace(
        task_id_of(request), body, await author(request), if_version=version_known(request), dry_run=dry_run
    )
    return await changed_answer(request, done, dry_run=dry_run)


async def patch_task(request: web.Request) -> web.Response:
    """A merge patch (RFC 7396) of the task's document."""
    Query(request)
    patch = await json_body(request, PATCH_TYPES)
    if not isinstance(patch, Mapping):
        raise InvalidInputError((DomainError("a merge patch is a JSON object", code="wrong_type"),))
    done = await request.app[SERVICES].manage.patch(
        task_id_of(request), patch, await author(request), if_version=version_known(request)
    )
    return await changed_answer(request, done)


async def delete_task(request: web.Request) -> web.Response:
    """Gone from every list."""
    Query(request)
    body = await optional_body(request, ReasonBody)
    by = await author(request, reason=body.reason)
    await request.app[SERVICES].manage.delete(task_id_of(request), by, if_version=version_known(request))
    return web.Response(status=204)


async def pause_task(request: web.Request) -> web.Response:
    """Paused; asking again changes what is said: reason, end, or what becomes of open work."""
    Query(request)
    body = await optional_body(request, PauseBody)
    done = await request.app[SERVICES].manage.pause(
        task_id_of(request),
        await author(request, reason=body.reason),
        until=body.until if "until" in body.model_fields_set else KEPT,
        mode=PauseMode(body.mode) if "mode" in body.model_fields_set else KEPT,
    )
    return await changed_answer(request, done, message="Task paused")


async def resume_task(request: web.Request) -> web.Response:
    """Active again; `missed` says what becomes of the occurrences in between."""
    Query(request)
    body = await optional_body(request, ResumeBody)
    done = await request.app[SERVICES].manage.resume(
        task_id_of(request), await author(request, reason=body.reason), missed=Misfire(body.missed)
    )
    message = "The task was not paused" if done.unchanged else "Task resumed"
    return await changed_answer(request, done, message=message)


async def changed_answer(
    request: web.Request, done: Done, *, message: str | None = None, dry_run: bool = False
) -> web.Response:
    """The task after a change, with its version; of a dry run, which made none, without."""
    said = {} if message is None else {"message": message}
    return json_answer({**said, **await _document(request, done.task)}, headers={} if dry_run else _marks(done))


async def _document(request: web.Request, task: ScheduledTask) -> Document:
    view = await request.app[SERVICES].inspect.view(task)
    return task_document(view.task, view.warnings)


def _marks(done: Done) -> dict[str, str]:
    return {"ETag": etag(done.task.version), **(REPLAYED if done.replayed else {})}
