"""What is on record about one task around a span of time."""

from dataclasses import replace
from datetime import datetime

from adapters.memory.state import KeptExecution, KeptTask, State
from application.scheduling.ports.records import (
    EVIDENCE_MAX,
    EXECUTION_ACTIONS,
    ChangeRecord,
    Evidence,
    ExecutionEvidence,
)
from application.scheduling.ports.task_store import PAYLOAD_LEFT_OUT, Unreadable
from domain.scheduling.execution import Execution, ExecutionKind
from domain.scheduling.identifiers import ExecutionId, TaskId, least_execution_id
from domain.scheduling.task import Definition, Skip


def evidence_of(state: State, task_id: TaskId, since: datetime, until: datetime) -> Evidence | None:
    """See `History.evidence`."""
    now, kept = state.now(), state.tasks.get(task_id)
    if kept is None:
        return None
    executions, executions_cut = _executions(state, task_id, since, until)
    skips, skips_cut = _skips(kept, since, until)
    return Evidence(
        now=now,
        task=state.work(task_id).task if kept.error is None else Unreadable(task_id, kept.error),
        executions=tuple(_with_attempts(each) for each in executions),
        skips=skips,
        changes=_changes(state, task_id, {each.execution.id for each in executions}),
        versions=_versions(state, task_id),
        is_cut=executions_cut or skips_cut,
    )


def _executions(state: State, task_id: TaskId, since: datetime, until: datetime) -> tuple[list[KeptExecution], bool]:
    of_task = sorted(
        (kept for kept in state.executions.values() if kept.execution.task_id == task_id),
        key=lambda kept: kept.execution.id,
    )
    ended = [kept for kept in of_task if not kept.execution.is_open]
    before = [kept for kept in ended if kept.execution.id < least_execution_id(since)]
    behind = [kept for kept in ended if kept.execution.id >= least_execution_id(until)]
    within = ended[len(before) : len(ended) - len(behind)]
    nearest = [kept for kept in behind if _is_automatic(kept)][:1]
    beyond = [kept for kept in behind if not nearest or kept.execution.id < _run_id(nearest[0])]
    backfills = [kept for kept in of_task if _makes_up(kept.execution, since, until)]
    parts = (
        [kept for kept in of_task if kept.execution.is_open],
        within[:EVIDENCE_MAX],
        backfills[:EVIDENCE_MAX],
        [kept for kept in before[-EVIDENCE_MAX:] if (kept.execution.finished_at or since) >= since],
        [kept for kept in before if _is_automatic(kept)][-1:],
        nearest,
        beyond[:EVIDENCE_MAX],
    )
    named = {kept.execution.id for part in parts for kept in part}
    redriven = [kept for kept in of_task if kept.execution.redrive_of in named][:EVIDENCE_MAX]
    named |= {kept.execution.id for kept in redriven}
    is_cut = max(len(within), len(backfills)) > EVIDENCE_MAX
    return [kept for kept in of_task if kept.execution.id in named], is_cut


def _makes_up(execution: Execution, since: datetime, until: datetime) -> bool:
    nominal_at = execution.nominal_at
    return execution.kind is ExecutionKind.BACKFILL and nominal_at is not None and since <= nominal_at < until


def _run_id(kept: KeptExecution) -> str:
    return least_execution_id(kept.execution.scheduled_at)


def _is_automatic(kept: KeptExecution) -> bool:
    return kept.execution.kind is ExecutionKind.AUTO


def _skips(kept: KeptTask, since: datetime, until: datetime) -> tuple[tuple[Skip, ...], bool]:
    skips = sorted(kept.skips.values(), key=lambda skip: skip.first_at)
    within = [skip for skip in skips if since <= skip.first_at < until]
    before = [skip for skip in skips if skip.first_at < since][-1:]
    behind = [skip for skip in skips if skip.first_at >= until][:1]
    return (*before, *within[:EVIDENCE_MAX], *behind), len(within) > EVIDENCE_MAX


def _changes(state: State, task_id: TaskId, execution_ids: set[ExecutionId]) -> tuple[ChangeRecord, ...]:
    records = [record for record in state.changes if record.task_id == task_id]
    of_task = [record for record in records if record.change.action not in EXECUTION_ACTIONS][-EVIDENCE_MAX:]
    of_executions = [
        record
        for record in records
        if record.change.action in EXECUTION_ACTIONS and record.execution_id in execution_ids
    ][-EVIDENCE_MAX:]
    chosen = {id(record) for record in (*of_task, *of_executions)}
    return tuple(record for record in records if id(record) in chosen)


def _versions(state: State, task_id: TaskId) -> dict[int, Definition]:
    kept = state.versions[task_id]
    last = sorted(kept)[-EVIDENCE_MAX:]
    return {number: replace(kept[number].definition, payload_json=PAYLOAD_LEFT_OUT) for number in last}


def _with_attempts(kept: KeptExecution) -> ExecutionEvidence:
    return ExecutionEvidence(kept.execution, tuple(each.record for each in kept.attempts), kept.progress)
