"""How a process ends: its exit code, and a line for what is ours to explain."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import structlog

from application.scheduling.ports.errors import StoreRefusedError
from domain.errors import DomainError
from entrypoints.process import EXIT_FAILED, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE, run
from entrypoints.settings import InvalidSettingsError


@pytest.fixture(autouse=True)
def _no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test process keeps its own signal handlers."""

    async def call(main: Callable[[asyncio.Event], Awaitable[int]], _signals: bool) -> int:
        return await main(asyncio.Event())

    monkeypatch.setattr("entrypoints.process._with_signals", call)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (StoreRefusedError("a newer schema"), EXIT_UNREACHABLE, "Cannot go on"),
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
