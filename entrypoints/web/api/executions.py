"""The API of executions: of a task, of all tasks, one with its attempts and log, and stopping one."""

from aiohttp import web

from application.scheduling.documents import execution_document, record_document
from application.scheduling.ports.history import ExecutionFilter
from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.identifiers import TaskId
from entrypoints.web.answers import json_answer
from entrypoints.web.bodies import ReasonBody, optional_body
from entrypoints.web.ids import execution_id_of, task_id_of
from entrypoints.web.intent import author
from entrypoints.web.keys import SERVICES
from entrypoints.web.parameters import Query

BACKFILL_CHARACTERS_MAX = 300
"""A backfill is named by an idempotency key, and that by a prefix and what its author chose."""


async def list_executions(request: web.Request) -> web.Response:
    """A page of all executions, newest first; `state` names one or more states, commas between them."""
    return await _page(request, None)


async def list_task_executions(request: web.Request) -> web.Response:
    """A page of one task's executions, newest first; `backfill` asks for those of one backfill."""
    task_id = task_id_of(request)
    await request.app[SERVICES].inspect.task(task_id)
    return await _page(request, task_id)


async def read_execution(request: web.Request) -> web.Response:
    """All that is kept of one execution."""
    Query(request)
    record = await request.app[SERVICES].inspect.execution(execution_id_of(request))
    return json_answer(record_document(record))


async def cancel_execution(request: web.Request) -> web.Response:
    """Ended at once, or asked to stop if it runs; what was over stays as it ended."""
    Query(request)
    body = await optional_body(request, ReasonBody)
    execution_id = execution_id_of(request)
    by = await author(request, reason=body.reason)
    services = request.app[SERVICES]
    before = (await services.inspect.execution(execution_id)).summary.execution
    answer = await services.manage.cancel(execution_id, by)
    message = _said(answer.state, before)
    return json_answer({"message": message, "execution_id": execution_id, "state": answer.state})


async def _page(request: web.Request, task_id: TaskId | None) -> web.Response:
    # The executions of a backfill are found by their task.
    query = Query(request, "state", *(["backfill"] if task_id else []), "limit", "cursor")
    backfill = query.text("backfill", characters_max=BACKFILL_CHARACTERS_MAX)
    which = ExecutionFilter(task_id, query.choices("state", ExecutionState), backfill)
    page = await request.app[SERVICES].inspect.executions(which, limit=query.limit(), cursor=query.cursor())
    return json_answer(
        {"executions": [execution_document(each) for each in page.executions], "next_cursor": page.next_cursor}
    )


def _said(state: ExecutionState, before: Execution) -> str:
    if state is ExecutionState.RUNNING:
        return "Execution asked to stop" if before.cancel is None else "Execution had been asked to stop already"
    if state is ExecutionState.CANCELLED and before.is_open:
        return "Execution cancelled"
    return f"Execution had already ended: {state}"
