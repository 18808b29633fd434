"""The command line over a real store: what it prints, and the exit code that says how it went."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from entrypoints.cli import main as commands
from entrypoints.cli.main import COMMANDS

Run = Callable[..., Result]
ROOMS = commands.__package__
DIGEST = {
    "name": "digest",
    "task_type": "mail",
    "schedule_type": "cron",
    "schedule": "30 2 * * 1-5",
    "timezone": "Europe/Berlin",
}


def test_help_names_every_command(run: Run) -> None:
    answer = run("--help")

    assert answer.exit_code == 0
    assert all(f"  {name} " in answer.stdout for name in COMMANDS)
    assert all(run(name, "--help").exit_code == 0 for name in COMMANDS)


def test_a_checkout_says_that_it_has_no_version(run: Run) -> None:
    assert run("--version").exit_code == 0


@pytest.mark.parametrize("arguments", [["--help"], ["next", "0 12 * * *"], ["explain", "--help"]])
def test_what_needs_no_store_waits_for_none_of_its_libraries(arguments: list[str]) -> None:
    asked = (sys.executable, "-X", "importtime", "-m", f"{ROOMS}.main", *arguments)

    told = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=30).stderr

    assert "click.core" in told
    assert not [each for each in ("sqlalchemy", "dependency_injector", "pydantic_settings", "jinja2") if each in told]


def test_next_needs_no_server_and_tells_zone_and_utc(run: Run) -> None:
    told = json.loads(run("next", "0 12 * * *", "--tz", "Asia/Kathmandu", "-n", "2", "--output", "json").stdout)

    assert (told["sentence"], told["timezone"], told["lint"]) == ("At 12:00 every day", "Asia/Kathmandu", [])
    assert [row["utc"][11:] for row in told["next"]] == ["06:15:00Z", "06:15:00Z"]
    assert "T12:00:00+05:45" in told["next"][0]["local"]
    assert "12:00:00 +0545" in run("next", "0 12 * * *", "--tz", "Asia/Kathmandu").stdout


def test_next_begins_with_a_sentence_and_ends_with_findings(run: Run) -> None:
    lines = run("next", "*/7 * * * *", "-n", "2", "--tz", "US/Eastern").stdout.splitlines()

    assert lines[0] == "Every 7 minutes from minute 0 to 56 past every hour (US/Eastern)"
    assert lines[2].split() == ["local", "utc", "in"]
    assert lines[-1].startswith("Info: US/Eastern is an old name")
    assert lines[-2] == (
        "Warning: /7 begins again every hour: from its last minute to the next it is 4 minutes (at character 1)"
        " - an interval keeps its distance"
    )


def test_next_notes_the_clock_change_an_instant_meets(run: Run) -> None:
    # A hundred Sundays are nearly two years: whatever the date, they hold a spring and an autumn.
    text = run("next", "30 1 * * SUN", "--tz", "Europe/London", "-n", "100").stdout
    told = json.loads(run("next", "30 1 * * SUN", "--tz", "Europe/London", "-n", "100", "--output", "json").stdout)

    assert "the clocks skip 01:30: what is due then runs once, at 02:00" in text
    flags = {flag["code"] for each in told["next"] for flag in each["flags"]}
    assert flags == {"dst_moved", "dst_first_of_two_only"}
    assert {each["code"] for each in told["lint"]} == {"dst_gap", "dst_fold"}


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [("90m", "Every hour and 30 minutes, counted from "), ("2199-12-24 18:00", "Once, on 2199-12-24 at 18:00 CET")],
)
def test_next_knows_every_kind_of_schedule(run: Run, schedule: str, sentence: str) -> None:
    assert run("next", schedule, "--tz", "Europe/Berlin").stdout.startswith(sentence)


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ("0 0 31 2 *", "SCHEDULE: "),
        ("61 * * * *", "(at character 1)"),
        ("5x", "is not an interval"),
        ("@reboot", "start-up"),
    ],
)
def test_next_says_what_is_wrong_with_a_schedule_and_where(run: Run, schedule: str, told: str) -> None:
    answer = run("next", schedule)

    assert (answer.exit_code, answer.stdout) == (2, "")
    assert told in answer.stderr


def test_next_takes_a_minus_for_no_option_and_words_for_no_number(run: Run) -> None:
    assert "SCHEDULE: '-5m' is not an interval" in run("next", "-5m", "-n", "2").stderr
    assert "SCHEDULE: '-5m' is not an interval" in run("next", "--", "-5m").stderr
    assert "Did you mean '--tz'?" in run("next", "--tzz", "UTC", "5m").stderr
    assert "'x' is not a valid whole number." in run("next", "5m", "-n", "x").stderr


def test_next_tells_seconds_where_there_are_no_minutes(run: Run) -> None:
    rows = run("next", "1s", "-n", "3").stdout.splitlines()[3:6]

    assert [row.split("  ")[-1] for row in rows] == ["1 s", "2 s", "3 s"]


def test_a_one_time_instant_that_has_passed_is_told_to_be_refused(run: Run) -> None:
    told = run("next", "2020-01-01T00:00").stdout.splitlines()[-1]

    assert told == (
        "Warning: the instant has passed: a task for it is refused"
        ' - with "if_past": "run_now" it is created and runs at once'
    )


def test_an_unknown_zone_is_a_fault_of_the_zone(run: Run) -> None:
    assert "--tz: " in run("next", "0 0 * * *", "--tz", "Europe/Pariss").stderr


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


def test_a_pause_says_until_when_and_why_and_keeps_what_is_not_given_again(run: Run) -> None:
    run("create", "-", stdin=DIGEST)
    until = "until Fri 2199-03-01 00:00:00 CET"

    assert run("pause", "digest", "--until", "2199-03-01", "--mode", "now").stdout == f"Paused digest {until}.\n"
    assert run("pause", "digest", "--reason", "holidays").stdout == f"Paused digest {until}: holidays.\n"
    assert run("pause", "digest").stdout == f"Already paused digest {until}: holidays.\n"
    assert json.loads(run("get", "digest").stdout)["pause"]["mode"] == "now"
    assert run("pause", "digest", "--until", "never").stdout == "Paused digest: holidays.\n"
    assert "--until: this end lies in the past" in run("pause", "digest", "--until", "2020-01-01").stderr
    assert "--until: 'tomorrow' is not a date" in run("pause", "digest", "--until", "tomorrow").stderr


def test_resuming_what_is_not_paused_says_so(run: Run) -> None:
    run("create", "-", stdin=DIGEST)

    assert run("resume", "digest").stdout == "digest was not paused: nothing changed.\n"


def test_a_run_that_nobody_will_carry_out_yet_is_told_so_beside_its_id(run: Run) -> None:
    run("create", "-", stdin=DIGEST)

    assert run("run", "digest").stderr == "No worker is running: it starts when one is, with the service.\n"


def test_a_deletion_that_nobody_can_confirm_says_what_would(run: Run) -> None:
    run("create", "-", stdin=DIGEST)

    refused = run("delete", "digest", stdin="")

    assert (refused.exit_code, "say --yes" in refused.stderr) == (1, True)
    assert run("get", "digest").exit_code == 0


def test_a_reason_may_stand_in_the_file(run: Run) -> None:
    run("create", "-", stdin={**DIGEST, "reason": "a new customer"})

    (version,) = json.loads(run("versions", "digest", "--output", "json").stdout)
    assert version["change"]["reason"] == "a new customer"


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


def test_explain_tells_what_ran_and_what_is_to_come(run: Run) -> None:
    run("create", "-", stdin={**DIGEST, "schedule": "0 0 * * *", "timezone": "UTC"})
    execution_id = run("run", "digest", "--reason", "first look").stdout.strip()
    created = json.loads(run("get", "digest").stdout)["created_at"]

    answer = run("explain", "digest", "--at", created[:16] + "Z")
    told = json.loads(run("explain", "digest", "--at", created[:16] + "Z", "--output", "json").stdout)

    assert answer.exit_code == 0
    assert answer.stdout.count("first look") == 1
    assert f"  execution {execution_id}" in answer.stdout
    assert "After:  " in answer.stdout
    assert told["details"][0]["executions"][0]["id"] == execution_id
    assert run("delete", "digest", "--yes").exit_code == 0
    assert run("explain", told["task_id"], "--at", "2999-01-01").exit_code == 2
    assert "was deleted" in run("explain", told["task_id"], "--at", "2199-01-01").stdout
    assert "was deleted" in run("explain", "digest", "--at", "2199-01-01").stdout


def test_explain_shows_seconds_and_names_the_deleted_task_that_bore_the_name(run: Run) -> None:
    ten_seconds = {**DIGEST, "schedule_type": "interval", "schedule": "10s", "timezone": "UTC"}
    run("create", "-", stdin=ten_seconds)
    older = json.loads(run("get", "digest").stdout)
    run("delete", "digest", "--yes")
    run("create", "-", stdin=ten_seconds)

    answer = run("explain", "digest", "--at", older["created_at"])
    listed = run("list").stdout

    assert answer.exit_code == 0
    assert f"another task bore this name, which was deleted then: {older['id']}" in answer.stdout
    assert not re.search(r"\d\d\.\d", answer.stdout.split("\n", 1)[1]), answer.stdout
    assert not re.search(r":\d\d\.\d", listed), listed


def test_explain_refuses_what_is_no_time_and_finds_no_task_that_never_was(run: Run) -> None:
    refused = run("explain", "digest", "--at", "half past two")

    assert (refused.exit_code, "--at: 'half past two' is not a date and time" in refused.stderr) == (2, True)
    assert run("explain", "nobody", "--at", "2026-03-29T02:30").exit_code == 4


def test_conflicts_and_missing_tasks_have_exit_codes_of_their_own(run: Run) -> None:
    run("create", "-", stdin=DIGEST)

    assert run("create", "-", stdin=DIGEST).exit_code == 3
    assert run("run", "digest").exit_code == 0
    again = run("run", "digest")
    assert (again.exit_code, "still open" in again.stderr) == (3, True)
    assert "--allow-overlap" in again.stderr
    nobody = run("get", "nobody")
    assert (nobody.exit_code, nobody.stderr) == (
        4,
        "Error: there is no task 'nobody' - `list` shows the tasks, `list --deleted` those that can come back\n",
    )


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
