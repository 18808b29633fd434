"""The command line over a real store: what it prints, and the exit code that says how it went."""

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
from entrypoints.cli.main import COMMANDS, main

Run = Callable[..., Result]
DIGEST = {
    "name": "digest",
    "task_type": "mail",
    "schedule_type": "cron",
    "schedule": "30 2 * * 1-5",
    "timezone": "Europe/Berlin",
}


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


def test_help_names_every_command(run: Run) -> None:
    answer = run("--help")

    assert answer.exit_code == 0
    assert all(f"  {name} " in answer.stdout for name in COMMANDS)
    assert all(run(name, "--help").exit_code == 0 for name in COMMANDS)


def test_a_checkout_says_that_it_has_no_version(run: Run) -> None:
    assert run("--version").exit_code == 0


def test_next_needs_no_server_and_tells_zone_and_utc(run: Run) -> None:
    rows = json.loads(run("next", "0 12 * * *", "--tz", "Asia/Kathmandu", "-n", "2", "--output", "json").stdout)

    assert [row["utc"][11:] for row in rows] == ["06:15:00Z", "06:15:00Z"]
    assert "T12:00:00+05:45" in rows[0]["local"]
    assert "12:00:00 +0545" in run("next", "0 12 * * *", "--tz", "Asia/Kathmandu").stdout


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ("0 0 31 2 *", "/schedule: "),
        ("61 * * * *", "(at character 1)"),
        ("5x", "is not an interval"),
        ("@reboot", "start-up"),
    ],
)
def test_next_says_what_is_wrong_with_a_schedule_and_where(run: Run, schedule: str, told: str) -> None:
    answer = run("next", schedule)

    assert (answer.exit_code, answer.stdout) == (2, "")
    assert told in answer.stderr


def test_an_unknown_zone_is_a_fault_of_the_zone(run: Run) -> None:
    assert "/timezone: " in run("next", "0 0 * * *", "--tz", "Europe/Pariss").stderr


def test_a_task_lives_from_its_creation_to_its_deletion(run: Run) -> None:
    created = json.loads(run("create", "-", "--reason", "new", stdin=DIGEST).stdout)

    assert json.loads(run("list", "--output", "json").stdout)[0]["name"] == "digest"
    assert json.loads(run("get", "digest").stdout)["id"] == created["id"]
    assert run("pause", "digest", "--reason", "holidays").exit_code == 0
    assert json.loads(run("get", created["id"]).stdout)["pause"]["reason"] == "holidays"
    assert run("resume", "digest").exit_code == 0
    execution_id = run("run", "digest").stdout.strip()
    assert [each["id"] for each in json.loads(run("executions", "digest", "--output", "json").stdout)] == [execution_id]
    assert "pending" in run("executions", "digest").stdout
    assert run("delete", "digest", stdin="n\n").exit_code == 1
    assert run("delete", "digest", "--yes").exit_code == 0
    assert run("list").stdout == "None.\n"


def test_a_dry_run_creates_nothing(run: Run) -> None:
    assert json.loads(run("create", "-", "--dry-run", stdin=DIGEST).stdout)["name"] == "digest"
    assert run("list").stdout == "None.\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ('{"name": "a", "name": "b"}', "twice"),
        (b"\xff", "not UTF-8"),
        (json.dumps({**DIGEST, "schedule": "0 0 31 2 *"}), "/schedule: "),
        (json.dumps({**DIGEST, "timezone": "Mars/Olympus"}), "/timezone: "),
        (json.dumps({**DIGEST, "colour": "red"}), "/colour: there is no such field"),
        (json.dumps({**DIGEST, "payload": {"a": float("nan")}}), "NaN"),
    ],
)
def test_bad_input_is_refused_with_its_field_and_nothing_is_stored(run: Run, text: str | bytes, told: str) -> None:
    answer = run("create", "-", stdin=text)

    assert (answer.exit_code, answer.stdout) == (2, "")
    assert told in answer.stderr
    assert run("list").stdout == "None.\n"


def test_conflicts_and_missing_tasks_have_exit_codes_of_their_own(run: Run) -> None:
    run("create", "-", stdin=DIGEST)

    assert run("create", "-", stdin=DIGEST).exit_code == 3
    assert run("run", "digest").exit_code == 0
    again = run("run", "digest")
    assert (again.exit_code, "still open" in again.stderr) == (3, True)
    assert run("get", "nobody").exit_code == 4


def test_without_a_store_nothing_is_made(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_STORE_PATH", str(tmp_path / "elsewhere.db"))
    answer = run("list")

    assert answer.exit_code == 5
    assert "there is no store" in answer.stderr
    assert not (tmp_path / "elsewhere.db").exists()


def test_demo_data_is_loaded_once(run: Run) -> None:
    first = json.loads(run("demo", "load", "--rows", "300").stdout)

    assert first["activities"] == 300
    assert set(json.loads(run("demo", "load", "--rows", "300").stdout).values()) == {0}
