"""Bad input (reliability E) by the command line and in its files: exit code 2, a line for each fault, nothing stored.

Of the bad tasks one of each row is enough here: behind the file stands the reader that the API has.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from entrypoints.cli.main import main
from tests.support.bad_input import BAD_BODIES, BAD_TASKS, CRON, INSTANTS, INTERVALS, ZONES, BadBody, BadTask
from tests.support.commands import Run, commands_in

GOOD = {"name": "report", "task_type": "mail", "schedule_type": "cron", "schedule": "0 2 * * *", "timezone": "UTC"}
ONE_OF_EACH_ROW = {bad.row: bad for bad in BAD_TASKS}.values()
MEGABYTE = 1024 * 1024
HOSTILE = "a\x1b[2J\x9b2J\u202eb\u2028c"
NOT_UTF_8 = "a\udcffb"

# The row of the table, a command, and what is said of it.
ARGUMENTS = [
    (7, ("next", ""), "SCHEDULE: "),
    (21, ("get", NOT_UTF_8), "not UTF-8"),
    (21, ("pause", "report", "--reason", NOT_UTF_8), "not UTF-8"),
    (31, ("next", "5m", "-n", "0"), "0 is not in the range"),
    (31, ("next", "5m", "-n", "1e3"), "'1e3' is not a valid whole number"),
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
    (10, ("pause", "report", "--until", "9999-12-31"), "--until: "),
    (10, ("pause", "report", "--until", "2020-01-01"), "--until: this end lies in the past"),
    (25, ("pause", "report", "--mode", "soon"), "'soon' is not one of"),
    (23, ("pause", "report", "--reason", "x" * 501), "--reason: at most 500 characters"),
    (23, ("run", "report", "--reason", "x" * 100_000), "--reason: at most 500 characters"),
    (25, ("resume", "report", "--missed", "some"), "'some' is not one of"),
    (47, ("explain", "report", "--at", "tomorrow"), "--at: "),
    (47, ("explain", "report", "--at", "2024-02-30"), "--at: "),
    (10, ("explain", "report", "--at", "9999-12-31T23:59:59-12:00"), "--at: "),
    (47, ("backfill", "report", "--from", "yesterday", "--until", "2024-01-01"), "--from: "),
    (47, ("backfill", "report", "--from", "2024-01-02", "--until", "2024-01-01"), "--until: "),
    (24, ("list", "--nope"), "No such option"),
    (24, ("nope",), "No such command"),
    (46, ("create", "nowhere.json"), "No such file"),
    (46, ("create", "."), "irectory"),
    (26, ("user", "add", "a b", "--role", "viewer", "--password-stdin"), "NAME: "),
    (26, ("user", "add", "ana\x1b[2J", "--role", "viewer", "--password-stdin"), "NAME: "),
    (25, ("user", "add", "ana", "--role", "root", "--password-stdin"), "'root' is not one of"),
    (25, ("token", "create", "ci", "--role", "viewer", "--user", "ana", "--days", "0"), "0 is not in the range"),
]

# A command, with a name of nothing that is there.
NAMELESS = [
    ("get", ""),
    ("get", "a" * 10_000),
    ("run", ".."),
    ("pause", "9" * 40),
    ("resume", "a:b"),
    ("delete", "--yes", "{}"),
    ("executions", "%"),
    ("versions", "*"),
    ("restore", "'; DROP TABLE tasks; --", "1"),
    ("undelete", "../../etc/passwd"),
    ("execution", "{{7*7}}"),
    ("cancel", "\x1b[2J"),
    ("redrive", "\u202eevil"),
    ("dead-letters", "none"),
    ("explain", "--at", "2024-01-15T12:00Z", "a\nb"),
    ("backfill", "--from", "2024-01-15T10:00", "--until", "2024-01-15T10:00", "٣"),
]


def kept(run: Run) -> str:
    """What commands show of the store."""
    shown = (("list", "--output", "json"), ("get", "report"), ("executions", "report"), ("user", "list"))
    return "\n".join(run(*command).stdout for command in shown)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Commands over one store for all of it, in which a task is: what is refused leaves nothing behind."""
    with pytest.MonkeyPatch.context() as settings:
        run = commands_in(tmp_path_factory.mktemp("store"), settings)
        assert run("create", "-", stdin=GOOD).exit_code == 0
        before = kept(run)
        yield run
        assert kept(run) == before


def assert_refused(answer: Result, *told: str, code: int = 2) -> None:
    """Said in lines of plain text on standard error, with the exit code for it, and no word of our insides."""
    asked = f"{answer.exception!r}: {answer.output[:2_000]}"
    assert (answer.exit_code, answer.stdout) == (code, ""), asked
    assert isinstance(answer.exception, SystemExit), asked
    assert "Traceback" not in answer.stderr
    assert all(part in answer.stderr for part in told), asked
    assert all(line.isprintable() for line in answer.stderr.split("\n")), asked
    assert len(answer.stderr) < 4_000


@pytest.mark.parametrize("bad", ONE_OF_EACH_ROW, ids=lambda bad: f"E{bad.row}")
def test_a_bad_task_in_a_file_is_refused_where_the_fault_is(run: Run, bad: BadTask) -> None:
    answer = run("create", "-", stdin={**GOOD, "name": "other", **bad.fields})

    assert_refused(answer, *(f"Error: {pointer}: " for pointer, _ in bad.faults))
    assert len(answer.stderr.splitlines()) == len(bad.faults)


@pytest.mark.parametrize("bad", BAD_BODIES, ids=lambda bad: f"E{bad.row}-{bad.code}")
def test_a_file_that_is_not_our_json_is_refused(run: Run, tmp_path: Path, bad: BadBody) -> None:
    file = tmp_path / "task.json"
    file.write_bytes(bad.body)

    for command in (("create", str(file)), ("run", "report", "--payload", str(file))):
        assert_refused(run(*command))


def test_a_file_is_read_up_to_a_megabyte_and_no_further(run: Run, tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    large.write_bytes(json.dumps(GOOD).encode() + b" " * MEGABYTE)

    for file in (str(large), "/dev/zero"):
        assert_refused(run("create", file), "more than 1,048,576 bytes")
        assert_refused(run("run", "report", "--payload", file), "more than 1,048,576 bytes")


@pytest.mark.parametrize(
    "schedule", [text for _, text, _ in (*CRON, *INTERVALS, *INSTANTS) if text], ids=lambda text: f"{text!r:.40}"
)
def test_next_refuses_what_no_schedule_is(schedule: str) -> None:
    assert_refused(CliRunner().invoke(main, ["next", "--", schedule]), "Error: SCHEDULE: ")


@pytest.mark.parametrize("timezone", [text for _, text in ZONES], ids=lambda text: f"{text!r:.40}")
def test_next_refuses_what_no_zone_is(timezone: str) -> None:
    assert_refused(CliRunner().invoke(main, ["next", "0 0 * * *", "--tz", timezone]), "Error: --tz: ")


@pytest.mark.parametrize(("row", "arguments", "told"), ARGUMENTS, ids=lambda part: f"{part!r:.60}")
def test_a_bad_argument_is_named_with_what_is_wrong(run: Run, row: int, arguments: tuple[str, ...], told: str) -> None:
    assert_refused(run(*arguments, stdin="correct horse battery\n"), told)


@pytest.mark.parametrize("arguments", NAMELESS, ids=lambda part: f"{part!r:.60}")
def test_what_names_nothing_is_not_found_whatever_it_looks_like(run: Run, arguments: tuple[str, ...]) -> None:
    assert_refused(run(*arguments), code=4)


def test_no_text_of_somebody_else_moves_the_cursor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others wrote (E26) is shown escaped, in a table as in JSON, which still says the same."""
    run = commands_in(tmp_path, monkeypatch)
    body = {**GOOD, "name": "hostile", "description": HOSTILE, "reason": HOSTILE, "payload": {HOSTILE: 2**64 + 1}}
    assert run("create", "-", stdin=body).exit_code == 0
    shown = [("versions", "hostile"), ("versions", "hostile", "--output", "json"), ("get", "hostile"), ("list",)]
    shown += [("pause", "hostile", "--reason", HOSTILE), ("explain", "hostile", "--at", "2199-01-01T02:00")]

    for command in shown:
        answer = run(*command)
        assert answer.exit_code == 0
        assert all(line.isprintable() for line in answer.output.split("\n")), command
    read = json.loads(run("get", "hostile").stdout)
    assert (read["description"], read["payload"]) == (HOSTILE, {HOSTILE: 2**64 + 1})


@pytest.mark.parametrize("command", [("list",), ("get", "report"), ("create", "-"), ("user", "list")])
def test_bad_settings_are_told_in_one_line_without_their_secrets(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://app:s3cret@db/x")

    refused = run(*command, stdin=GOOD)

    assert_refused(refused, "DATABASE_URL: ")
    assert len(refused.stderr.splitlines()) == 1
    assert "s3cret" not in refused.output
