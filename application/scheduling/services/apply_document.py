"""What applying a file does, or did, as a document: the answer of the API and of the command line."""

from typing_extensions import TypedDict

from application.scheduling.differences import difference_document
from application.scheduling.document_types import DifferenceDocument
from application.scheduling.services.apply_plan import ApplyItem, ApplyOutcome, ApplyPlan
from domain.scheduling.identifiers import TaskId


class ApplyItemDocument(TypedDict):
    """One task of the file, or one that is pruned.

    `id` and `version` are null where there is none yet. `differences` are what is changed, `drift` what somebody else
    said and the file does not mention, which stays. `code` and `detail` say why it was refused.
    """

    name: str
    outcome: ApplyOutcome
    id: TaskId | None
    version: int | None
    differences: list[DifferenceDocument]
    drift: list[DifferenceDocument]
    code: str | None
    detail: str | None


class ApplyRefusalDocument(TypedDict):
    """Why a plan would not be carried out as it is."""

    code: str
    detail: str
    hint: str | None


class ApplyDocument(TypedDict):
    """What applying a file does, or with `dry_run` would do: `counts` of the tasks, `drifting` of those with drift.

    `refusal` is null unless it is a dry run of what would be refused.
    """

    manager: str | None
    dry_run: bool
    counts: dict[ApplyOutcome, int]
    drifting: int
    results: list[ApplyItemDocument]
    refusal: ApplyRefusalDocument | None


def apply_document(plan: ApplyPlan, *, dry_run: bool) -> ApplyDocument:
    """The document of a plan, carried out or not."""
    refusal = plan.refusal
    return {
        "manager": plan.manager,
        "dry_run": dry_run,
        "counts": dict(plan.counts),
        "drifting": plan.drifting,
        "results": [_item(each) for each in plan.items],
        "refusal": None
        if refusal is None
        else {"code": refusal.reason, "detail": refusal.detail, "hint": refusal.hint},
    }


def _item(item: ApplyItem) -> ApplyItemDocument:
    return {
        "name": item.name,
        "outcome": item.outcome,
        "id": item.task_id,
        "version": item.version,
        "differences": [difference_document(each) for each in item.differences],
        "drift": [difference_document(each) for each in item.drift],
        "code": item.code,
        "detail": item.detail,
    }
