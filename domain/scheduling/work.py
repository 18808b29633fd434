"""A task with its open executions, and what every atomic step does to both (protocol 3 to 5).

A store reads a task and its open executions, lets one of these steps decide, and writes what changed: the rules that
tie executions to their task stand here once, whatever the store. Each step ends in `_closed`, which keeps the
invariants: at most one execution waits, and only beside one that is pending, running or in retry_wait; `open_seq`
moves when an execution is created or ends; a task with nothing left is completed or failed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from typing import assert_never

from domain.scheduling.events import TaskStopped
from domain.scheduling.execution import (
    RESCUES_MAX,
    TASK_KINDS,
    AttemptOutcome,
    CancelRequest,
    ErrorReport,
    Execution,
    ExecutionState,
    automatic,
    continuation,
)
from domain.scheduling.firing import Firing
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.outcome import Continued, Failed, HandedBack, Outcome, Stopped, Succeeded, UnknownHandler
from domain.scheduling.retry import RetryAt
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import OpenExecution, ScheduledTask, TaskStatus

CONTINUATIONS_PER_DAY_MAX = 48
UNKNOWN_HANDLER_PATIENCE = timedelta(hours=1)
UNKNOWN_HANDLER_WAIT_MIN = timedelta(seconds=5)
UNKNOWN_HANDLER_WAIT_MAX = timedelta(seconds=60)
LAST_ERROR_MAX = 500

SUPERSEDED = "superseded by a newer occurrence"
TASK_FAILED = "the task was stopped after too many failures"


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """The end of the attempt that start number `start` of an execution began."""

    execution_id: ExecutionId
    start: int
    outcome: AttemptOutcome
    error: ErrorReport | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """A task and its executions: the open ones as read, then as a step leaves them.

    `created` and `changed` name the executions to insert and to update (none is in both), `ended` the attempts to
    close.
    """

    task: ScheduledTask
    executions: dict[ExecutionId, Execution] = field(default_factory=dict)
    created: frozenset[ExecutionId] = frozenset()
    changed: frozenset[ExecutionId] = frozenset()
    ended: tuple[EndedAttempt, ...] = ()

    @staticmethod
    def of(task: ScheduledTask, executions: Iterable[Execution]) -> "Work":
        """The work as read."""
        return Work(task, {each.id: each for each in executions})

    def commit(self, firing: Firing, at: datetime) -> "Work":
        """The task advanced by a firing: executions recorded, the named ones cancelled, the watermark moved."""
        work = self._with_cancelled(firing.cancel, CancelRequest(at, "scheduler", SUPERSEDED))
        # A claim moves no `open_seq`: what was pending when the firing was decided may run by now.
        superseded_runs = any(work.executions[each].is_open for each in firing.cancel if each in work.executions)
        for occurrence, state in firing.run:
            work = work._with_created(
                automatic(
                    self.task.id,
                    self.task.version,
                    nominal_at=occurrence.nominal_at,
                    run_at=occurrence.run_at,
                    at=at,
                    state=ExecutionState.WAITING if superseded_runs else state,
                )
            )
        return replace(work, task=advanced(self.task, firing, at))._closed(self, at)

    def run_now(self, execution: Execution, at: datetime) -> "Work":
        """A run somebody asked for, beside whatever is open; neither schedule nor status move."""
        task = replace(self.task, run_count=self.task.run_count + 1, last_run_at=at)
        return replace(self, task=task)._with_created(execution)._closed(self, at)

    def settle(self, execution_id: ExecutionId, outcome: Outcome, at: datetime) -> "Work":
        """The held attempt ended; the caller has compared state and token. See protocol 5 for where each leads."""
        execution = self._held(execution_id)
        if execution.cancel is not None and not isinstance(outcome, Succeeded):
            return self._ending(execution.to(ExecutionState.CANCELLED, at), AttemptOutcome.CANCELLED, at)
        match outcome:
            case Succeeded(result_json):
                done = replace(execution.to(ExecutionState.SUCCEEDED, at), result_json=result_json, error=None)
                return self._ending(done, AttemptOutcome.SUCCEEDED, at)
            case Continued():
                return self._continued(execution, outcome, at)
            case Failed():
                return self._failed(execution, outcome, at)
            case Stopped():
                return self._ending(execution.to(ExecutionState.CANCELLED, at), AttemptOutcome.CANCELLED, at)
            case HandedBack():
                return self._ending(_found(execution).released(at), AttemptOutcome.HANDED_BACK, at)
            case UnknownHandler():
                return self._put_back(execution, at)
            case _:
                assert_never(outcome)

    def rescue(self, execution_id: ExecutionId, at: datetime) -> "Work":
        """The holder is dead: start again, no attempt used, or give up after RESCUES_MAX rescues."""
        execution = self._held(execution_id)
        if execution.cancel is not None:
            return self._ending(execution.to(ExecutionState.CANCELLED, at), AttemptOutcome.RESCUED, at)
        if execution.rescues >= RESCUES_MAX:
            error = ErrorReport("poison", f"its worker died {RESCUES_MAX + 1} times while running it")
            return self._ending(_dead(execution, error, at), AttemptOutcome.RESCUED, at, error)
        again = replace(_found(execution).released(at), rescues=execution.rescues + 1)
        return self._ending(again, AttemptOutcome.RESCUED, at)

    def expire(self, execution_id: ExecutionId, at: datetime) -> "Work":
        """Nobody has had the handler of a pending execution for UNKNOWN_HANDLER_PATIENCE: it is given up."""
        execution = self.executions[execution_id]
        assert execution.unknown_since is not None, "only what was put back for its handler expires"
        return self._with_changed(_dead(execution, self._unknown_handler(execution), at))._closed(self, at)

    def cancel(self, execution_ids: Iterable[ExecutionId], request: CancelRequest) -> "Work":
        """Each of these ends cancelled at once, or, if it runs, is asked to stop; final ones stay as they are."""
        return self._with_cancelled(execution_ids, request)._closed(self, request.at)

    def stopped(self, before: "Work") -> TaskStopped | None:
        """What is to be told if the task has failed since `before` with occurrences left; None: nothing.

        A task with nothing left is at its end, which the end of its last execution tells.
        """
        was_stopped = self.task.status is TaskStatus.FAILED and before.task.status is not TaskStatus.FAILED
        if not was_stopped or self.task.next_occurrence is None:
            return None
        return TaskStopped(self.task.id, self.task.definition.name, self.task.error_count)

    def _held(self, execution_id: ExecutionId) -> Execution:
        execution = self.executions[execution_id]
        assert execution.state is ExecutionState.RUNNING, "whoever takes a claim's end has compared state and token"
        return execution

    def _ending(
        self, execution: Execution, outcome: AttemptOutcome, at: datetime, error: ErrorReport | None = None
    ) -> "Work":
        ended = EndedAttempt(execution.id, execution.starts, outcome, error)
        return replace(self._with_changed(execution), ended=(*self.ended, ended))._closed(self, at)

    def _continued(self, execution: Execution, outcome: Continued, at: datetime) -> "Work":
        # A clock that was set back may show an instant before the chain began, which is still its first day.
        since = max(timedelta(0), at - (execution.chain_at or execution.created_at))
        days = since // timedelta(days=1) + 1
        if execution.number >= CONTINUATIONS_PER_DAY_MAX * days:
            error = ErrorReport("continuation_limit", f"went on more than {CONTINUATIONS_PER_DAY_MAX} times a day")
            return self._ending(_dead(execution, error, at), AttemptOutcome.FAILED, at, error)
        done = replace(execution.to(ExecutionState.SUCCEEDED, at), result_json=outcome.result_json, error=None)
        # Created first: the task must not count as finished between the two.
        following = self._with_created(continuation(execution, at=at, after=outcome.after))
        ended = EndedAttempt(done.id, done.starts, AttemptOutcome.SUCCEEDED)
        return replace(following._with_changed(done), ended=(*self.ended, ended))._closed(self, at)

    def _failed(self, execution: Execution, outcome: Failed, at: datetime) -> "Work":
        how = AttemptOutcome.TIMEOUT if outcome.timed_out else AttemptOutcome.FAILED
        failed = replace(_found(execution), attempts_used=execution.attempts_used + 1, error=outcome.error)
        if isinstance(outcome.then, RetryAt):
            waits = replace(failed.to(ExecutionState.RETRY_WAIT, at), available_at=outcome.then.at)
            return self._ending(waits, how, at, outcome.error)
        return self._ending(failed.to(ExecutionState.DEAD, at), how, at, outcome.error)

    def _put_back(self, execution: Execution, at: datetime) -> "Work":
        since = execution.unknown_since or at
        if at - since >= UNKNOWN_HANDLER_PATIENCE:
            error = self._unknown_handler(execution)
            return self._ending(_dead(execution, error, at), AttemptOutcome.UNKNOWN_HANDLER, at, error)
        wait = min(UNKNOWN_HANDLER_WAIT_MIN * 2 ** min(execution.starts - 1, 10), UNKNOWN_HANDLER_WAIT_MAX)
        back = replace(execution.released(at), unknown_since=since, available_at=at + wait)
        return self._ending(back, AttemptOutcome.UNKNOWN_HANDLER, at)

    def _unknown_handler(self, execution: Execution) -> ErrorReport:
        # An execution runs the version it was fired from, of which only the present one is at hand.
        is_present = execution.version == self.task.version
        which = f"a handler named {self.task.definition.handler_name!r}" if is_present else "the handler of its version"
        return ErrorReport("unknown_handler", f"no worker has {which}")

    def _with_created(self, execution: Execution) -> "Work":
        executions = {**self.executions, execution.id: execution}
        return replace(self, executions=executions, created=self.created | {execution.id})

    def _with_changed(self, execution: Execution) -> "Work":
        executions = {**self.executions, execution.id: execution}
        return replace(self, executions=executions, changed=(self.changed | {execution.id}) - self.created)

    def _with_cancelled(self, execution_ids: Iterable[ExecutionId], request: CancelRequest) -> "Work":
        work = self
        for execution_id in execution_ids:
            execution = work.executions.get(execution_id)
            if execution is not None and execution.is_open:
                work = work._with_changed(execution.cancelled(request))
        return work

    def _closed(self, before: "Work", at: datetime) -> "Work":
        """The invariants restored, and the task told what ended since `before`."""
        finished = [
            each for each in self.executions.values() if not each.is_open and before.executions.get(each.id) != each
        ]
        work = self._with_task(reduce(_counted, finished, self.task))
        if work.task.status is TaskStatus.FAILED and before.task.status is not TaskStatus.FAILED:
            waiting = [each.id for each in work.executions.values() if each.state is ExecutionState.WAITING]
            work = work._with_cancelled(waiting, CancelRequest(at, "scheduler", TASK_FAILED))
        work = work._with_promoted(at)
        moved = bool(finished) or work.created != before.created
        return work._with_task(_completed(_with_open(work, moved=moved), finished))

    def _with_task(self, task: ScheduledTask) -> "Work":
        return self if task is self.task else replace(self, task=task)

    def _with_promoted(self, at: datetime) -> "Work":
        """The waiting execution made pending if nothing is left that it waits for."""
        waiting = [each for each in self.executions.values() if each.state is ExecutionState.WAITING]
        busy = any(each.is_open and each.state is not ExecutionState.WAITING for each in self.executions.values())
        return self if busy or not waiting else self._with_changed(waiting[0].released(at))


def advanced(task: ScheduledTask, firing: Firing, at: datetime) -> ScheduledTask:
    """The task after a firing, its open executions and their sequence aside."""
    return replace(
        task,
        decided_until=firing.decided_until,
        next_occurrence=firing.next_occurrence,
        trailing_skip=firing.trailing_skip or (None if firing.run else task.trailing_skip),
        auto_runs=task.auto_runs + len(firing.run),
        run_count=task.run_count + len(firing.run),
        last_run_at=at if firing.run else task.last_run_at,
        quarantine=None,
    )


def _counted(task: ScheduledTask, ended: Execution) -> ScheduledTask:
    """What the task keeps of an execution that has ended: `last_state`, and `error_count` with `fail_after`."""
    if ended.state is ExecutionState.SUCCEEDED:
        return replace(task, last_state=ended.state, error_count=0)
    task = replace(task, last_state=ended.state)
    if ended.state is not ExecutionState.DEAD:
        return task
    task = replace(task, last_error=ended.error.gist[:LAST_ERROR_MAX] if ended.error else "dead")
    if ended.kind not in TASK_KINDS:
        return task
    task = replace(task, error_count=task.error_count + 1)
    limit = task.definition.policy.fail_after
    stops = limit is not None and task.error_count >= limit and task.status in (TaskStatus.ACTIVE, TaskStatus.PAUSED)
    return replace(task, status=TaskStatus.FAILED, pause=None) if stops else task


def _with_open(work: Work, *, moved: bool) -> ScheduledTask:
    open_ = sorted(OpenExecution(each.id, each.kind, each.state) for each in work.executions.values() if each.is_open)
    task = work.task.with_open(*open_)
    return replace(task, open_seq=task.open_seq + 1) if moved else task


def _completed(task: ScheduledTask, finished: list[Execution]) -> ScheduledTask:
    """Completed or failed, if no occurrence is left and no automatic execution is open."""
    if task.status not in (TaskStatus.ACTIVE, TaskStatus.PAUSED) or task.next_occurrence is not None:
        return task
    if any(each.kind in TASK_KINDS for each in task.open):
        return task
    if not isinstance(task.definition.schedule, OneTimeSchedule):
        return replace(task, status=TaskStatus.COMPLETED, pause=None)
    # A one-time occurrence is done only if it ended well: dead, cancelled or passed over, it has failed.
    ends = [each.state for each in finished if each.kind in TASK_KINDS]
    done = bool(ends) and all(state in (ExecutionState.SUCCEEDED, ExecutionState.DELIVERED) for state in ends)
    return replace(task, status=TaskStatus.COMPLETED if done else TaskStatus.FAILED, pause=None)


def _found(execution: Execution) -> Execution:
    """The execution whose handler some worker has: that it ran shows it."""
    return replace(execution, unknown_since=None)


def _dead(execution: Execution, error: ErrorReport, at: datetime) -> Execution:
    return replace(execution.to(ExecutionState.DEAD, at), error=error)
