"""Events as numbers: what happened, counted; nothing comes back."""

from datetime import timedelta
from typing import assert_never

from adapters.telemetry.meter import Meter
from application.scheduling.ports.metrics import (
    ATTEMPT_DURATION,
    ATTEMPTS,
    CHANGES,
    CLAIMS_LOST,
    CLOCK_LEAPS,
    EXECUTIONS_DISPATCHED,
    EXPIRED,
    FIRINGS,
    ISOLATIONS,
    LATENESS,
    PASSED_OVER,
    PASSES_FAILED,
    QUARANTINES,
    RECORDS_PRUNED,
    RESCUES,
    START_WAIT,
    TASKS_STOPPED,
)
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


class MetricsObserver:
    """`Observer` that counts."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def observe(self, event: Event) -> None:
        """See the port."""
        match event:
            case Dispatched():
                self._dispatched(event)
            case ExecutionStarted():
                self._meter.lasted(START_WAIT, duration=event.waited)
            case ExecutionSettled():
                self._settled(event)
            case TaskChanged():
                self._meter.add(CHANGES, event.action, event.via)
            case ExecutionRescued():
                self._meter.add(RESCUES, event.state)
            case _:
                self._seldom(event)

    def _dispatched(self, event: Dispatched) -> None:
        answers = {"committed": event.committed, "moved": event.moved, "too_early": event.too_early}
        for answer, count in answers.items():
            if count:
                self._meter.add(FIRINGS, answer, amount=count)
        for reason, count in event.passed_over:
            self._meter.add(PASSED_OVER, reason, amount=count)
        if event.executions:
            self._meter.add(EXECUTIONS_DISPATCHED, amount=event.executions)
            self._meter.spread(LATENESS, spread=event.waits)

    def _settled(self, event: ExecutionSettled) -> None:
        self._meter.add(ATTEMPTS, event.task_type, event.outcome, event.state)
        self._meter.lasted(ATTEMPT_DURATION, event.task_type, duration=event.took)

    def _seldom(
        self,
        event: ExecutionIsolated
        | HandlerMissing
        | ClaimLost
        | ExecutionsExpired
        | TaskStopped
        | TaskQuarantined
        | ClockLeapt
        | StoreFailed
        | StoreRecovered
        | StreamsFailed
        | StreamsRecovered
        | StreamRefused
        | RecordsPruned,
    ) -> None:
        match event:
            case ExecutionIsolated():
                self._meter.add(ISOLATIONS)
            case ClaimLost():
                self._meter.add(CLAIMS_LOST)
            case ExecutionsExpired():
                self._meter.add(EXPIRED, amount=event.count)
            case TaskStopped():
                self._meter.add(TASKS_STOPPED)
            case TaskQuarantined():
                self._meter.add(QUARANTINES)
            case ClockLeapt():
                self._meter.add(CLOCK_LEAPS, "ahead" if event.by > timedelta(0) else "back")
            case StoreFailed():
                self._meter.add(PASSES_FAILED, event.doing)
            case HandlerMissing() | StoreRecovered() | StreamsFailed() | StreamsRecovered() | StreamRefused():
                pass
            case RecordsPruned():
                self._meter.add(RECORDS_PRUNED, amount=event.count)
            case _:
                assert_never(event)
