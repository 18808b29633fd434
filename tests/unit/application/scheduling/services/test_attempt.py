"""What a running handler may say, and how it is stopped: from any thread, once, within bounds."""

from typing import Any

import pytest

from application.scheduling.ports.execution_store import Progress
from application.scheduling.processors import RunCancelledError
from application.scheduling.services.attempt import COUNT_MAX, Hurry
from application.scheduling.services.attempt_log import LINE_CHARACTERS_MAX, LINES_MAX, LINES_WAITING_MAX
from tests.support.house import House


async def test_the_last_progress_is_carried_once(house: House) -> None:
    attempt = await house.attempt()

    attempt.progress(1)
    attempt.progress(2, 10, "half\x00way" + "x" * 500)

    assert attempt.beat().progress == Progress(2, 10, ("half\\u0000way" + "x" * 500)[:205])
    assert attempt.beat().progress is None


@pytest.mark.parametrize(("done", "kept"), [(10**30, COUNT_MAX), (-5, 0), (True, 1), (2.9, 2)])
async def test_progress_is_kept_within_what_a_store_can_keep(house: House, done: Any, kept: int) -> None:
    attempt = await house.attempt()

    attempt.progress(done, done)

    assert attempt.beat().progress == Progress(kept, kept)


@pytest.mark.parametrize("done", ["many", None, float("inf")], ids=repr)
async def test_progress_that_is_no_count_is_the_handlers_own_error(house: House, done: Any) -> None:
    attempt = await house.attempt()

    with pytest.raises((TypeError, ValueError, OverflowError)):
        attempt.progress(done)


async def test_what_could_not_be_sent_goes_first_next_time(house: House) -> None:
    attempt = await house.attempt()
    attempt.log.info("one")
    attempt.progress(1)
    beat = attempt.beat()
    attempt.log.info("two", level=3, text="odd")

    attempt.unsent(beat)

    again = attempt.beat()
    assert [line.text for line in again.log] == ["one", "two level=3 text=odd"]
    assert again.progress == Progress(1)


async def test_newer_progress_is_not_put_back_by_older(house: House) -> None:
    attempt = await house.attempt()
    attempt.progress(1)
    beat = attempt.beat()
    attempt.progress(2)

    attempt.unsent(beat)

    assert attempt.beat().progress == Progress(2)


async def test_lines_are_bounded_in_length_and_number_and_the_rest_is_counted(house: House) -> None:
    log = (await house.attempt()).log

    for number in range(LINES_WAITING_MAX + 5):
        log.warning("x" * 10_000, number=number)
    lines = log.taken()

    assert len(lines) == LINES_WAITING_MAX + 1
    assert len(lines[0].text) == LINE_CHARACTERS_MAX
    assert lines[-1].text == "5 lines were dropped: too many"
    log.put_back(lines)
    log.info("later")
    assert [line.text for line in log.taken()[-2:]] == [
        "5 lines were dropped: too many",
        "1 lines were dropped: too many",
    ]


async def test_lines_are_bounded_over_the_whole_attempt(house: House) -> None:
    log = (await house.attempt()).log

    kept = 0
    for _ in range(LINES_MAX // LINES_WAITING_MAX + 1):
        for _ in range(LINES_WAITING_MAX):
            log.debug("x")
        kept += sum(line.text == "x" for line in log.taken())

    assert kept == LINES_MAX


async def test_a_line_has_its_instant_and_level_and_nothing_a_store_cannot_keep(house: House) -> None:
    log = (await house.attempt()).log

    log.error("a\x00b", half="\ud800")

    (line,) = log.taken()
    assert (line.at, line.level, line.text) == (house.clock.now(), "error", "a\\x00b half=\\ud800")


async def test_a_checkpoint_stops_what_was_cancelled_lost_or_out_of_time(house: House) -> None:
    attempt = await house.attempt()
    attempt.checkpoint()

    attempt.hurry(Hurry.TIMEOUT)

    assert not attempt.is_cancelled
    with pytest.raises(RunCancelledError):
        attempt.checkpoint()


async def test_a_handler_is_interrupted_once_whoever_asks_and_however_often(house: House) -> None:
    attempt = await house.attempt()
    interrupts: list[str] = []

    attempt.ask_to_stop()
    attempt.interruptible(lambda: interrupts.append("now"))
    attempt.ask_to_stop()
    attempt.lose()

    assert interrupts == ["now"]


async def test_a_line_stays_one_line_and_tells_no_secret(house: House) -> None:
    log = (await house.attempt()).log

    log.info("evil\n{}\x1b[31m", password="hunter2")

    (line,) = log.taken()
    assert line.text == "evil\\n{}\\x1b[31m password=***"
