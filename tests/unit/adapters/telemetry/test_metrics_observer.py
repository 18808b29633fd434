"""What is counted of each event."""

from datetime import timedelta
from typing import get_args

import pytest

from adapters.telemetry.every_observer import EveryObserver
from adapters.telemetry.exposition import Exposition
from adapters.telemetry.meter import Meter
from adapters.telemetry.metrics_observer import MetricsObserver
from domain.scheduling.change import ChangeAction, Via
from domain.scheduling.durations import Spread
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
from domain.scheduling.identifiers import ExecutionId, NodeId, TaskId
from domain.scheduling.task import SkipReason
from tests.support.builders import HOUR, MINUTE, SECOND
from tests.support.exposition import samples_of, value
from tests.support.manual_clock import NOON
from tests.support.recorders import RecordingObserver

TASK, ONE, SECRET = TaskId("t1"), ExecutionId("e1"), "hunter2"
FIRED = Dispatched(3, 2, 4, HOUR, ((SkipReason.OVERLAP, 7),), Spread.of([HOUR, SECOND]), 5)
DEAD = ExecutionSettled(ONE, TASK, SECRET, "mail", 1, AttemptOutcome.TIMEOUT, ExecutionState.DEAD, 2 * MINUTE)
COUNTED: list[tuple[Event, str, dict[str, str], float]] = [
    (FIRED, "executions_dispatched_total", {}, 2),
    (FIRED, "firings_total", {"answer": "committed"}, 3),
    (FIRED, "firings_total", {"answer": "moved"}, 4),
    (FIRED, "firings_total", {"answer": "too_early"}, 5),
    (FIRED, "occurrences_passed_over_total", {"reason": "overlap"}, 7),
    (FIRED, "dispatch_lateness_seconds_bucket", {"le": "1.0"}, 1),
    (FIRED, "dispatch_lateness_seconds_sum", {}, 3601),
    (ExecutionStarted(ONE, TASK, SECRET, "mail", 1, 2 * SECOND), "start_wait_seconds_sum", {}, 2),
    (DEAD, "attempts_settled_total", {"task_type": "mail", "outcome": "timeout", "state": "dead"}, 1),
    (DEAD, "attempt_duration_seconds_sum", {"task_type": "mail"}, 120),
    (ClaimLost(ONE, SECRET), "claims_lost_total", {}, 1),
    (
        ExecutionRescued(ONE, TASK, SECRET, NodeId("w"), ExecutionState.PENDING),
        "executions_rescued_total",
        {"state": "pending"},
        1,
    ),
    (ExecutionIsolated(ONE, SECRET, 2), "executions_isolated_total", {}, 1),
    (ExecutionsExpired(6), "executions_expired_total", {}, 6),
    (TaskStopped(TASK, SECRET, 3), "tasks_stopped_total", {}, 1),
    (TaskQuarantined(TASK, SECRET, NOON), "quarantines_total", {}, 1),
    (
        TaskChanged(TASK, SECRET, 1, ChangeAction.EDIT, SECRET, Via.API, SECRET),
        "task_changes_total",
        {"action": "edit", "via": "api"},
        1,
    ),
    (ClockLeapt(HOUR, MINUTE), "clock_leaps_total", {"direction": "ahead"}, 1),
    (ClockLeapt(-HOUR, timedelta(0)), "clock_leaps_total", {"direction": "back"}, 1),
    (StoreFailed("dispatch", SECRET), "passes_failed_total", {"loop": "dispatch"}, 1),
    (RecordsPruned(9), "records_pruned_total", {}, 9),
]


@pytest.mark.parametrize(("event", "name", "labels", "count"), COUNTED)
def test_an_event_is_counted_and_no_name_or_text_of_it_is_told(
    event: Event, name: str, labels: dict[str, str], count: float
) -> None:
    meter = Meter()

    MetricsObserver(meter).observe(event)

    text = Exposition(meter).text({})
    assert value(samples_of(text), name, **labels) == count
    assert SECRET.encode() not in text


def test_every_kind_of_event_is_counted_but_what_is_counted_otherwise() -> None:
    untold = {HandlerMissing, StoreRecovered, StreamRefused, StreamsFailed, StreamsRecovered}
    assert {type(event) for event, *_ in COUNTED} | untold == set(get_args(Event))


def test_of_several_observers_each_hears_every_event() -> None:
    one, other = RecordingObserver(), RecordingObserver()

    EveryObserver(one, other).observe(FIRED)

    assert one.seen(Dispatched) == other.seen(Dispatched) == [FIRED]
