"""The API of executions asked for by hand: run now, dead letters and their redrive, backfill."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web

from application.scheduling.documents import execution_document, instant
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.services.change_task import Done
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import TaskId
from entrypoints.web.answers import REPLAYED, json_answer
from entrypoints.web.bodies import BackfillBody, RedriveBody, RunBody, optional_body, required_body
from entrypoints.web.ids import execution_id_of, task_id_of
from entrypoints.web.intent import author
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.parameters import Query
from entrypoints.web.problems import error_document

DEAD = frozenset({ExecutionState.DEAD})


async def run_task(request: web.Request) -> web.Response:
    """A manual execution at once; where to follow it stands in Location."""
    Query(request)
    body = await optional_body(request, RunBody)
    done = await request.app[SERVICES].manage.run_now(
        task_id_of(request),
        await author(request, reason=body.reason),
        payload=body.payload,
        allow_overlap=body.overlap == "allow",
    )
    return _started(request, done, {"message": "Task queued to run now"})


async def list_dead_letters(request: web.Request) -> web.Response:
    """A page of the executions that are dead, newest first, of one task with `task`; each tells what came of it."""
    query = Query(request, "task", "limit", "cursor")
    task = query.text("task")
    which = ExecutionFilter(None if task is None else TaskId(task), DEAD)
    page = await request.app[SERVICES].inspect.executions(which, limit=query.limit(), cursor=query.cursor())
    documents = [execution_document(each) for each in page.executions]
    return json_answer({"dead_letters": documents, "next_cursor": page.next_cursor})


async def redrive_execution(request: web.Request) -> web.Response:
    """One execution in place of a dead one; asked again, it is the same."""
    Query(request)
    body = await optional_body(request, RedriveBody)
    execution_id = execution_id_of(request)
    by = await author(request, reason=body.reason)
    done = await request.app[SERVICES].redrive.redrive(execution_id, by, allow_overlap=body.overlap == "allow")
    return _started(request, done, {"message": "Execution redriven", "redrive_of": execution_id})


async def backfill_task(request: web.Request) -> web.Response:
    """An execution for each occurrence in a span of the past, or with `dry_run` which those would be."""
    Query(request)
    body = await required_body(request, BackfillBody)
    found = await request.app[SERVICES].backfill.backfill(
        task_id_of(request),
        await author(request, reason=body.reason),
        begin=body.begin,
        until=body.until,
        allow_overlap=body.overlap == "allow",
        dry_run=body.dry_run,
    )
    is_dry = body.dry_run and not found.done.replayed
    executions = [
        {"execution_id": None if is_dry else each.id, "nominal_at": instant(each.nominal_at)}
        for each in found.executions
    ]
    answer: dict[str, Any] = {"task_id": found.done.task.id, "executions": executions}
    if is_dry:
        remarks = [] if found.refusal is None else [error_document(found.refusal)]
        return json_answer(
            {"message": f"{_counted(len(executions), 'occurrence')} to be run", **answer, "remarks": remarks}
        )
    path = f"/api/scheduled-tasks/{found.done.task.id}/executions?backfill={quote(found.backfill, safe='')}"
    location = under_prefix(request, path)
    answer |= {
        "message": f"{_counted(len(executions), 'execution')} queued",
        "backfill": found.backfill,
        "location": location,
    }
    headers = {"Location": location, **(REPLAYED if found.done.replayed else {})}
    return json_answer(answer, status=202, headers=headers)


def _counted(count: int, noun: str) -> str:
    """`1 execution`, `2 executions`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _started(request: web.Request, done: Done, said: Mapping[str, Any]) -> web.Response:
    location = under_prefix(request, f"/api/executions/{done.execution_id}")
    answer = {**said, "execution_id": done.execution_id, "task_id": done.task.id, "location": location}
    return json_answer(answer, status=202, headers={"Location": location, **(REPLAYED if done.replayed else {})})
