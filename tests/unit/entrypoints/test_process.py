"""How a process ends: its exit code, and a line for what is ours to explain."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import cast

import pytest
import structlog

from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError
from application.scheduling.services.keep_membership import KeepMembership
from domain.errors import DomainError
from entrypoints.process import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_UNREACHABLE,
    EXIT_USAGE,
    CannotServeError,
    run,
    take_leave,
)
from entrypoints.settings import InvalidSettingsError
from tests.support.repository import ROOT


@pytest.fixture(autouse=True)
def _no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test process keeps its own signal handlers."""

    async def call(main: Callable[[asyncio.Event], Awaitable[int]]) -> int:
        return await main(asyncio.Event())

    monkeypatch.setattr("entrypoints.process._until_signalled", call)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (StoreRefusedError("a newer schema"), EXIT_UNREACHABLE, "Cannot go on"),
        (CannotServeError("a port that is taken"), EXIT_UNREACHABLE, "Cannot go on"),
        (DomainError("a rule"), EXIT_FAILED, "Cannot go on"),
        (RuntimeError("a bug"), EXIT_FAILED, "Ended by an error that nobody expected"),
        (
            ExceptionGroup("several", [ExceptionGroup("inner", [StoreRefusedError("x")])]),
            EXIT_UNREACHABLE,
            "Cannot go on",
        ),
    ],
    ids=repr,
)
def test_an_error_ends_the_process_with_its_code_and_a_word(error: Exception, code: int, told: str) -> None:
    async def main(_stop: asyncio.Event) -> int:
        raise error

    with structlog.testing.capture_logs() as logged:
        assert run(main) == code

    assert [line["event"] for line in logged] == [told]


def test_settings_that_prove_wrong_later_are_told_like_those_at_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    async def main(_stop: asyncio.Event) -> int:
        async with asyncio.TaskGroup():
            raise InvalidSettingsError(("SCHEDULER_PROCESSORS: x is wrong",))

    assert run(main) == EXIT_USAGE
    assert capsys.readouterr().err == "SCHEDULER_PROCESSORS: x is wrong\n"


def test_the_exit_code_is_what_main_says() -> None:
    async def main(stop: asyncio.Event) -> int:
        return EXIT_OK if not stop.is_set() else EXIT_FAILED

    assert run(main) == EXIT_OK


CHILD = """
import asyncio, subprocess, sys, threading
from entrypoints.process import run_child
async def main():
    threading.Thread(target=threading.Event().wait).start()
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    print("written, not flushed", end="")
    if sys.argv[1] == "bug":
        raise RuntimeError("a bug")
    if sys.argv[1] == "exit":
        raise SystemExit("a stray exit")
    if sys.argv[1] == "program":
        program = subprocess.Popen(["sleep", "15"])
        program.terminate()
        return -program.wait()
    return 7
run_child(main)
"""


@pytest.mark.parametrize(
    ("ends", "code", "told"), [("well", 7, ""), ("bug", EXIT_FAILED, "a bug"), ("exit", EXIT_FAILED, "a stray exit")]
)
def test_a_child_ends_at_once_though_threads_of_it_go_on(
    ends: str, code: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)

    ended = subprocess.run(
        [sys.executable, "-c", CHILD, ends], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )

    assert ended.returncode == code, ended.stderr
    assert "written, not flushed" in ended.stdout
    assert told in ended.stdout + ended.stderr


def test_programs_that_a_child_starts_can_be_terminated() -> None:
    ended = subprocess.run([sys.executable, "-c", CHILD, "program"], cwd=ROOT, timeout=20, check=False)

    assert ended.returncode == signal.SIGTERM


class Leaving:
    """A member that takes its leave from a store that answers as told."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def leave(self) -> None:
        if self._error is None:
            await asyncio.Event().wait()
        else:
            raise self._error


@pytest.mark.parametrize("error", [StoreUnavailableError("busy"), StoreRefusedError("read-only"), None], ids=repr)
async def test_a_leave_that_the_store_does_not_hear_is_told_and_no_error(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.process.LEAVE_WITHIN", timedelta(0))

    with structlog.testing.capture_logs() as logged:
        await take_leave(cast(KeepMembership, Leaving(error)))

    (line,) = logged
    assert (line["log_level"], line["because"]) == ("warning", str(error or "no answer"))
