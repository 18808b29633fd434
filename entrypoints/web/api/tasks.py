"""The API of tasks: list, create, read, replace, patch, delete, pause, resume."""

from collections.abc import Mapping

from aiohttp import web

from application.scheduling.document_types import PlannedTaskDocument, TaskDocument
from application.scheduling.documents import task_document
from application.scheduling.drafts import TaskBody, body_from
from application.scheduling.services.change_task import Done
from application.scheduling.services.manage_tasks import KEPT
from domain.errors import DomainError, InvalidInputError
from domain.scheduling.task import ScheduledTask, TaskStatus
from entrypoints.web.answers import REPLAYED, etag, json_answer
from entrypoints.web.api.documents import ChangedTaskDocument, TaskListDocument
from entrypoints.web.api.parameters import CURSOR, DRY_RUN, LIMIT, SORT, TASK_FILTER, tasks_of
from entrypoints.web.contract import examples
from entrypoints.web.contract.operations import created, nothing, ok, operation
from entrypoints.web.doors.intent import author, version_known
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.requests.bodies import PATCH_TYPES, PauseBody, ReasonBody, RequestBody, ResumeBody, json_body
from entrypoints.web.requests.ids import task_id_of
from entrypoints.web.requests.parameters import QUERY

MARKS = ("ETag", "Idempotency-Replayed")
REDEFINED = ok(TaskDocument, "The task as it is now, or with `dry_run` as it would be.", *MARKS)
CHANGED = ok(ChangedTaskDocument, "The task as it is now.", *MARKS)
DEFINITION = RequestBody(TaskBody, examples=examples.TASKS)
PATCH = RequestBody(TaskBody, is_partial=True, types=PATCH_TYPES, examples=examples.PATCHES)
PAUSE = RequestBody(PauseBody, is_required=False, examples=examples.PAUSES)
RESUME = RequestBody(ResumeBody, is_required=False, examples=examples.RESUMES)
REASON = RequestBody(ReasonBody, is_required=False, examples=examples.REASONS)


@operation(
    "List tasks",
    ok(TaskListDocument, "A page of the tasks that match."),
    query=(*TASK_FILTER, SORT, LIMIT, CURSOR),
)
async def list_tasks(request: web.Request) -> web.Response:
    """A page of the tasks that match, of the deleted ones with `?deleted=true`; `total` and `counts` tell of all."""
    query = request[QUERY]
    order, descending = query[SORT]
    services = request.app[SERVICES]
    which = tasks_of(query, services.clock.now())
    found = await services.inspect.list(
        which, order=order, descending=descending, limit=query[LIMIT], cursor=query[CURSOR]
    )
    document: TaskListDocument = {
        "tasks": [task_document(view.task, view.warnings) for view in found.views],
        "total": found.page.total,
        "counts": {status: found.page.by_status.get(status, 0) for status in TaskStatus},
        "next_cursor": found.page.next_cursor,
    }
    return json_answer(document)


@operation(
    "Create a task",
    created(TaskDocument, "The task.", *MARKS),
    ok(PlannedTaskDocument, "With `dry_run`: the task as it would be."),
    query=(DRY_RUN,),
    body=DEFINITION,
    is_keyed=True,
    problems=("name_taken",),
)
async def create_task(request: web.Request) -> web.Response:
    """A new task, or with `?dry_run=true` what it would be.

    What only the server says (id, status, counters …) may stand in the body and is ignored.
    """
    dry_run = request[QUERY][DRY_RUN]
    body = body_from(await json_body(request))
    done = await request.app[SERVICES].manage.create(body, await author(request), dry_run=dry_run)
    document = await _document(request, done.task)
    if dry_run:
        planned: PlannedTaskDocument = {**document, "id": None}
        return json_answer(planned)
    location = under_prefix(request, f"/api/scheduled-tasks/{done.task.id}")
    return json_answer(document, status=201, headers={"Location": location, **_marks(done)})


@operation("Read a task", ok(TaskDocument, "The task.", "ETag"))
async def read_task(request: web.Request) -> web.Response:
    """One task; its ETag is its version, which only people's changes move."""
    view = await request.app[SERVICES].inspect.task(task_id_of(request))
    return json_answer(task_document(view.task, view.warnings), headers={"ETag": etag(view.task.version)})


@operation(
    "Replace the definition of a task",
    REDEFINED,
    query=(DRY_RUN,),
    body=DEFINITION,
    is_keyed=True,
    is_conditional=True,
    problems=("name_taken", "wrong_state"),
)
async def replace_task(request: web.Request) -> web.Response:
    """Another definition; id, history, counters and pause survive.

    What the body leaves out of `policy`, `tags`, `description`, `handler` and `delivery` stays as it is.
    """
    dry_run = request[QUERY][DRY_RUN]
    body = body_from(await json_body(request))
    done = await request.app[SERVICES].manage.replace(
        task_id_of(request), body, await author(request), if_version=version_known(request), dry_run=dry_run
    )
    return await changed_answer(request, done, dry_run=dry_run)


@operation(
    "Change some of a task",
    ok(TaskDocument, "The task as it is now.", *MARKS),
    body=PATCH,
    is_keyed=True,
    is_conditional=True,
    problems=("name_taken", "wrong_state"),
)
async def patch_task(request: web.Request) -> web.Response:
    """A merge patch (RFC 7396) of the task's document."""
    patch = await json_body(request, PATCH.types)
    if not isinstance(patch, Mapping):
        raise InvalidInputError((DomainError("a merge patch is a JSON object", code="wrong_type"),))
    done = await request.app[SERVICES].manage.patch(
        task_id_of(request), patch, await author(request), if_version=version_known(request)
    )
    return await changed_answer(request, done)


@operation("Delete a task", nothing("The task is deleted."), body=REASON, is_keyed=True, is_conditional=True)
async def delete_task(request: web.Request) -> web.Response:
    """Gone from every list; for 30 days it can come back. Its open executions end, or are asked to."""
    body = await REASON.read(request)
    by = await author(request, reason=body.reason)
    await request.app[SERVICES].manage.delete(task_id_of(request), by, if_version=version_known(request))
    return web.Response(status=204)


@operation("Pause a task", CHANGED, body=PAUSE, is_keyed=True, problems=("wrong_state",))
async def pause_task(request: web.Request) -> web.Response:
    """Paused; asking again changes what is said: reason, end, or what becomes of open work."""
    body = await PAUSE.read(request)
    done = await request.app[SERVICES].manage.pause(
        task_id_of(request),
        await author(request, reason=body.reason),
        until=body.until if "until" in body.model_fields_set else KEPT,
        mode=body.mode if "mode" in body.model_fields_set else KEPT,
    )
    return await changed_answer(request, done, message="Task paused")


@operation("Resume a task", CHANGED, body=RESUME, is_keyed=True, problems=("wrong_state",))
async def resume_task(request: web.Request) -> web.Response:
    """Active again; `missed` says what becomes of the occurrences in between."""
    body = await RESUME.read(request)
    done = await request.app[SERVICES].manage.resume(
        task_id_of(request), await author(request, reason=body.reason), missed=body.missed
    )
    message = "Nothing to resume: the task is not paused" if done.unchanged else "Task resumed"
    return await changed_answer(request, done, message=message)


async def changed_answer(
    request: web.Request, done: Done, *, message: str | None = None, dry_run: bool = False
) -> web.Response:
    """The task after a change, with its version; of a dry run, which made none, without."""
    document, headers = await _document(request, done.task), {} if dry_run else _marks(done)
    if message is None:
        return json_answer(document, headers=headers)
    changed: ChangedTaskDocument = {"message": message, **document}
    return json_answer(changed, headers=headers)


async def _document(request: web.Request, task: ScheduledTask) -> TaskDocument:
    view = await request.app[SERVICES].inspect.view(task)
    return task_document(view.task, view.warnings)


def _marks(done: Done) -> dict[str, str]:
    return {"ETag": etag(done.task.version), **(REPLAYED if done.replayed else {})}
