"""The command line over a store in a folder of its own."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.sql.store import open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from entrypoints.cli.main import main

Run = Callable[..., Result]


def commands_in(folder: Path, settings: pytest.MonkeyPatch) -> Run:
    """Commands over an empty store; `stdin` is sent as it is if it is text or bytes, anything else as JSON."""
    settings.setenv("SCHEDULER_STORE_PATH", str(folder / "scheduler.db"))
    settings.setenv("SCHEDULER_CONTENT_PATH", str(folder / "content.db"))

    async def prepare() -> None:
        async with open_sqlite_store(folder / "scheduler.db", SystemClock(), SystemEntropy()):
            pass

    asyncio.run(prepare())

    def run(*arguments: str, stdin: Any = None) -> Result:
        text = stdin if isinstance(stdin, str | bytes) or stdin is None else json.dumps(stdin)
        return CliRunner().invoke(main, arguments, input=text)

    return run
