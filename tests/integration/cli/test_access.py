"""Users and tokens by the command line, over a real store."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.passwords.argon2id import Argon2Passwords
from adapters.sql.store import open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.services.credentials import digest
from entrypoints.cli.asking import user
from entrypoints.cli.main import main

Run = Callable[..., Result]
PASSWORD = "correct horse battery"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in a folder with an empty store."""
    monkeypatch.setenv("SCHEDULER_STORE_PATH", str(tmp_path / "scheduler.db"))
    monkeypatch.setenv("SCHEDULER_CONTENT_PATH", str(tmp_path / "content.db"))

    async def prepare() -> None:
        async with open_sqlite_store(tmp_path / "scheduler.db", SystemClock(), SystemEntropy()):
            pass

    asyncio.run(prepare())

    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=stdin)

    return invoke


def _looked_up(tmp_path: Path, look: Callable[[Any], Any]) -> Any:
    async def ask() -> Any:
        async with open_sqlite_store(tmp_path / "scheduler.db", SystemClock(), SystemEntropy()) as store:
            return await look(store.access)

    return asyncio.run(ask())


def test_a_user_is_added_changed_disabled_and_enabled(run: Run, tmp_path: Path) -> None:
    added = run("user", "add", "Ana", "--role", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")

    assert (added.exit_code, added.stdout) == (0, "Added ana as admin.\n")
    assert "SCHEDULER_AUTH=required" in added.stderr
    assert run("user", "disable", "ana").exit_code == 3
    assert run("user", "add", "bob", "--role", "viewer", stdin=f"{PASSWORD}\n{PASSWORD}\n").exit_code == 0
    assert run("user", "role", "bob", "operator").stdout == "bob is operator now.\n"
    assert run("user", "disable", "bob").exit_code == 0
    rows = json.loads(run("user", "list", "--output", "json").stdout)
    assert [(row["name"], row["role"], row["disabled"] is None) for row in rows] == [
        ("ana", "admin", True),
        ("bob", "operator", False),
    ]
    assert run("user", "enable", "bob").exit_code == 0
    account = _looked_up(tmp_path, lambda access: access.account("ana"))
    assert asyncio.run(Argon2Passwords().matches(PASSWORD, account.password_hash))


def test_a_password_is_set_anew_and_never_shown(run: Run, tmp_path: Path) -> None:
    run("user", "add", "ana", "--role", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")

    answer = run("user", "passwd", "ana", "--password-stdin", stdin="another fine password\n")

    assert answer.exit_code == 0
    assert "fine" not in answer.output
    account = _looked_up(tmp_path, lambda access: access.account("ana"))
    assert asyncio.run(Argon2Passwords().matches("another fine password", account.password_hash))


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "told"),
    [
        (("add", "ana", "--role", "admin", "--password-stdin"), "12345678\n", 2, "guessed first"),
        (("add", "ana", "--role", "admin", "--password-stdin"), "", 2, "at least 8"),
        (("add", "a b", "--role", "admin", "--password-stdin"), PASSWORD, 2, "NAME: "),
        (("add", "ana", "--role", "boss", "--password-stdin"), PASSWORD, 2, "boss"),
        (("passwd", "nobody", "--password-stdin"), PASSWORD, 4, "no such user"),
        (("disable", "nobody"), None, 4, "no such user"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    run: Run, arguments: tuple[str, ...], stdin: str | None, code: int, told: str
) -> None:
    answer = run("user", *arguments, stdin=stdin)

    assert (answer.exit_code, answer.stdout) == (code, "")
    assert told in answer.stderr
    assert PASSWORD not in answer.stderr


def test_a_name_is_given_once(run: Run) -> None:
    for code in (0, 3):
        answer = run("user", "add", "ana", "--role", "admin", "--password-stdin", stdin=PASSWORD)
        assert answer.exit_code == code


def test_a_token_is_printed_once_listed_and_revoked(run: Run, tmp_path: Path) -> None:
    run("user", "add", "ana", "--role", "editor", "--password-stdin", stdin=PASSWORD)
    secret = run("token", "create", "ci", "--role", "operator", "--user", "ana", "--days", "30").stdout.strip()

    use = _looked_up(tmp_path, lambda access: access.use_token(digest(secret)))
    assert use.token.actor == "ana/ci"
    (row,) = json.loads(run("token", "list", "--output", "json").stdout)
    assert (row["name"], row["role"]) == ("ana/ci", "operator")
    assert row["expires"] is not None
    assert secret not in run("token", "list").stdout
    assert run("token", "revoke", row["id"]).stdout == "Revoked ana/ci.\n"
    assert _looked_up(tmp_path, lambda access: access.use_token(digest(secret))) is None
    assert run("token", "revoke", row["id"]).exit_code == 4


def test_a_token_may_no_more_than_its_owner(run: Run) -> None:
    run("user", "add", "ana", "--role", "viewer", "--password-stdin", stdin=PASSWORD)

    beyond = run("token", "create", "ci", "--role", "editor", "--user", "ana")
    nobodys = run("token", "create", "ci", "--role", "editor", "--user", "nobody")

    assert (beyond.exit_code, nobodys.exit_code) == (2, 4)
    assert "ana is viewer" in beyond.stderr


def test_what_the_command_line_did_is_on_record_and_tampering_with_that_is_told(run: Run, tmp_path: Path) -> None:
    run("user", "add", "ana", "--role", "admin", "--password-stdin", stdin=PASSWORD)
    run("token", "create", "ci", "--role", "viewer")
    rows = json.loads(run("access", "list", "--output", "json").stdout)
    whole = run("access", "check")
    with closing(sqlite3.connect(tmp_path / "scheduler.db")) as connection:
        connection.executescript(
            "DROP TRIGGER access_records_stay_as_they_are;"
            "UPDATE access_records SET detail = 'as admin' WHERE number = 2"
        )

    broken = run("access", "check")

    assert [(row["who"], row["via"], row["what"], row["to"]) for row in rows] == [
        (user(), "cli", "token_made", "token:ci"),
        (user(), "cli", "user_added", "ana"),
    ]
    assert (whole.exit_code, whole.stdout.splitlines()[0]) == (0, "2 records fit, from number 1 on.")
    assert (broken.exit_code, broken.stderr) == (1, "Record 2 was altered or removed.\n")
    assert len(json.loads(run("access", "list", "--actor", "nobody", "--output", "json").stdout)) == 0
