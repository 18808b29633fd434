"""`store copy`, `store release` and `store info`, from file to file: what they say, and with which exit code."""

import json
from pathlib import Path

import pytest

from adapters.system.file_lock import FileLock
from tests.support.commands import Run


def _urls(folder: Path) -> tuple[str, str]:
    return f"sqlite:///{folder / 'scheduler.db'}", f"sqlite:///{folder / 'new' / 'scheduler.db'}"


def test_a_copy_is_told_in_a_table_and_the_source_is_left_to_nobody(run: Run, tmp_path: Path) -> None:
    source, target = _urls(tmp_path)
    task = {"name": "t", "task_type": "m", "schedule_type": "interval", "schedule": "1h"}
    assert run("create", "-", stdin=task).exit_code == 0

    copied = run("store", "copy", "--from", source, "--to", target)

    assert copied.exit_code == 0, copied.output
    table = {line.split("  ")[0]: line.split()[-3:] for line in copied.stdout.splitlines()}
    assert table["tasks"][:2] == ["1", "0"]
    assert "Copied and compared in 2 passes" in copied.stdout
    assert f"Now serve {target.removeprefix('sqlite:///')}." in copied.stdout
    assert "Pass 2, the source is sealed: " in copied.stderr
    listed = run("list")
    assert (listed.exit_code, "was moved to" in listed.stderr) == (5, True)
    info = json.loads(run("store", "info", source).stdout)
    assert (info["standing"], info["other_store"]) == ("moved", target.removeprefix("sqlite:///"))
    assert json.loads(run("store", "info", target).stdout)["standing"] == "served"
    again = run("store", "copy", "--from", source, "--to", target)
    assert (again.exit_code, "was moved to" in again.stderr) == (3, True)


def test_a_store_is_given_back_only_if_that_is_meant(run: Run, tmp_path: Path) -> None:
    source, target = _urls(tmp_path)
    assert run("store", "copy", "--from", source, "--to", target).exit_code == 0

    refused = run("store", "release", source)
    released = run("store", "release", source, "--although-moved")

    assert (refused.exit_code, "give --although-moved" in refused.stderr) == (3, True)
    assert (released.exit_code, released.stdout) == (0, "It can be served again.\n")
    assert run("list").exit_code == 0
    assert run("store", "release", source).stdout == "It was not sealed.\n"


def test_a_store_is_made_and_migrated_without_being_served(run: Run, tmp_path: Path) -> None:
    url = _urls(tmp_path)[1]
    assert run("store", "info", url).exit_code == 5

    made, again = run("store", "migrate", url), run("store", "migrate", url)

    assert (made.exit_code, made.stdout) == (0, again.stdout)
    assert json.loads(run("store", "info", url).stdout)["store_id"] in made.stdout


def test_a_copy_of_a_served_store_waits_says_for_whom_and_is_gone_on_with_later(run: Run, tmp_path: Path) -> None:
    source, target = _urls(tmp_path)
    lock = FileLock(tmp_path / "scheduler.db.lock")
    assert lock.acquire()
    copied = run("store", "copy", "--from", source, "--to", target, "--wait", "0")
    lock.release()

    assert copied.exit_code == 3
    assert "is still served by process" in copied.stderr
    assert json.loads(run("store", "info", target).stdout)["standing"] == "filling"
    gone_on = run("store", "copy", "--from", source, "--to", target, "--output", "json")
    told = json.loads(gone_on.stdout)
    assert (gone_on.exit_code, told["running"], told["passes"]) == (0, 0, 1)
    assert {each["kind"] for each in told["kinds"]} >= {"tasks", "executions", "access_records"}


def test_what_cannot_be_copied_is_told_in_one_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = _urls(tmp_path)
    cases = [
        (("copy", "--from", "mysql://localhost", "--to", target), 2, "is no store: sqlite:///"),
        (("copy", "--from", f"sqlite:///{tmp_path / 'none.db'}", "--to", target), 5, "there is no store at"),
        (("copy", "--from", source, "--to", source), 3, "are the same store"),
        (("copy", "--from", source, "--to", "env:SECRET_URL"), 5, "localhost:1"),
        (("info", "env:SECRET_URL"), 5, "localhost:1"),
        (("release", "env:SECRET_URL"), 5, "localhost:1"),
        (("migrate", "env:SECRET_URL"), 5, "localhost:1"),
        (("outbox", "env:SECRET_URL"), 5, "localhost:1"),
        (("info", "env:NO_URL"), 2, "rediss:***@localhost:1/0 is no store"),
        (("outbox", source), 3, "has no outbox"),
        (("outbox", source, "--discard", "1", "--reason", "r"), 3, "has no outbox"),
    ]
    monkeypatch.setenv("SECRET_URL", "redis://:s3cret@localhost:1/0")
    monkeypatch.setenv("NO_URL", "rediss:/:s3cret@localhost:1/0")
    for arguments, code, told in cases:
        answer = run("store", *arguments)
        assert (answer.exit_code, told in answer.stderr) == (code, True), answer.output
        assert "s3cret" not in answer.output
        assert answer.stderr.count("\n") == 1


def test_a_url_with_a_password_is_taken_from_the_environment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = _urls(tmp_path)
    monkeypatch.setenv("OLD_URL", source)
    monkeypatch.setenv("NEW_URL", target)

    copied = run("store", "copy", "--from", "env:OLD_URL", "--to", "env:NEW_URL")

    assert (copied.exit_code, target.removeprefix("sqlite:///") in copied.stdout) == (0, True)
    unset = run("store", "info", "env:NONE_URL")
    assert (unset.exit_code, "NONE_URL is not set in the environment" in unset.stderr) == (2, True)
    mistaken = run("store", "info", "env:redis://:s3cret@localhost:1/0")
    assert (mistaken.exit_code, "s3cret" in mistaken.output) == (2, False)
    shown = run("store", "info", "redis://:s3cret@localhost:1/0")
    assert "list of processes; env:NAME keeps it from them" in shown.stderr
    assert "s3cret" not in shown.output


def test_messages_are_not_given_up_without_a_reason(run: Run, tmp_path: Path) -> None:
    answer = run("store", "outbox", _urls(tmp_path)[0], "--discard", "1")

    assert (answer.exit_code, "needs a --reason" in answer.stderr) == (2, True)
