"""How log lines look, and what of them reaches the page of an execution."""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from adapters.telemetry.log_observer import LogObserver
from application.scheduling.processors import Run
from application.scheduling.services.run_execution import CURRENT_ATTEMPT
from domain.scheduling.sharing import EVERYTHING
from entrypoints.logs import capture_lines, configure_logging
from tests.support.builders import SECOND
from tests.support.house import House, open_house
from tests.support.manual_clock import ManualClock

Written = Callable[[], str]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """What was logged since the last time it was asked; afterwards logging is as it was."""
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    # Without this, setting up logging anew would close the handlers of pytest.
    root.handlers[:] = []
    yield lambda: capsys.readouterr().err
    structlog.reset_defaults()
    root.setLevel(before[0])
    root.handlers[:] = before[1]


async def ran(observer: LogObserver) -> None:
    """One successful run, two seconds late and three long, told to this observer."""
    async with open_house() as house:

        @house.processors.task("maintenance")
        async def cleanup(payload: dict[str, Any], run: Run) -> None:
            house.clock.advance(3 * SECOND)

        await house.run_now(await house.create("cleanup_old_activities", task_type="maintenance"))
        told: Any = observer
        house.observer = told
        house.clock.advance(2 * SECOND)
        await house.work(house.perform())


async def test_the_guides_two_lines_are_as_the_guide_has_them(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamps = iter(["2024-01-15 02:00:00", "2024-01-15 02:00:05"])
    monkeypatch.setattr(
        "structlog.processors.TimeStamper",
        lambda **_options: lambda _logger, _name, event: {**event, "timestamp": next(stamps)},
    )
    configure_logging("human", "info")

    await ran(LogObserver(ManualClock()))

    started, settled = written().splitlines()
    assert started.startswith("2024-01-15 02:00:00 - Executing scheduled task: cleanup_old_activities  (execution=")
    assert started.endswith(" attempt=1 waited=2.000s)")
    assert settled.startswith("2024-01-15 02:00:05 - Successfully executed task: cleanup_old_activities  (execution=")
    assert settled.endswith(" attempt=1 took=3.000s)")


async def test_programs_find_task_execution_and_seconds_beside_the_sentence(written: Written) -> None:
    configure_logging("json", "info")

    await ran(LogObserver(ManualClock()))

    started, settled = map(json.loads, written().splitlines())
    assert started["task"] == settled["task"] == "cleanup_old_activities"
    assert started["task_id"] == settled["task_id"] != ""
    assert started["execution"] == settled["execution"] != ""
    assert (started["waited_seconds"], settled["took_seconds"]) == (2.0, 3.0)


def test_a_human_line_begins_with_its_second(written: Written) -> None:
    configure_logging("human", "info")

    structlog.get_logger().warning("Careful", why="because", nothing=None, empty="", zero=0)

    (line,) = written().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", line[:19])
    assert line[19:] == " - WARNING: Careful  (why=because zero=0)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x9b2J", "\\x9b2J"),
        ("\u2028", "\\u2028"),
        ("\u202egnp", "\\u202egnp"),
        ("\x00", "\\x00"),
        ("\ud800", "\\ud800"),
        ("häßlich 😀", "häßlich 😀"),
    ],
    ids=ascii,
)
def test_nothing_in_a_human_line_can_end_it_or_move_the_cursor(written: Written, text: str, shown: str) -> None:
    configure_logging("human", "info")

    structlog.get_logger().info(f"Event {text}", value=text)
    logging.getLogger("library").warning("Foreign %s", text)

    ours, foreign = written().split("\n")[:2]
    assert ours.endswith(f" - Event {shown}  (value={shown})")
    assert foreign.endswith(f" - WARNING: Foreign {shown}")


def test_a_traceback_is_indented_and_cannot_pass_for_lines_of_the_log(written: Written) -> None:
    configure_logging("human", "info")

    try:
        raise RuntimeError("x\n2024-01-15 02:00:00 - Executing scheduled task: forged\x1b[2J")
    except RuntimeError:
        structlog.get_logger().exception("It broke")

    text = written()
    first, *rest = text.splitlines()
    assert first.endswith("ERROR: It broke")
    assert rest
    assert all(line.startswith("    ") for line in rest)
    assert "\x1b" not in text


def test_a_json_line_is_one_ascii_object(written: Written) -> None:
    configure_logging("json", "info")

    try:
        raise RuntimeError("no")
    except RuntimeError:
        structlog.get_logger().exception("It\nbroke", value="ä\u202e\ud800")
    logging.getLogger("library").warning("Foreign")

    text = written()
    ours, foreign = map(json.loads, text.splitlines())
    assert text.isascii()
    assert (ours["event"], ours["level"], ours["value"]) == ("It\nbroke", "error", "ä\u202e\ud800")
    assert "RuntimeError: no" in ours["exception"]
    assert ours["timestamp"].endswith("Z")
    assert (foreign["event"], foreign["level"]) == ("Foreign", "warning")


def test_a_stream_that_is_no_terminal_gets_json_by_default(written: Written) -> None:
    configure_logging("auto", "info")

    structlog.get_logger().info("Hello")

    assert json.loads(written())["event"] == "Hello"


def test_only_what_is_as_grave_as_asked_for_is_shown(written: Written) -> None:
    configure_logging("human", "error")

    structlog.get_logger().warning("Careful")
    logging.getLogger("library").warning("Careful")
    structlog.get_logger().error("Broken")

    (line,) = written().splitlines()
    assert line.endswith("ERROR: Broken")


@pytest.mark.parametrize("level", ["debug", "error"])
async def test_what_a_handler_logs_reaches_its_page_whatever_is_shown(written: Written, level: str) -> None:
    configure_logging("json", level)
    capture_lines()
    async with open_house() as house:
        attempt = await house.attempt()

        async def handler() -> None:
            CURRENT_ATTEMPT.set(attempt)
            logging.getLogger("users").info("%d rows", 3)
            logging.getLogger("users").debug("not this")
            structlog.get_logger().warning("structured", rows=3)
            logging.getLogger("users").info("%d rows", "three")
            try:
                raise RuntimeError("no")
            except RuntimeError:
                logging.getLogger("users").exception("plain")
                structlog.get_logger().exception("structured")

        async with asyncio.TaskGroup() as group:
            group.create_task(handler())
        logging.getLogger("users").error("somebody else's")
        lines = [(line.level, line.text) for line in attempt.log.taken()]

    assert lines[:2] == [("info", "3 rows"), ("warning", "structured rows=3")]
    assert [text.partition(r"\n")[0] for _, text in lines[2:]] == ["plain", "structured"]
    assert all("RuntimeError: no" in text for _, text in lines[2:])


async def test_what_the_service_logs_of_a_run_is_not_on_its_page(written: Written) -> None:
    configure_logging("json", "info")
    capture_lines()

    await ran(LogObserver(ManualClock()))

    assert len(written().splitlines()) == 2


async def test_a_pass_on_time_is_not_worth_a_line(written: Written) -> None:
    configure_logging("human", "info")
    async with open_house() as house:
        await _fire_once(house)

    assert written() == ""


async def _fire_once(house: House) -> None:
    task = await house.create()
    told: Any = LogObserver(ManualClock())
    house.observer = told
    assert task.next_occurrence is not None
    house.clock.advance_to(task.next_occurrence.run_at)
    await house.dispatch.run_once(EVERYTHING)


def test_every_line_for_programs_says_which_process_it_is_from_and_which_request(written: Written) -> None:
    configure_logging("json", "info", "node-1")

    structlog.get_logger().info("Ours")
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        logging.getLogger("library").warning("Foreign")
        structlog.get_logger().info("Of another", node="node-2")
    logging.getLogger("library").warning("Later")

    told = [json.loads(line) for line in written().splitlines()]
    assert [line["node"] for line in told] == ["node-1", "node-1", "node-2", "node-1"]
    assert [line.get("request_id") for line in told] == [None, "r1", "r1", None]


async def test_what_a_handler_logs_says_which_attempt_it_is_of(written: Written) -> None:
    configure_logging("json", "info", "node-1")
    async with open_house() as house:

        @house.processors.task("mail")
        async def handler(payload: dict[str, Any], run: Run) -> None:
            logging.getLogger("users").warning('One row\n{"event": "forged"}\u2028')

        task = await house.create()
        execution_id = await house.run_now(task)
        await house.work(house.perform())

    (line,) = written().splitlines()
    told = json.loads(line)
    assert (told["task_id"], told["execution"], told["attempt"]) == (task.id, execution_id, 1)
    assert told["event"].startswith("One row\n")
