"""The API of executions: of a task, of all tasks, one with its attempts and log, and stopping one."""

from aiohttp import web

from application.scheduling.document_types import ExecutionRecordDocument
from application.scheduling.documents import execution_document, line_document, record_document
from application.scheduling.ports.history import ExecutionFilter
from domain.scheduling.execution import Execution, ExecutionState
from entrypoints.web.answers import json_answer
from entrypoints.web.api.documents import CancelledDocument, ExecutionListDocument, LogDocument
from entrypoints.web.api.parameters import AFTER, BACKFILL, CURSOR, LIMIT, LINES, STATE, instant
from entrypoints.web.contract import examples
from entrypoints.web.contract.operations import ok, operation
from entrypoints.web.doors.intent import author
from entrypoints.web.keys import SERVICES
from entrypoints.web.requests.bodies import ReasonBody, RequestBody
from entrypoints.web.requests.ids import execution_id_of, task_id_of
from entrypoints.web.requests.parameters import QUERY

CANCEL = RequestBody(ReasonBody, is_required=False, examples=examples.REASONS)
SINCE = instant(
    "since",
    "Only those of an occurrence at this instant or later, or asked for by hand then; RFC 3339, UTC without an offset.",
)
UNTIL = instant("until", "Only those of an occurrence before this instant, or asked for by hand before.")
LISTED = ok(ExecutionListDocument, "A page of executions.")


@operation("List executions", LISTED, query=(STATE, SINCE, UNTIL, LIMIT, CURSOR))
async def list_executions(request: web.Request) -> web.Response:
    """A page of all executions, newest first; `state` names one or more states, commas between them."""
    query = request[QUERY]
    which = ExecutionFilter(states=query[STATE], since=query[SINCE], until=query[UNTIL])
    return await _page(request, which)


@operation("List the executions of a task", LISTED, query=(STATE, BACKFILL, SINCE, UNTIL, LIMIT, CURSOR))
async def list_task_executions(request: web.Request) -> web.Response:
    """A page of one task's executions, newest first; `backfill` asks for those of one backfill."""
    task_id = task_id_of(request)
    await request.app[SERVICES].inspect.task(task_id)
    query = request[QUERY]
    which = ExecutionFilter(task_id, query[STATE], query[BACKFILL], query[SINCE], query[UNTIL])
    return await _page(request, which)


@operation("Read an execution", ok(ExecutionRecordDocument, "The execution."))
async def read_execution(request: web.Request) -> web.Response:
    """All that is kept of one execution."""
    record = await request.app[SERVICES].inspect.execution(execution_id_of(request))
    return json_answer(record_document(record))


@operation("Read the log of an execution", ok(LogDocument, "Lines of its log."), query=(AFTER, LINES))
async def read_log(request: web.Request) -> web.Response:
    """What the handler has logged, oldest line first; to follow it, ask again with `after` until `is_final`."""
    query = request[QUERY]
    record = await request.app[SERVICES].inspect.execution(execution_id_of(request))
    execution, after = record.summary.execution, query[AFTER]
    lines = record.log[after : after + query[LINES]]
    document: LogDocument = {
        "execution_id": execution.id,
        "state": execution.state,
        "lines": [line_document(each) for each in lines],
        "next": after + len(lines),
        "is_final": not execution.is_open and after + len(lines) >= len(record.log),
    }
    return json_answer(document)


@operation("Cancel an execution", ok(CancelledDocument, "What became of it."), body=CANCEL, is_keyed=True)
async def cancel_execution(request: web.Request) -> web.Response:
    """Ended at once, or asked to stop if it runs; what was over stays as it ended."""
    body = await CANCEL.read(request)
    execution_id = execution_id_of(request)
    by = await author(request, reason=body.reason)
    services = request.app[SERVICES]
    before = (await services.inspect.execution(execution_id)).summary.execution
    answer = await services.manage.cancel(execution_id, by)
    message = _said(answer.state, before)
    document: CancelledDocument = {"message": message, "execution_id": execution_id, "state": answer.state}
    return json_answer(document)


async def _page(request: web.Request, which: ExecutionFilter) -> web.Response:
    query = request[QUERY]
    page = await request.app[SERVICES].inspect.executions(which, limit=query[LIMIT], cursor=query[CURSOR])
    document: ExecutionListDocument = {
        "executions": [execution_document(each) for each in page.executions],
        "next_cursor": page.next_cursor,
    }
    return json_answer(document)


def _said(state: ExecutionState, before: Execution) -> str:
    if state is ExecutionState.RUNNING and before.cancel is None:
        return "Execution asked to stop"
    if state is ExecutionState.RUNNING:
        return "Nothing to cancel: the execution was asked to stop before"
    if state is ExecutionState.CANCELLED and before.is_open:
        return "Execution cancelled"
    return f"Nothing to cancel: the execution ended before ({state})"
