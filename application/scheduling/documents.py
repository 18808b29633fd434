"""Tasks and executions as JSON documents: the flat shape of the API, the same for every way out."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from application.scheduling import json_text
from application.scheduling.document_types import (
    AttemptDocument,
    ChangeDocument,
    DefinitionDocument,
    ErrorDocument,
    ExecutionDocument,
    ExecutionRecordDocument,
    FindingDocument,
    HeldDocument,
    LogLineDocument,
    PauseDocument,
    PolicyDocument,
    TaskDocument,
)
from application.scheduling.iso_text import duration, instant
from application.scheduling.ports.execution_store import LogLine
from application.scheduling.ports.hold import Hold
from application.scheduling.ports.records import AttemptRecord, ExecutionRecord, ExecutionSummary
from domain.scheduling.change import Change
from domain.scheduling.cron.lint import Finding
from domain.scheduling.description import described
from domain.scheduling.execution import ErrorReport
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.schedule import IntervalSchedule
from domain.scheduling.task import Definition, Pause, ScheduledTask, TaskStatus

Document = dict[str, Any]


def task_document(task: ScheduledTask, warnings: Iterable[str] = ()) -> TaskDocument:
    """A task as the API answers it."""
    return {
        "id": task.id,
        **definition_document(task.definition),
        "status": task.status,
        "enabled": task.status not in (TaskStatus.PAUSED, TaskStatus.FAILED),
        "pause": None if task.pause is None else _pause(task.pause),
        "version": task.version,
        "created_at": instant(task.created_at),
        "updated_at": instant(task.updated_at),
        "deleted_at": instant(task.deleted_at),
        "last_run_at": instant(task.last_run_at),
        "next_run_at": instant(next_run_at(task)),
        "decided_until": instant(task.decided_until),
        "run_count": task.run_count,
        "error_count": task.error_count,
        "last_error": task.last_error,
        "last_state": task.last_state,
        "open_executions": len(task.open),
        "warnings": list(warnings),
    }


def definition_document(definition: Definition) -> DefinitionDocument:
    """What people say of a task, as they may say it again."""
    schedule = definition.schedule
    return {
        "name": definition.name,
        "handler": definition.handler,
        "task_type": definition.task_type,
        "schedule_type": schedule.kind,
        "schedule": definition.schedule_text,
        "schedule_sentence": described(schedule, definition.timezone),
        "anchor": instant(schedule.anchor) if isinstance(schedule, IntervalSchedule) else None,
        "timezone": definition.timezone,
        "payload": json_text.read(definition.payload_json),
        "description": definition.description,
        "tags": list(definition.tags),
        "delivery": definition.delivery,
        "max_retries": definition.policy.retry.max_retries,
        "policy": policy_document(definition.policy),
    }


def next_run_at(task: ScheduledTask) -> datetime | None:
    """The instant it runs next by itself; None while it is paused or when it is done."""
    if task.status is not TaskStatus.ACTIVE or task.next_occurrence is None:
        return None
    return task.next_occurrence.run_at


def policy_document(policy: ExecutionPolicy) -> PolicyDocument:
    """A policy with every default spelled out."""
    backoff = policy.retry.backoff
    return {
        "misfire": policy.misfire,
        "grace": duration(policy.grace),
        "catch_up_max": policy.catch_up_max,
        "overlap": policy.overlap,
        "backoff": {
            "kind": backoff.kind,
            "initial": duration(backoff.initial),
            "cap": duration(backoff.cap),
            "delays": [duration(delay) for delay in backoff.delays],
        },
        "timeout": duration(policy.timeout),
        "start_at": instant(policy.start_at),
        "end_at": instant(policy.end_at),
        "max_runs": policy.max_runs,
        "jitter": duration(policy.jitter),
        "fail_after": policy.fail_after,
    }


def finding_document(finding: Finding) -> FindingDocument:
    """A finding about a schedule, in the form of the errors of a problem."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "pointer": finding.pointer,
        "position": finding.position,
        "detail": finding.detail,
        "hint": finding.hint,
        "at": instant(finding.at),
    }


def execution_document(summary: ExecutionSummary) -> ExecutionDocument:
    """An execution as the API answers it in a list."""
    execution = summary.execution
    progress, cancel = summary.progress, execution.cancel
    return {
        "id": execution.id,
        "task_id": execution.task_id,
        "task_name": summary.task_name,
        "task_type": summary.task_type,
        "kind": execution.kind,
        "state": execution.state,
        "version": execution.version,
        "nominal_at": instant(execution.nominal_at),
        "scheduled_at": instant(execution.scheduled_at),
        "created_at": instant(execution.created_at),
        "available_at": instant(execution.available_at),
        "started_at": instant(execution.started_at),
        "finished_at": instant(execution.finished_at),
        "attempts_used": execution.attempts_used,
        "starts": execution.starts,
        "rescues": execution.rescues,
        "worker_id": execution.worker_id,
        "error": _error(execution.error),
        "result": None if execution.result_json is None else json_text.read(execution.result_json),
        "progress": None
        if progress is None
        else {"done": progress.done, "total": progress.total, "note": progress.note},
        "cancel": None if cancel is None else {"at": instant(cancel.at), "by": cancel.actor, "reason": cancel.reason},
        "root_id": execution.root_id,
        "redrive_of": execution.redrive_of,
        "redriven_by": summary.redriven_by,
    }


def record_document(record: ExecutionRecord) -> ExecutionRecordDocument:
    """An execution with its attempts and its log."""
    return {
        **execution_document(record.summary),
        "payload": None
        if record.summary.execution.payload_json is None
        else json_text.read(record.summary.execution.payload_json),
        "attempts": [_attempt(each) for each in record.attempts],
        "log": [line_document(each) for each in record.log],
    }


def change_document(change: Change) -> ChangeDocument:
    """A change somebody made."""
    return {
        "action": change.action,
        "by": change.actor,
        "via": change.via,
        "at": instant(change.at),
        "reason": change.reason,
    }


def _pause(pause: Pause) -> PauseDocument:
    return {
        "reason": pause.reason,
        "by": pause.actor,
        "at": instant(pause.at),
        "until": instant(pause.until),
        "mode": pause.mode,
    }


def _attempt(attempt: AttemptRecord) -> AttemptDocument:
    return {
        "start": attempt.start,
        "worker_id": attempt.worker_id,
        "started_at": instant(attempt.started_at),
        "finished_at": instant(attempt.finished_at),
        "outcome": attempt.outcome,
        "error": _error(attempt.error),
    }


def line_document(line: LogLine) -> LogLineDocument:
    """A line of a log."""
    return {"at": instant(line.at), "level": line.level, "text": line.text}


def _error(error: ErrorReport | None) -> ErrorDocument | None:
    return None if error is None else {"kind": error.kind, "text": error.text}


def held_document(hold: Hold | None) -> HeldDocument | None:
    """The hold of all firing as a document; None: there is none."""
    return None if hold is None else {"actor": hold.actor, "reason": hold.reason, "since": instant(hold.since)}
