"""The API of executions asked for by hand: run now, dead letters and their redrive, backfill."""

from urllib.parse import quote

from aiohttp import web

from application.scheduling.documents import execution_document
from application.scheduling.iso_text import instant
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.services.change_task import Done
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from entrypoints.web.answers import REPLAYED, json_answer
from entrypoints.web.api.documents import (
    BackfillDocument,
    BackfilledExecutionDocument,
    DeadLetterListDocument,
    PlannedBackfillDocument,
    StartedDocument,
)
from entrypoints.web.api.parameters import CURSOR, LIMIT, OF_TASK
from entrypoints.web.contract import examples
from entrypoints.web.contract.operations import accepted, ok, operation
from entrypoints.web.doors.intent import author
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.problems import error_document
from entrypoints.web.requests.bodies import BackfillBody, RedriveBody, RequestBody, RunBody
from entrypoints.web.requests.ids import execution_id_of, task_id_of
from entrypoints.web.requests.parameters import QUERY

RUN = RequestBody(RunBody, is_required=False, examples=examples.RUNS)
REDRIVE = RequestBody(RedriveBody, is_required=False, examples=examples.REASONS)
BACKFILL = RequestBody(BackfillBody, examples=examples.BACKFILLS)
STARTED = accepted(StartedDocument, "The execution that was asked for.")
DEAD = frozenset({ExecutionState.DEAD})


@operation("Run a task now", STARTED, body=RUN, is_keyed=True, problems=("wrong_state",))
async def run_task(request: web.Request) -> web.Response:
    """A manual execution at once; where to follow it stands in Location."""
    body = await RUN.read(request)
    done = await request.app[SERVICES].manage.run_now(
        task_id_of(request),
        await author(request, reason=body.reason),
        payload=body.payload,
        allow_overlap=body.overlap == "allow",
    )
    return _started(request, done, "Task queued to run now")


@operation(
    "List dead letters",
    ok(DeadLetterListDocument, "A page of dead executions."),
    query=(OF_TASK, LIMIT, CURSOR),
)
async def list_dead_letters(request: web.Request) -> web.Response:
    """A page of the executions that are dead, newest first, of one task with `task`; each tells what came of it."""
    query = request[QUERY]
    task = query[OF_TASK]
    which = ExecutionFilter(None if task is None else TaskId(task), DEAD)
    page = await request.app[SERVICES].inspect.executions(which, limit=query[LIMIT], cursor=query[CURSOR])
    document: DeadLetterListDocument = {
        "dead_letters": [execution_document(each) for each in page.executions],
        "next_cursor": page.next_cursor,
    }
    return json_answer(document)


@operation(
    "Retry a dead execution",
    STARTED,
    body=REDRIVE,
    is_keyed=True,
    problems=("task_not_found", "task_unreadable", "wrong_state"),
)
async def redrive_execution(request: web.Request) -> web.Response:
    """One execution in place of a dead one, of the task as it is now; asked again, it is the same.

    `retry` and `redrive` are two names of one thing. Whatever is not dead is refused: what failed and has attempts left
    is retried by itself.
    """
    body = await REDRIVE.read(request)
    execution_id = execution_id_of(request)
    by = await author(request, reason=body.reason)
    done = await request.app[SERVICES].redrive.redrive(execution_id, by, allow_overlap=body.overlap == "allow")
    return _started(request, done, "Execution redriven", redrive_of=execution_id)


@operation(
    "Run what the past has missed",
    accepted(BackfillDocument, "The executions, and the name of the backfill."),
    ok(PlannedBackfillDocument, "With `dry_run`: what would run."),
    body=BACKFILL,
    is_keyed=True,
    problems=("wrong_state",),
)
async def backfill_task(request: web.Request) -> web.Response:
    """An execution for each occurrence in a span of the past, or with `dry_run` which those would be."""
    body = await BACKFILL.read(request)
    found = await request.app[SERVICES].backfill.backfill(
        task_id_of(request),
        await author(request, reason=body.reason),
        begin=body.begin,
        until=body.until,
        allow_overlap=body.overlap == "allow",
        dry_run=body.dry_run,
    )
    is_dry = body.dry_run and not found.done.replayed
    executions: list[BackfilledExecutionDocument] = [
        {"execution_id": None if is_dry else each.id, "nominal_at": instant(each.nominal_at)}
        for each in found.executions
    ]
    if is_dry:
        planned: PlannedBackfillDocument = {
            "message": f"Dry run: {_counted(len(executions), 'occurrence')} would be run",
            "task_id": found.done.task.id,
            "executions": executions,
            "remarks": [] if found.refusal is None else [error_document(found.refusal)],
        }
        return json_answer(planned)
    path = f"/api/scheduled-tasks/{found.done.task.id}/executions?backfill={quote(found.backfill, safe='')}"
    location = under_prefix(request, path)
    answer: BackfillDocument = {
        "message": f"{_counted(len(executions), 'execution')} queued",
        "task_id": found.done.task.id,
        "executions": executions,
        "backfill": found.backfill,
        "location": location,
    }
    headers = {"Location": location, **(REPLAYED if found.done.replayed else {})}
    return json_answer(answer, status=202, headers=headers)


def _counted(count: int, noun: str) -> str:
    """`1 execution`, `2 executions`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _started(request: web.Request, done: Done, message: str, *, redrive_of: ExecutionId | None = None) -> web.Response:
    assert done.execution_id is not None, "what was run has an execution"
    location = under_prefix(request, f"/api/executions/{done.execution_id}")
    answer: StartedDocument = {
        "message": message,
        "execution_id": done.execution_id,
        "task_id": done.task.id,
        "location": location,
    }
    if redrive_of is not None:
        answer["redrive_of"] = redrive_of
    return json_answer(answer, status=202, headers={"Location": location, **(REPLAYED if done.replayed else {})})
