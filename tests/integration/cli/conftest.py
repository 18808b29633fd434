"""Commands over a store of their own."""

from pathlib import Path

import pytest

from tests.support.commands import Run, commands_in


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in a folder with an empty store."""
    return commands_in(tmp_path, monkeypatch)
