"""Bad input (reliability E) by the command line and in its files: exit code 2, a line for each fault, nothing stored."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from domain.access.role import Role
from entrypoints.cli.main import COMMANDS, main
from tests.support.bad_input import BAD_BODIES, BAD_TASKS, CRON, INSTANTS, INTERVALS, ODD_TASKS, ZONES

Run = Callable[..., Result]
GOOD = {"name": "report", "task_type": "mail", "schedule_type": "cron", "schedule": "0 2 * * *", "timezone": "UTC"}
ROWS = sorted({bad.row for bad in BAD_TASKS})
MEGABYTE = 1024 * 1024


def assert_refused(answer: Result, *told: str, code: int = 2) -> None:
    """One clear line for each fault, and no word of our insides."""
    assert (answer.exit_code, answer.stdout) == (code, ""), answer.output
    assert isinstance(answer.exception, SystemExit), answer.exception
    assert "Traceback" not in answer.stderr
    assert all(part in answer.stderr for part in told), answer.stderr
    assert answer.stderr.isprintable() or set(answer.stderr) - set("\n") == {
        c for c in answer.stderr if c.isprintable()
    }
    assert len(answer.stderr) < 4_000


@pytest.fixture
def report(run: Run) -> str:
    """A task that runs at two every night; its id."""
    return str(json.loads(run("create", "-", stdin=GOOD).stdout)["id"])


@pytest.mark.parametrize("row", ROWS)
def test_a_bad_task_in_a_file_is_refused_where_the_fault_is(run: Run, row: int) -> None:
    for bad in BAD_TASKS:
        if bad.row == row:
            answer = run("create", "-", stdin={**GOOD, **bad.fields})

            assert_refused(answer, *(f"Error: {pointer}: " for pointer, _ in bad.faults))
            assert len(answer.stderr.splitlines()) == len(bad.faults)
    assert run("list").stdout == "None.\n"


@pytest.mark.parametrize("bad", BAD_BODIES, ids=lambda bad: f"E{bad.row}-{bad.code}")
def test_a_file_that_is_not_our_json_is_refused(run: Run, report: str, tmp_path: Path, bad: Any) -> None:
    file = tmp_path / "task.json"
    file.write_bytes(bad.body)

    for command in (("create", str(file)), ("run", report, "--payload", str(file))):
        assert_refused(run(*command))
    assert run("executions", report).stdout == "None.\n"


def test_a_file_is_read_up_to_a_megabyte_and_no_further(run: Run, report: str, tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    large.write_bytes(json.dumps(GOOD).encode() + b" " * MEGABYTE)

    for file in (str(large), "/dev/zero"):
        assert_refused(run("create", file), "more than 1,048,576 bytes")
        assert_refused(run("run", report, "--payload", file), "more than 1,048,576 bytes")


@pytest.mark.parametrize(("row", "fields"), ODD_TASKS, ids=lambda part: f"{part!r:.60}")
def test_what_only_looks_bad_is_kept_as_it_is(run: Run, row: int, fields: dict[str, Any]) -> None:
    made = json.loads(run("create", "-", stdin={**GOOD, **fields}).stdout)
    read = json.loads(run("get", made["id"]).stdout)

    for name in fields.keys() & {"name", "task_type", "handler", "payload", "max_retries"}:
        assert read[name] == fields[name]


@pytest.mark.parametrize(
    "schedule", [text for _, text, _ in (*CRON, *INTERVALS, *INSTANTS) if text], ids=lambda text: f"{text!r:.40}"
)
def test_next_refuses_what_no_schedule_is(schedule: str) -> None:
    assert_refused(CliRunner().invoke(main, ["next", "--", schedule]), "Error: SCHEDULE: ")


@pytest.mark.parametrize("timezone", [text for _, text in ZONES], ids=lambda text: f"{text!r:.40}")
def test_next_refuses_what_no_zone_is(timezone: str) -> None:
    assert_refused(CliRunner().invoke(main, ["next", "0 0 * * *", "--tz", timezone]), "Error: --tz: ")


@pytest.mark.parametrize(
    ("row", "arguments", "told"),
    [
        (7, ("next", ""), "SCHEDULE: "),
        (31, ("next", "5m", "-n", "0"), "0 is not in the range"),
        (31, ("next", "5m", "-n", "1e3"), "'1e3' is not a valid whole number"),
        (31, ("next", "5m", "-n", "٣٣٣٣"), "is not in the range"),
        (31, ("list", "--limit", "-1"), "-1 is not in the range"),
        (31, ("list", "--limit", "1000000000"), "is not in the range"),
        (31, ("list", "--status", "sleeping"), "'sleeping' is not one of"),
        (31, ("executions", "report", "--limit", "0"), "0 is not in the range"),
        (31, ("versions", "report", "--limit", "201"), "201 is not in the range"),
        (33, ("restore", "report", "0"), "0 is not in the range"),
        (33, ("restore", "report", "one"), "'one' is not a valid whole number"),
        (47, ("pause", "report", "--until", "tomorrow"), "--until: 'tomorrow' is not a date"),
        (47, ("pause", "report", "--until", "2199-01-01T24:00"), "--until: "),
        (47, ("pause", "report", "--until", "2199-06-30T23:59:60Z"), "--until: "),
        (47, ("pause", "report", "--until", "2199-W23-1"), "--until: "),
        (10, ("pause", "report", "--until", "9999-12-31"), "--until: "),
        (10, ("pause", "report", "--until", "2020-01-01"), "--until: this end lies in the past"),
        (25, ("pause", "report", "--mode", "soon"), "'soon' is not one of"),
        (23, ("pause", "report", "--reason", "x" * 501), "--reason: at most 500 characters"),
        (26, ("pause", "report", "--reason", "a\x1b[2J"), "--reason: "),
        (25, ("resume", "report", "--missed", "some"), "'some' is not one of"),
        (47, ("explain", "report", "--at", "tomorrow"), "--at: "),
        (47, ("explain", "report", "--at", "2024-02-30"), "--at: "),
        (47, ("explain", "report", "--at", ""), "--at: "),
        (10, ("explain", "report", "--at", "9999-12-31T23:59:59-12:00"), "--at: "),
        (47, ("backfill", "report", "--from", "yesterday", "--until", "2024-01-01"), "--from: "),
        (47, ("backfill", "report", "--from", "2024-01-02", "--until", "2024-01-01"), "--until: "),
        (24, ("list", "--nope"), "No such option"),
        (24, ("nope",), "No such command"),
        (46, ("create", "nowhere.json"), "No such file"),
        (46, ("create", "."), "irectory"),
    ],
    ids=lambda part: f"{part!r:.60}",
)
def test_a_bad_argument_is_named_with_what_is_wrong(
    run: Run, report: str, row: int, arguments: tuple[str, ...], told: str
) -> None:
    before = run("get", report).stdout

    assert_refused(run(*arguments), told)

    assert run("get", report).stdout == before


@pytest.mark.parametrize(
    "name", ["nope", "", "..", "a" * 10_000, "9" * 40, "a:b", "{}", "%", "'; DROP TABLE tasks; --"]
)
def test_what_names_nothing_is_not_found_whatever_it_looks_like(run: Run, report: str, name: str) -> None:
    """`--`: whatever stands there is a name."""
    at = ("--at", "2024-01-15T12:00Z")
    span = ("--from", "2024-01-15T10:00", "--until", "2024-01-15T10:00")
    for command in (
        *((each, "--", name) for each in ("get", "run", "pause", "resume", "executions", "versions", "undelete")),
        *((each, "--", name) for each in ("execution", "cancel", "dead-letters", "redrive")),
        ("delete", "--yes", "--", name),
        ("restore", "--", name, "1"),
        ("explain", *at, "--", name),
        ("backfill", *span, "--", name),
    ):
        assert_refused(run(*command), code=4)
    assert len(json.loads(run("list", "--output", "json").stdout)) == 1


def test_no_text_of_somebody_else_moves_the_cursor(run: Run, report: str) -> None:
    """What others wrote by the API (E26) is shown escaped, be it a reason, a description or a name of a user."""
    hostile = "a\x1b[2J\x9b2J\u202eb\u2028c"
    run("create", "-", stdin={**GOOD, "name": "other", "description": hostile, "reason": hostile})

    for command in (("versions", "other"), ("versions", "other", "--output", "json"), ("get", "other"), ("list",)):
        answer = run(*command)
        assert answer.exit_code == 0
        assert not set(answer.output) & set("\x1b\x9b\u202e\u2028"), command


def test_every_command_is_refused_without_a_store_or_with_bad_settings(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Row 42 for commands: a line that names the variable, and no secret in it."""
    arguments = {"restore": ("x", "1"), "explain": ("x", "--at", "2024-01-01"), "delete": ("x", "--yes")}
    names = [each for each in COMMANDS if each not in ("serve", "next", "create", "backfill", "user", "token", "demo")]
    for name in names:
        bare = ("list",) if name == "list" else ("dead-letters",) if name == "dead-letters" else (name, "x")
        given = (name, *arguments[name]) if name in arguments else bare
        with monkeypatch.context() as settings:
            settings.setenv("DATABASE_URL", "mysql://app:s3cret@db/x")
            refused = run(*given)
            assert_refused(refused, "DATABASE_URL: ")
            assert "s3cret" not in refused.output
        with monkeypatch.context() as settings:
            settings.setenv("SCHEDULER_STORE_PATH", str(tmp_path / "nowhere.db"))
            assert_refused(run(*given), "there is no store at", code=5)
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("user", "add", "a b", "--role", "viewer"), "NAME: "),
        (("user", "add", "x" * 65, "--role", "viewer"), "NAME: "),
        (("user", "add", "ana\x1b[2J", "--role", "viewer"), "NAME: "),
        (("user", "add", "ana", "--role", "root"), "'root' is not one of"),
        (("token", "create", "a b", "--role", "viewer"), "NAME: "),
        (("token", "create", "ci", "--role", Role.VIEWER, "--days", "0"), "0 is not in the range"),
        (("token", "create", "ci", "--role", Role.VIEWER, "--days", "1e9"), "is not a valid"),
    ],
    ids=lambda part: f"{part!r:.50}",
)
def test_a_bad_user_or_token_is_refused(run: Run, arguments: tuple[str, ...], told: str) -> None:
    extra = ("--password-stdin",) if arguments[0] == "user" else ("--user", "ana")

    assert_refused(run(*arguments, *extra, stdin="correct horse battery\n"), told)

    assert run("user", "list").stdout == "None.\n"
