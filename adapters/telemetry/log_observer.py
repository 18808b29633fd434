"""Events as log lines: what an operator reads at three in the morning, and what a program filters by.

The sentence is for people. Beside it stand `task`, `task_id` and `execution`, and lengths of time as numbers of
seconds.
"""

from datetime import timedelta
from typing import Any, assert_never

import structlog

from adapters.telemetry.missing_handlers import MissingHandlers
from adapters.telemetry.outage import StoreOutage
from application.scheduling.ports.clock import Clock
from domain.scheduling.change import ChangeAction
from domain.scheduling.events import (
    ClaimLost,
    ClockLeapt,
    Dispatched,
    Event,
    ExecutionIsolated,
    ExecutionRescued,
    ExecutionSettled,
    ExecutionsExpired,
    ExecutionStarted,
    HandlerMissing,
    RecordsPruned,
    StoreFailed,
    StoreRecovered,
    StreamRefused,
    StreamsFailed,
    StreamsRecovered,
    TaskChanged,
    TaskQuarantined,
    TaskStopped,
)
from domain.scheduling.execution import AttemptOutcome, ExecutionState

ERROR_CHARACTERS_MAX = 300
LATE_AFTER = timedelta(seconds=1)

_DEEDS = {
    ChangeAction.CREATE: "Created task",
    ChangeAction.EDIT: "Edited task",
    ChangeAction.PAUSE: "Paused task",
    ChangeAction.RESUME: "Resumed task",
    ChangeAction.PAUSE_ENDED: "Pause is over, resumed task",
    ChangeAction.DELETE: "Deleted task",
    ChangeAction.UNDELETE: "Undeleted task",
    ChangeAction.RESTORE: "Restored an earlier version of task",
    ChangeAction.RUN: "Asked to run task now",
    ChangeAction.REDRIVE: "Asked to run task again after it failed for good",
    ChangeAction.BACKFILL: "Asked to run task for the past",
    ChangeAction.CANCEL: "Asked to cancel an execution of task",
    ChangeAction.REDERIVE: "Computed the next occurrence afresh of task",
}


class LogObserver:
    """`Observer` that writes structured lines; every event has one wording and one level, all of them here.

    Every event is a line, but for what goes on and on: an outage of the store, which every loop meets again and again
    (see `StoreOutage`), and a handler that is missing, for which executions are put back (see `MissingHandlers`).
    """

    def __init__(self, clock: Clock) -> None:
        self._log = structlog.get_logger()
        self._outage = StoreOutage(clock)
        self._missing = MissingHandlers(clock)

    def observe(self, event: Event) -> None:
        """See the port."""
        match event:
            case ExecutionStarted() | ExecutionIsolated() | ClaimLost():
                self._running(event)
            case HandlerMissing():
                self._handler_missing(event)
            case ExecutionSettled():
                self._settled(event)
            case ExecutionRescued():
                self._rescued(event)
            case Dispatched():
                self._dispatched(event)
            case TaskChanged() | TaskStopped() | TaskQuarantined():
                self._task(event)
            case StreamsFailed() | StreamsRecovered() | StreamRefused():
                self._streams(event)
            case _:
                self._upkeep(event)

    def _running(self, event: ExecutionStarted | ExecutionIsolated | ClaimLost) -> None:
        values: dict[str, Any] = {"task": event.task_name, "execution": event.execution_id}
        match event:
            case ExecutionStarted():
                self._handler_found(event)
                values |= {"task_id": event.task_id, "attempt": event.attempt}
                waited = event.waited.total_seconds()
                self._log.info(f"Executing scheduled task: {event.task_name}", **values, waited_seconds=waited)
            case ExecutionIsolated():
                self._log.warning(
                    f"Runs alone: {event.task_name}; its worker died {event.rescues} times while running it, and if it "
                    "is what kills workers, it takes nobody with it",
                    **values,
                )
            case ClaimLost():
                self._log.warning(
                    f"Ran {event.task_name} in vain: its claim was taken over, or the store was silent for too long; "
                    "another run counts",
                    **values,
                )
            case _:
                assert_never(event)

    def _handler_missing(self, event: HandlerMissing) -> None:
        again = self._missing.missed((event.task_type, event.handler_name))
        if again is None:
            return
        how = f"still has no handler {event.handler_name!r}" if again else f"has no handler {event.handler_name!r}"
        self._log.warning(
            f"This worker {how} for the type {event.task_type}: put back is {event.task_name}, which another worker "
            "may run, and which is given up when none has for an hour",
            task=event.task_name,
            task_id=event.task_id,
            execution=event.execution_id,
            **({"put_back": again} if again else {}),
        )

    def _handler_found(self, event: ExecutionStarted) -> None:
        lasted = event.put_back_for
        if lasted is not None and self._missing.found((event.task_type, event.handler_name)):
            self._log.info(
                f"There is a handler {event.handler_name!r} for the type {event.task_type} now:"
                f" {event.task_name}, which had been put back, begins",
                task=event.task_name,
                task_id=event.task_id,
                execution=event.execution_id,
                after_seconds=lasted.total_seconds(),
            )

    def _settled(self, event: ExecutionSettled) -> None:
        if event.outcome is AttemptOutcome.UNKNOWN_HANDLER and event.state is ExecutionState.PENDING:
            # Nothing began, and that its handler is missing is told already.
            return
        name, values = event.task_name, _settled_values(event)
        error = event.error.gist[:ERROR_CHARACTERS_MAX] if event.error else ""
        if event.state is ExecutionState.SUCCEEDED:
            self._log.info(f"Successfully executed task: {name}", **values)
        elif event.state is ExecutionState.DEAD:
            self._log.error(f"Failed task for good: {name}", error=error, **values)
        elif event.state is ExecutionState.RETRY_WAIT:
            again = event.retry_at.isoformat(timespec="seconds") if event.retry_at else ""
            self._log.warning(f"Failed task, will be retried: {name}", retry_at=again, error=error, **values)
        elif event.cancel is not None:
            by, reason = event.cancel.actor, event.cancel.reason
            self._log.info(f"Cancelled task: {name}", by=by, reason=reason, **values)
        else:
            self._log.info(f"Ended task: {name}", outcome=event.outcome, state=event.state, **values)

    def _rescued(self, event: ExecutionRescued) -> None:
        name = event.task_name or "an execution whose record cannot be read"
        values = {"task": event.task_name, "task_id": event.task_id, "execution": event.execution_id}
        if event.state is ExecutionState.DEAD:
            self._log.error(f"Failed task for good, its workers keep dying: {name}", **values, worker=event.worker_id)
        elif event.state is ExecutionState.CANCELLED:
            self._log.info(f"Cancelled task, its worker died: {name}", **values, worker=event.worker_id)
        else:
            self._log.warning(f"Starts again, its worker died: {name}", **values, worker=event.worker_id)

    def _dispatched(self, event: Dispatched) -> None:
        passed_over = {f"passed_over_{reason}": count for reason, count in event.passed_over}
        values = {"executions": event.executions, **passed_over, "late_seconds": event.lateness.total_seconds()}
        if event.committed and event.lateness > LATE_AFTER:
            self._log.warning("Dispatched late", **values)
        elif passed_over:
            self._log.info("Passed occurrences over", **values)
        elif event.executions:
            self._log.debug("Dispatched", **values)

    def _task(self, event: TaskChanged | TaskStopped | TaskQuarantined) -> None:
        match event:
            case TaskChanged():
                self._log.info(f"{_DEEDS[event.action]}: {event.task_name}", **_change_values(event))
            case TaskStopped():
                self._log.error(
                    f"Stopped task: {event.task_name} (executions in a row that failed for good: {event.failures};"
                    " resume it to go on)",
                    task=event.task_name,
                    task_id=event.task_id,
                )
            case TaskQuarantined():
                self._log.error(
                    f"Task {event.task_id} cannot be decided and is tried again at {event.look_at:%H:%M:%S}: "
                    f"{event.error}",
                    task_id=event.task_id,
                )
            case _:
                assert_never(event)

    def _streams(self, event: StreamsFailed | StreamsRecovered | StreamRefused) -> None:
        match event:
            case StreamsFailed():
                told = "Messages of external tasks cannot be sent and wait in the store, where nothing is lost"
                self._log.warning(f"{told}: {event.error}")
            case StreamsRecovered():
                self._log.info("Messages of external tasks are sent again", after_seconds=event.after.total_seconds())
            case StreamRefused():
                self._log.error(
                    f"The stream of the external type {event.task_type} takes no messages, which wait in the store:"
                    f" {event.error}",
                    task_type=event.task_type,
                )
            case _:
                assert_never(event)

    def _upkeep(self, event: ExecutionsExpired | ClockLeapt | StoreFailed | StoreRecovered | RecordsPruned) -> None:
        match event:
            case ExecutionsExpired():
                self._log.error(f"Gave up {event.count} execution(s): no worker has had their handler for an hour")
            case ClockLeapt():
                self._leapt(event)
            case StoreFailed():
                self._store_failed(event)
            case StoreRecovered():
                if (lasted := self._outage.recovered(event.doing)) is not None:
                    self._log.info("The store is back", after_seconds=lasted.total_seconds())
            case RecordsPruned():
                self._log.info(f"Forgot {event.count} records older than the retention")
            case _:
                assert_never(event)

    def _store_failed(self, event: StoreFailed) -> None:
        lasting = self._outage.failed(event.doing)
        if lasting is None:
            return
        begun = "failed" if not lasting else f"has failed for {lasting.total_seconds():.0f}s"
        self._log.warning(
            f"The store {begun} ({event.doing}): whatever needs it waits and is tried again, and nothing is lost:"
            f" {event.error}",
            doing=event.doing,
        )

    def _leapt(self, event: ClockLeapt) -> None:
        way = "ahead" if event.by > timedelta(0) else "back"
        then = f"; firing waits {_seconds(event.held)} for it to be set right" if event.held else ""
        self._log.error(f"The clock was set {way} by {_seconds(abs(event.by))}{then}")


def _settled_values(event: ExecutionSettled) -> dict[str, Any]:
    return {
        "task": event.task_name,
        "task_id": event.task_id,
        "execution": event.execution_id,
        "attempt": event.attempt,
        "took_seconds": event.took.total_seconds(),
    }


def _change_values(event: TaskChanged) -> dict[str, Any]:
    return {
        "task": event.task_name,
        "task_id": event.task_id,
        "by": event.actor,
        "via": event.via,
        "action": event.action,
        "reason": event.reason,
        "version": event.version,
        "execution": event.execution_id,
    }


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.3f}s"
