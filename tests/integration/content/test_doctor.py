"""`peachpie-scheduler doctor`, as whoever is called at night runs it."""

import json
from pathlib import Path

import pytest

from tests.support.commands import commands_in
from tests.support.content_bases import ContentOnServer
from tests.support.piefed import DDL
from tests.support.postgres_servers import PostgresServer


def test_a_new_service_has_nothing_amiss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = commands_in(tmp_path, monkeypatch)("doctor")

    assert (answer.exit_code, answer.stderr) == (0, "")
    assert [line.split()[:2] for line in answer.stdout.splitlines()[:-1]] == [
        ["ok", "settings"],
        ["ok", "store"],
        ["ok", "content"],
    ]
    assert answer.stdout.splitlines()[-1] == "Nothing keeps the service from its work."


def test_what_is_away_does_not_hide_what_is_wrong_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = commands_in(tmp_path, monkeypatch)
    (tmp_path / "scheduler.db").unlink()
    (tmp_path / "content.db").write_bytes(b"this is a letter to my aunt, not a database" * 100)

    answer = run("doctor", "--output", "json")

    told = json.loads(answer.stdout)
    assert (answer.exit_code, told["status"]) == (1, "problems")
    assert [(check["about"], check["state"]) for check in told["checks"]] == [
        ("settings", "well"),
        ("store", "problem"),
        ("content", "problem"),
    ]


def test_settings_that_cannot_be_are_told_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = commands_in(tmp_path, monkeypatch)
    monkeypatch.setenv("SCHEDULER_CONCURRENCY", "0")

    answer = run("doctor")

    assert answer.exit_code == 1
    assert "SCHEDULER_CONCURRENCY" in answer.stdout


@pytest.mark.postgres
def test_an_application_s_tables_are_told_with_the_sql_that_mends_them(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = commands_in(tmp_path, monkeypatch)
    url = server.database("examined")
    base = ContentOnServer(server, url, "public")
    base.script(DDL + "CREATE TABLE award (id serial PRIMARY KEY, post_id int REFERENCES post (id))")
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("SCHEDULER_STORE", "sqlite")

    sick = run("doctor")
    base.script("DROP TABLE award")
    weak = run("doctor")
    base.close()

    assert (sick.exit_code, weak.exit_code) == (1, 0), (sick.stdout, weak.stdout)
    assert "FAULT  content   The column award.post_id refers to post" in sick.stdout
    assert "ALTER TABLE public.award DROP CONSTRAINT award_post_id_fkey" in sick.stdout
    assert "FAULT" not in weak.stdout
    assert "CREATE INDEX CONCURRENTLY ON public.read_posts (read_post_id);" in weak.stdout
    assert "p@ss" not in sick.stdout
    assert "p%40ss" not in sick.stdout
