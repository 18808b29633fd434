"""What the log says of each event, how loud, and what of it a program finds beside the sentence."""

from datetime import timedelta
from typing import Any, get_args

import pytest
from structlog.testing import capture_logs

from adapters.telemetry.log_observer import ERROR_CHARACTERS_MAX, LogObserver
from domain.scheduling.change import ChangeAction, Via
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
from domain.scheduling.execution import AttemptOutcome, CancelRequest, ErrorReport, ExecutionState
from domain.scheduling.identifiers import ExecutionId, NodeId, TaskId
from domain.scheduling.task import SkipReason
from tests.support.builders import HOUR, MINUTE, SECOND
from tests.support.manual_clock import NOON, ManualClock

TASK, ONE, WORKER = TaskId("t1"), ExecutionId("e1"), NodeId("w1")
NOTHING = timedelta(0)
OF_TASK = {"task": "report", "task_id": TASK}
OF_ONE = OF_TASK | {"execution": ONE}
ENDED = OF_ONE | {"attempt": 2, "took_seconds": 1.5}


def settled(outcome: AttemptOutcome, state: ExecutionState, **more: Any) -> ExecutionSettled:
    return ExecutionSettled(ONE, TASK, "report", "mail", 2, outcome, state, 1.5 * SECOND, **more)


def rescued(state: ExecutionState, name: str = "report") -> ExecutionRescued:
    return ExecutionRescued(ONE, TASK if name else None, name, WORKER, state)


LINES: list[tuple[Event, str, str, dict[str, Any]]] = [
    (
        HandlerMissing(ONE, TASK, "report", "mail", "the report"),
        "warning",
        (
            "This worker has no handler 'the report' for the type mail: put back is report, which another worker may "
            "run, and which is given up when none has for an hour"
        ),
        OF_ONE,
    ),
    (
        ExecutionStarted(ONE, TASK, "report", "mail", 1, 2 * SECOND),
        "info",
        "Executing scheduled task: report",
        OF_ONE | {"attempt": 1, "waited_seconds": 2.0},
    ),
    (
        ExecutionIsolated(ONE, "report", 3),
        "warning",
        (
            "Runs alone: report; its worker died 3 times while running it, and if it is what kills workers, it takes"
            " nobody with it"
        ),
        {"task": "report", "execution": ONE},
    ),
    (
        settled(AttemptOutcome.SUCCEEDED, ExecutionState.SUCCEEDED),
        "info",
        "Successfully executed task: report",
        ENDED,
    ),
    (
        settled(AttemptOutcome.TIMEOUT, ExecutionState.RETRY_WAIT, error=ErrorReport("timeout", "late"), retry_at=NOON),
        "warning",
        "Failed task, will be retried: report",
        ENDED | {"error": "timeout: late", "retry_at": "2024-01-15T12:00:00+00:00"},
    ),
    (
        settled(AttemptOutcome.FAILED, ExecutionState.DEAD, error=ErrorReport("E", "x" * 1_000)),
        "error",
        "Failed task for good: report",
        ENDED | {"error": ("E: " + "x" * 1_000)[:ERROR_CHARACTERS_MAX]},
    ),
    (
        settled(AttemptOutcome.CANCELLED, ExecutionState.CANCELLED, cancel=CancelRequest(NOON, "ana", "wrong address")),
        "info",
        "Cancelled task: report",
        ENDED | {"by": "ana", "reason": "wrong address"},
    ),
    (
        settled(AttemptOutcome.SUCCEEDED, ExecutionState.DEAD, error=ErrorReport("E", "too often")),
        "error",
        "Failed task for good: report",
        ENDED | {"error": "E: too often"},
    ),
    (
        settled(AttemptOutcome.HANDED_BACK, ExecutionState.PENDING),
        "info",
        "Ended task: report",
        ENDED | {"outcome": "handed_back", "state": "pending"},
    ),
    (
        ClaimLost(ONE, "report"),
        "warning",
        "Ran report in vain: its claim was taken over, or the store was silent for too long; another run counts",
        {"task": "report", "execution": ONE},
    ),
    (
        rescued(ExecutionState.PENDING),
        "warning",
        "Starts again, its worker died: report",
        OF_ONE | {"worker": WORKER},
    ),
    (
        rescued(ExecutionState.PENDING, ""),
        "warning",
        "Starts again, its worker died: an execution whose record cannot be read",
        {"task": "", "task_id": None, "execution": ONE, "worker": WORKER},
    ),
    (
        rescued(ExecutionState.DEAD),
        "error",
        "Failed task for good, its workers keep dying: report",
        OF_ONE | {"worker": WORKER},
    ),
    (
        rescued(ExecutionState.CANCELLED),
        "info",
        "Cancelled task, its worker died: report",
        OF_ONE | {"worker": WORKER},
    ),
    (
        ExecutionsExpired(2),
        "error",
        "Gave up 2 execution(s): no worker has had their handler for an hour",
        {},
    ),
    (
        Dispatched(3, 2, 0, HOUR, ((SkipReason.MISFIRE, 18), (SkipReason.OVERLAP, 1))),
        "warning",
        "Dispatched late",
        {"executions": 2, "passed_over_misfire": 18, "passed_over_overlap": 1, "late_seconds": 3600.0},
    ),
    (
        Dispatched(1, 0, 0, NOTHING, ((SkipReason.OVERLAP, 1),)),
        "info",
        "Passed occurrences over",
        {"executions": 0, "passed_over_overlap": 1, "late_seconds": 0.0},
    ),
    (Dispatched(1, 1, 0, NOTHING), "debug", "Dispatched", {"executions": 1, "late_seconds": 0.0}),
    (
        TaskChanged(TASK, "report", 4, ChangeAction.PAUSE, "ana", Via.CLI, "holidays"),
        "info",
        "Paused task: report",
        OF_TASK | {"by": "ana", "via": "cli", "action": "pause", "reason": "holidays", "version": 4, "execution": None},
    ),
    (
        TaskStopped(TASK, "report", 3),
        "error",
        "Stopped task: report (executions in a row that failed for good: 3; resume it to go on)",
        OF_TASK,
    ),
    (
        TaskQuarantined(TASK, "no such zone", NOON + 5 * MINUTE),
        "error",
        "Task t1 cannot be decided and is tried again at 12:05:00: no such zone",
        {"task_id": TASK},
    ),
    (
        ClockLeapt(HOUR, MINUTE),
        "error",
        "The clock was set ahead by 3600.000s; firing waits 60.000s for it to be set right",
        {},
    ),
    (ClockLeapt(-HOUR, NOTHING), "error", "The clock was set back by 3600.000s", {}),
    (
        StoreFailed("dispatch", "locked"),
        "warning",
        "The store failed (dispatch): whatever needs it waits and is tried again, and nothing is lost: locked",
        {"doing": "dispatch"},
    ),
    (
        StreamsFailed("redis:6379 did not answer in time"),
        "warning",
        (
            "Messages of external tasks cannot be sent and wait in the store, where nothing is lost:"
            " redis:6379 did not answer in time"
        ),
        {},
    ),
    (StreamsRecovered(MINUTE), "info", "Messages of external tasks are sent again", {"after_seconds": 60.0}),
    (
        StreamRefused("mail", "no stream"),
        "error",
        "The stream of the external type mail takes no messages, which wait in the store: no stream",
        {"task_type": "mail"},
    ),
    (RecordsPruned(7), "info", "Forgot 7 records older than the retention", {}),
]


@pytest.mark.parametrize(("event", "level", "sentence", "values"), LINES)
def test_every_event_is_one_line_in_these_words(
    event: Event, level: str, sentence: str, values: dict[str, Any]
) -> None:
    with capture_logs() as logged:
        LogObserver(ManualClock()).observe(event)

    assert logged == [{"event": sentence, "log_level": level, **values}]


def test_no_event_is_without_its_line() -> None:
    # That the store is back is told of an outage that was: test_outage.py.
    assert {type(event) for event, *_ in LINES} | {StoreRecovered} == set(get_args(Event))


def test_a_pass_without_anything_to_tell_is_told_by_nobody() -> None:
    with capture_logs() as logged:
        LogObserver(ManualClock()).observe(Dispatched(1, 0, 1, NOTHING))

    assert logged == []


@pytest.mark.parametrize("action", ChangeAction)
def test_every_deed_of_people_has_its_sentence(action: ChangeAction) -> None:
    with capture_logs() as logged:
        LogObserver(ManualClock()).observe(TaskChanged(TASK, "report", None, action, "ana", Via.API))

    (line,) = logged
    assert line["event"].endswith(" task: report") or " task " in line["event"]
