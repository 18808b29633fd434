"""What the log says of a store that does not answer: that it began, now and then that it goes on, that it is over."""

from datetime import timedelta

from structlog.testing import capture_logs

from adapters.telemetry.log_observer import LogObserver
from adapters.telemetry.outage import REMIND_AFTER, REMIND_EVERY_MAX
from domain.scheduling.events import StoreFailed, StoreRecovered
from tests.support.builders import HOUR, SECOND
from tests.support.manual_clock import ManualClock

LOOPS = ("dispatch", "rescue", "announce", "news")


def outage(log: LogObserver, clock: ManualClock, length: timedelta) -> None:
    """Every loop asks once a second for so long, then each is answered."""
    for _ in range(length // SECOND):
        for each in LOOPS:
            log.observe(StoreFailed(each, "no answer"))
        clock.advance(SECOND)
    for each in LOOPS:
        log.observe(StoreRecovered(each))


def test_a_short_outage_is_two_lines_however_many_loops_meet_it() -> None:
    clock = ManualClock()
    with capture_logs() as logged:
        outage(LogObserver(clock), clock, 9 * SECOND)

    begin, end = logged
    assert begin["log_level"] == "warning"
    assert begin["event"].startswith("The store failed (dispatch): whatever needs it waits")
    assert begin["event"].endswith("no answer")
    assert end == {"event": "The store is back", "log_level": "info", "after_seconds": 9.0}


def test_a_long_outage_is_told_again_more_and_more_seldom() -> None:
    clock = ManualClock()
    with capture_logs() as logged:
        outage(LogObserver(clock), clock, HOUR)

    told = [line["event"].partition(" (")[0] for line in logged[1:-1]]
    at = [int(each.removeprefix("The store has failed for ").removesuffix("s")) for each in told]
    gaps = [later - earlier for earlier, later in zip([0, *at], at, strict=False)]
    assert at[0] == REMIND_AFTER.total_seconds()
    assert gaps == sorted(gaps)
    assert gaps[-1] == REMIND_EVERY_MAX.total_seconds()
    assert len(logged) < 20


def test_each_outage_is_told_from_its_beginning() -> None:
    clock = ManualClock()
    log = LogObserver(clock)
    with capture_logs() as logged:
        outage(log, clock, 60 * SECOND)
        outage(log, clock, SECOND)

    assert [line.get("after_seconds") for line in logged if "back" in line["event"]] == [60.0, 1.0]
    assert [line["event"] for line in logged][-2].startswith("The store failed (dispatch)")


def test_a_loop_that_goes_on_as_it_has_nothing_to_ask_ends_no_outage() -> None:
    clock = ManualClock()
    log = LogObserver(clock)
    with capture_logs() as logged:
        for each in ("claim", "heartbeat"):
            log.observe(StoreFailed(each, "no answer"))
        clock.advance(SECOND)
        log.observe(StoreRecovered("heartbeat"))
        clock.advance(SECOND)
        log.observe(StoreRecovered("claim"))

    assert [line.get("after_seconds") for line in logged] == [None, 2.0]
