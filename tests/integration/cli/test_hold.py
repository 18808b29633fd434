"""The maintenance switch by the command line, over a real store."""

import json
from pathlib import Path

import pytest

from tests.support.commands import commands_in


def test_a_hold_is_told_until_it_is_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = commands_in(tmp_path, monkeypatch)

    held, again = run("hold", "--reason", "new disks"), run("hold", "--reason", "mine, too")
    health = run("health")
    told = json.loads(run("health", "--output", "json").stdout)["held"]
    released, twice = run("release"), run("release")
    records = json.loads(run("access", "list", "--output", "json").stdout)

    assert held.stdout.startswith("Held since ")
    assert "Held already" in again.stdout
    assert health.stdout.startswith(f"All firing is held, by {told['actor']}: new disks")
    assert released.stdout.startswith("Released.")
    assert (twice.exit_code, twice.stdout) == (0, "Nothing was held.\n")
    assert [(each["what"], each["details"]) for each in records] == [
        ("firing_released", ""),
        ("firing_held", "new disks"),
    ]
