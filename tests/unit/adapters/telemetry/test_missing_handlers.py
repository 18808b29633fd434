"""A handler that is missing is told when that begins, now and then while it lasts, and once when it is over."""

from structlog.testing import capture_logs

from adapters.telemetry.log_observer import LogObserver
from adapters.telemetry.missing_handlers import HANDLERS_MAX, MissingHandlers
from domain.scheduling.events import Event, ExecutionSettled, ExecutionStarted, HandlerMissing
from domain.scheduling.execution import AttemptOutcome, ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from tests.support.builders import MINUTE, SECOND
from tests.support.manual_clock import ManualClock

TASK, ONE = TaskId("t1"), ExecutionId("e1")
REPORT = ("mail", "report")


def missing(handler: str = "report") -> HandlerMissing:
    return HandlerMissing(ONE, TASK, "nightly", "mail", handler)


def started(*, put_back: bool) -> ExecutionStarted:
    return ExecutionStarted(ONE, TASK, "nightly", "mail", 1, SECOND, "report", MINUTE if put_back else None)


def put_back() -> Event:
    outcome, state = AttemptOutcome.UNKNOWN_HANDLER, ExecutionState.PENDING
    return ExecutionSettled(ONE, TASK, "nightly", "mail", 1, outcome, state, SECOND)


def test_an_hour_of_it_is_a_warning_and_a_few_reminders() -> None:
    clock = ManualClock()
    log = LogObserver(clock)
    with capture_logs() as logged:
        for _ in range(61):
            log.observe(missing())
            log.observe(put_back())
            clock.advance(MINUTE)

    assert [(line["log_level"], line.get("put_back")) for line in logged] == [
        ("warning", None),
        ("warning", 10),
        ("warning", 20),
    ]
    assert ["still has no handler" in line["event"] for line in logged] == [False, True, True]


def test_that_it_is_there_is_told_once_and_what_missed_nothing_is_a_start_like_any() -> None:
    log = LogObserver(ManualClock())
    with capture_logs() as logged:
        for each in (started(put_back=True), started(put_back=True), started(put_back=False)):
            log.observe(each)

    assert logged[0]["event"].startswith("There is a handler 'report' for the type mail now: nightly")
    assert logged[0]["after_seconds"] == 60
    assert [line["event"] for line in logged[1:]] == 3 * ["Executing scheduled task: nightly"]


def test_each_handler_is_told_of_by_itself_and_what_was_quiet_begins_anew() -> None:
    clock = ManualClock()
    seen = MissingHandlers(clock)

    first = [seen.missed(REPORT), seen.missed(("mail", "bill")), seen.missed(REPORT)]
    clock.advance(6 * MINUTE)

    assert first == [0, 0, None]
    assert seen.missed(REPORT) == 0


def test_reminders_come_at_least_every_hour() -> None:
    clock = ManualClock()
    seen = MissingHandlers(clock)
    told = []
    for minute in range(6 * 60):
        if seen.missed(REPORT) is not None:
            told.append(minute)
        clock.advance(MINUTE)

    assert told == [0, 10, 30, 70, 130, 190, 250, 310]


def test_one_that_is_missed_again_after_it_was_there_is_told_again() -> None:
    seen = MissingHandlers(ManualClock())

    told = [seen.missed(REPORT), seen.found(REPORT), seen.found(REPORT), seen.missed(REPORT), seen.found(REPORT)]

    assert told == [0, True, False, 0, True]


def test_of_very_many_handlers_the_last_are_remembered() -> None:
    clock = ManualClock()
    seen = MissingHandlers(clock)
    for number in range(HANDLERS_MAX + 1):
        seen.missed(("mail", str(number)))

    assert (seen.missed(("mail", str(HANDLERS_MAX))), seen.missed(("mail", "0"))) == (None, 0)
