"""Commands over a store of their own."""

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


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in a folder with an empty store."""
    monkeypatch.setenv("SCHEDULER_STORE_PATH", str(tmp_path / "scheduler.db"))
    monkeypatch.setenv("SCHEDULER_CONTENT_PATH", str(tmp_path / "content.db"))

    async def prepare() -> None:
        async with open_sqlite_store(tmp_path / "scheduler.db", SystemClock(), SystemEntropy()):
            pass

    asyncio.run(prepare())

    def invoke(*arguments: str, stdin: Any = None) -> Result:
        text = stdin if isinstance(stdin, str | bytes) or stdin is None else json.dumps(stdin)
        return CliRunner().invoke(main, arguments, input=text)

    return invoke
