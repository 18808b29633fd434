"""The API of changes to many tasks at once."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from application.scheduling.drafts import Instant
from application.scheduling.services.batch_change import BatchItem, BatchResult, Chosen, Outcome
from application.scheduling.services.batch_orders import BatchAction, Order
from domain.errors import InvalidTaskError
from domain.scheduling.identifiers import TaskId
from domain.scheduling.policy import Misfire
from domain.scheduling.schedule import ScheduleType
from domain.scheduling.task import TaskStatus
from entrypoints.web.answers import json_answer
from entrypoints.web.api.documents import BatchDocument, BatchItemDocument, BatchUndoDocument
from entrypoints.web.api.parameters import tasks_asked_for
from entrypoints.web.contract import examples
from entrypoints.web.contract.operations import ok, operation
from entrypoints.web.doors.access import CHANGES_OF_MANY, admit
from entrypoints.web.doors.intent import author
from entrypoints.web.keys import SERVICES
from entrypoints.web.requests.bodies import OneOf, ReasonBody, RequestBody
from entrypoints.web.requests.confirmation import check_count
from entrypoints.web.requests.parameters import TEXT_MAX

IDS_MAX = 5_000
"""How many ids a body may name: all its values together are bounded, too."""
SHOWN_MAX = 20
Text = Annotated[str, Field(max_length=TEXT_MAX)]


class FilterBody(BaseModel):
    """Which tasks: each condition that is given must hold, as in a list of tasks; an empty filter is all tasks."""

    model_config = ConfigDict(extra="forbid", strict=True)
    q: Text | None = None
    status: OneOf[TaskStatus] | None = None
    schedule_type: OneOf[ScheduleType] | None = None
    task_type: Text | None = None
    tag: Text | None = None
    failing: bool = False
    late: bool = False


class BatchBody(ReasonBody):
    """What is to be done to which tasks: those named by `ids`, or all that match `filter`; one of the two.

    `versions` go with `ids`, one each: a task that is at another version by now is refused. `value` is the tag or the
    time zone of the actions that have one, `until` the end of a pause, and `missed` says what becomes of the
    occurrences a pause has passed over. To delete takes `ids`, as a dry run tells them, and in
    `confirm` how many they are.
    """

    action: OneOf[BatchAction]
    ids: Annotated[list[Text], Field(min_length=1, max_length=IDS_MAX)] | None = None
    versions: Annotated[list[Annotated[int, Field(ge=1)]], Field(max_length=IDS_MAX)] | None = None
    filter: FilterBody | None = None
    value: Text = ""
    until: Instant | None = None
    missed: OneOf[Misfire] = Misfire.SKIP
    confirm: Annotated[int, Field(ge=1)] | None = None
    dry_run: bool = False

    def order(self) -> Order:
        """What is to be done. Raises InvalidTaskError."""
        ids, versions = self.ids or [], self.versions
        if versions is not None and len(versions) != len(ids):
            detail = f"{len(versions):,} versions for {len(ids):,} ids; there is one for each"
            raise InvalidTaskError(detail, code="invalid_value", pointer="/versions")
        if_versions = dict(zip(map(TaskId, ids), versions or (), strict=False))
        return Order(self.action, self.value, self.until, self.missed, if_versions)

    def chosen(self, now: datetime) -> Chosen:
        """To which tasks, as of now. Raises InvalidTaskError."""
        if self.ids is not None and self.filter is None:
            return [TaskId(each) for each in self.ids]
        if self.filter is not None and self.ids is None:
            return tasks_asked_for(self.filter.model_dump(), now)
        hint = 'name tasks, or say "filter": {} for all of them'
        raise InvalidTaskError("either ids or a filter", code="required", pointer="/ids", hint=hint)

    def check_confirmed(self) -> None:
        """See that who deletes many has named them and read how many. Raises InvalidTaskError."""
        if self.action is not BatchAction.DELETE or self.dry_run:
            return
        if self.ids is None:
            hint = "a dry run tells the ids of those that match"
            raise InvalidTaskError("what is deleted is named", code="required", pointer="/ids", hint=hint)
        check_count(str(self.confirm or ""), len(set(self.ids)), "tasks")


BODY = RequestBody(BatchBody, examples=examples.BATCHES)


@operation("Change many tasks", ok(BatchDocument, "What became of each task."), body=BODY, is_keyed=True)
async def change_tasks(request: web.Request) -> web.Response:
    """One change of many tasks, at most 10,000; each has an answer of its own, and one that is refused stops no other.

    What is already as it is to become stays as it is. Repeated with its Idempotency-Key it does nothing twice.
    """
    body = await BODY.read(request)
    order = body.order()
    # The route asks for the least that any action takes.
    await admit(request, CHANGES_OF_MANY[order.action])
    body.check_confirmed()
    by = await author(request, reason=body.reason)
    services = request.app[SERVICES]
    result = await services.batch.run(order, body.chosen(services.clock.now()), by, dry_run=body.dry_run)
    return json_answer(_document(result, dry_run=body.dry_run))


def _document(result: BatchResult, *, dry_run: bool) -> BatchDocument:
    shown = result.items[:SHOWN_MAX] if dry_run else result.items
    return {
        "action": result.order.action,
        "dry_run": dry_run,
        "total": len(result.items) + result.left,
        "counts": dict(result.counts),
        "left": result.left,
        "results": [_item(each) for each in shown],
        "ids": [each.task_id for each in result.of(Outcome.DONE)],
        "undo": None if dry_run else _undo(result),
    }


def _item(item: BatchItem) -> BatchItemDocument:
    return {
        "id": item.task_id,
        "name": None if item.task is None else item.task.definition.name,
        "outcome": item.outcome,
        "code": item.code,
        "detail": item.detail,
        "execution_id": item.execution_id,
    }


def _undo(result: BatchResult) -> BatchUndoDocument | None:
    order = result.undo
    if order is None:
        return None
    ids, versions = list(order.if_versions), list(order.if_versions.values())
    document: BatchUndoDocument = {"action": order.action, "ids": ids, "versions": versions}
    if order.action is BatchAction.DELETE:
        document["confirm"] = len(ids)
    return document | {"value": order.value} if order.value else document
