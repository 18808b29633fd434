"""Events as log lines: what an operator reads at three in the morning."""

from datetime import timedelta
from typing import assert_never

import structlog

from domain.scheduling.events import (
    ClaimLost,
    ClockLeapt,
    Dispatched,
    Event,
    ExecutionIsolated,
    ExecutionSettled,
    ExecutionsExpired,
    ExecutionsRescued,
    ExecutionStarted,
    RecordsPruned,
    StoreFailed,
    TaskQuarantined,
)
from domain.scheduling.execution import AttemptOutcome, ExecutionState

ERROR_CHARACTERS_MAX = 300
LATE_AFTER = timedelta(seconds=1)


class LogObserver:
    """`Observer` that writes structured lines; every event has one wording and one level, all of them here."""

    def __init__(self) -> None:
        self._log = structlog.get_logger()

    def observe(self, event: Event) -> None:
        """See the port."""
        match event:
            case ExecutionStarted():
                self._log.info(
                    f"Executing scheduled task: {event.task_name}",
                    execution=event.execution_id,
                    attempt=event.attempt,
                    waited=_seconds(event.waited),
                )
            case ExecutionIsolated():
                self._log.warning(
                    f"Runs alone: {event.task_name}; its worker died {event.rescues} times while running it, and if it "
                    "is what kills workers, it takes nobody with it",
                    execution=event.execution_id,
                )
            case ExecutionSettled():
                self._settled(event)
            case ClaimLost():
                self._log.warning(
                    f"Ran {event.task_name} in vain: its claim was taken over, another run counts",
                    execution=event.execution_id,
                )
            case Dispatched():
                self._dispatched(event)
            case _:
                self._upkeep(event)

    def _upkeep(
        self, event: ExecutionsRescued | ExecutionsExpired | TaskQuarantined | ClockLeapt | StoreFailed | RecordsPruned
    ) -> None:
        match event:
            case ExecutionsRescued():
                self._log.warning(
                    f"Took {event.count} execution(s) from a dead worker; they start again", worker=event.worker_id
                )
            case ExecutionsExpired():
                self._log.error(f"Gave up {event.count} execution(s): no worker has had their handler for an hour")
            case TaskQuarantined():
                self._log.error(
                    f"A task cannot be decided and is tried again at {event.look_at:%H:%M:%S}: {event.error}",
                    task=event.task_id,
                )
            case ClockLeapt():
                self._leapt(event)
            case StoreFailed():
                self._log.warning(f"The store does not answer ({event.doing}); trying again: {event.error}")
            case RecordsPruned():
                self._log.info(f"Forgot {event.count} records older than the retention")
            case _:
                assert_never(event)

    def _settled(self, event: ExecutionSettled) -> None:
        values = {"execution": event.execution_id, "attempt": event.attempt, "took": _seconds(event.took)}
        if event.outcome is AttemptOutcome.SUCCEEDED:
            self._log.info(f"Successfully executed task: {event.task_name}", **values)
            return
        error = event.error.gist[:ERROR_CHARACTERS_MAX] if event.error else ""
        if event.state is ExecutionState.DEAD:
            self._log.error(f"Failed task for good: {event.task_name}", error=error, **values)
        elif event.state is ExecutionState.RETRY_WAIT:
            self._log.warning(f"Failed task, will be retried: {event.task_name}", error=error, **values)
        else:
            self._log.info(f"Ended task: {event.task_name}", outcome=event.outcome, state=event.state, **values)

    def _leapt(self, event: ClockLeapt) -> None:
        way = "ahead" if event.by > timedelta(0) else "back"
        then = f"; firing waits {_seconds(event.held)} for it to be set right" if event.held else ""
        self._log.error(f"The clock was set {way} by {_seconds(abs(event.by))}{then}")

    def _dispatched(self, event: Dispatched) -> None:
        if event.committed and event.lateness > LATE_AFTER:
            self._log.warning("Dispatched late", executions=event.executions, late=_seconds(event.lateness))
        elif event.executions:
            self._log.debug("Dispatched", executions=event.executions, late=_seconds(event.lateness))


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.3f}s"
