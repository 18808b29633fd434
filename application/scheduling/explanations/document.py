"""The answer to "why did it, or did it not, run?" as the API and the command line give it to programs."""

from typing_extensions import TypedDict

from application.scheduling.document_types import ChangeDocument, InstantText
from application.scheduling.explanations.answer import Code, Explanation, Finding, Neighbour, Remark
from application.scheduling.explanations.hold_times import HoldTime
from application.scheduling.iso_text import instant
from application.scheduling.ports.records import ChangeRecord
from domain.scheduling.execution import Execution, ExecutionKind, ExecutionState
from domain.scheduling.identifiers import ExecutionId, NodeId, TaskId
from domain.scheduling.task import Skip, SkipReason


class SpanDocument(TypedDict):
    """A span of time, its end excluded."""

    since: InstantText
    until: InstantText


class RemarkDocument(TypedDict):
    """What is peculiar about the time that was asked about."""

    code: Remark
    sentence: str


class SkipDocument(TypedDict):
    """Occurrences passed over, first and last included; `at_least`: there may be more than `count`."""

    reason: SkipReason
    first_at: InstantText
    last_at: InstantText
    count: int
    at_least: bool


class ExplainedExecutionDocument(TypedDict):
    """What of an execution matters to the question."""

    id: ExecutionId
    kind: ExecutionKind
    state: ExecutionState
    version: int
    nominal_at: InstantText | None
    scheduled_at: InstantText
    created_at: InstantText
    started_at: InstantText | None
    finished_at: InstantText | None
    attempts_used: int
    rescues: int
    worker_id: NodeId | None


class ExplainedChangeDocument(ChangeDocument):
    """A change, and the version of the task after it."""

    version: int


class HoldTimeDocument(TypedDict):
    """A time in which somebody held all firing; `until` null: it is held."""

    actor: str
    reason: str
    since: InstantText
    until: InstantText | None
    released_by: str | None


class ExplainedFindingDocument(TypedDict):
    """One thing the records say; `reason` is a finer code, `count` the occurrences it speaks for."""

    code: Code
    reason: str | None
    at: InstantText | None
    count: int
    at_least: bool
    sentences: list[str]
    executions: list[ExplainedExecutionDocument]
    skip: SkipDocument | None
    changes: list[ExplainedChangeDocument]
    holds: list[HoldTimeDocument]


class NeighbourDocument(TypedDict):
    """The decision next to what was asked about."""

    at: InstantText
    code: Code
    sentence: str
    execution_id: str | None


class ExplanationDocument(TypedDict):
    """Why it ran, or did not: `code` and `summary` say it in short, `details` in full; `also_ran` ran meanwhile.

    Everything about the task from `records_since` on is on record.
    """

    task_id: TaskId
    task_name: str
    asked: str
    timezone: str
    spans: list[SpanDocument]
    code: Code
    summary: str
    remarks: list[RemarkDocument]
    details: list[ExplainedFindingDocument]
    also_ran: list[ExplainedFindingDocument]
    before: NeighbourDocument | None
    after: NeighbourDocument | None
    records_since: InstantText
    now: InstantText


def explanation_document(explanation: Explanation) -> ExplanationDocument:
    """The answer for programs."""
    return {
        "task_id": explanation.task_id,
        "task_name": explanation.task_name,
        "asked": explanation.asked,
        "timezone": explanation.timezone,
        "spans": [{"since": instant(each.since), "until": instant(each.until)} for each in explanation.spans],
        "code": explanation.code,
        "summary": explanation.summary,
        "remarks": [{"code": code, "sentence": said} for code, said in explanation.remarks.items()],
        "details": [_finding(each) for each in explanation.findings],
        "also_ran": [_finding(each) for each in explanation.also],
        "before": _neighbour(explanation.before),
        "after": _neighbour(explanation.after),
        "records_since": instant(explanation.records_since),
        "now": instant(explanation.now),
    }


def _finding(finding: Finding) -> ExplainedFindingDocument:
    return {
        "code": finding.code,
        "reason": finding.reason,
        "at": instant(finding.at),
        "count": finding.count,
        "at_least": finding.at_least,
        "sentences": list(finding.sentences),
        "executions": [_execution(each) for each in finding.executions],
        "skip": None if finding.skip is None else _skip(finding.skip),
        "changes": [_change(each) for each in finding.changes],
        "holds": [_hold(each) for each in finding.holds],
    }


def _neighbour(neighbour: Neighbour | None) -> NeighbourDocument | None:
    if neighbour is None:
        return None
    return {
        "at": instant(neighbour.at),
        "code": neighbour.code,
        "sentence": neighbour.sentence,
        "execution_id": neighbour.execution_id,
    }


def _execution(execution: Execution) -> ExplainedExecutionDocument:
    return {
        "id": execution.id,
        "kind": execution.kind,
        "state": execution.state,
        "version": execution.version,
        "nominal_at": instant(execution.nominal_at),
        "scheduled_at": instant(execution.scheduled_at),
        "created_at": instant(execution.created_at),
        "started_at": instant(execution.started_at),
        "finished_at": instant(execution.finished_at),
        "attempts_used": execution.attempts_used,
        "rescues": execution.rescues,
        "worker_id": execution.worker_id,
    }


def _skip(skip: Skip) -> SkipDocument:
    return {
        "reason": skip.reason,
        "first_at": instant(skip.first_at),
        "last_at": instant(skip.last_at),
        "count": skip.count,
        "at_least": skip.at_least,
    }


def _hold(hold: HoldTime) -> HoldTimeDocument:
    return {
        "actor": hold.actor,
        "reason": hold.reason,
        "since": instant(hold.since),
        "until": instant(hold.until),
        "released_by": hold.released_by or None,
    }


def _change(record: ChangeRecord) -> ExplainedChangeDocument:
    change = record.change
    return {
        "action": change.action,
        "by": change.actor,
        "via": change.via,
        "at": instant(change.at),
        "reason": change.reason,
        "version": record.version,
    }
