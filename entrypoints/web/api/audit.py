"""The API of the audit trail: who changed what, over all tasks."""

from typing import Literal

from aiohttp import web
from typing_extensions import TypedDict

from application.scheduling.document_types import ChangeDocument
from application.scheduling.documents import change_document
from application.scheduling.ports.history import AuditEntry, AuditFilter
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import ExecutionId, TaskId
from entrypoints.web.answers import json_answer
from entrypoints.web.api.parameters import CURSOR, LIMIT, OF_TASK, choice, instant, text
from entrypoints.web.contract.operations import ok, operation
from entrypoints.web.keys import SERVICES
from entrypoints.web.requests.parameters import QUERY


class AuditEntryDocument(TypedDict):
    """A change on record; `version` is that of the task after it, `task_name` empty if the task is gone."""

    kind: Literal["change"]
    change: ChangeDocument
    task_id: TaskId
    task_name: str
    version: int
    execution_id: ExecutionId | None


class AuditDocument(TypedDict):
    """A page of the audit trail, newest first."""

    entries: list[AuditEntryDocument]
    next_cursor: str | None


ACTOR = text("actor", "Only changes by this user or token.")
ACTION = choice("action", "Only changes of this kind.", ChangeAction)
SINCE = instant("since", "Only changes at this instant or later; RFC 3339, UTC without an offset.")
UNTIL = instant("until", "Only changes before this instant.")


@operation(
    "Read the audit trail", ok(AuditDocument, "A page."), query=(ACTOR, ACTION, OF_TASK, SINCE, UNTIL, LIMIT, CURSOR)
)
async def read_audit(request: web.Request) -> web.Response:
    """A page of the changes of all tasks, newest first, also of tasks that are gone."""
    query = request[QUERY]
    task = query[OF_TASK]
    which = AuditFilter(query[ACTOR], query[ACTION], None if task is None else TaskId(task), query[SINCE], query[UNTIL])
    page = await request.app[SERVICES].audit.changes(which, limit=query[LIMIT], cursor=query[CURSOR])
    document: AuditDocument = {"entries": [_entry(each) for each in page.entries], "next_cursor": page.next_cursor}
    return json_answer(document)


def _entry(entry: AuditEntry) -> AuditEntryDocument:
    record = entry.record
    return {
        "kind": "change",
        "change": change_document(record.change),
        "task_id": record.task_id,
        "task_name": entry.task_name,
        "version": record.version,
        "execution_id": record.execution_id,
    }
