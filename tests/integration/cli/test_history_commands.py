"""The commands on what was: versions, restore, undelete, dead letters, redrive, backfill, cancel."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from adapters.sql.store import open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.drafts import body_from
from application.scheduling.ports.execution_store import Beat, LogLine, Settlement
from application.scheduling.services.change_task import Author
from domain.scheduling.change import Via
from domain.scheduling.identifiers import ClaimToken, NodeId, TaskId
from entrypoints.cli.answers import with_services
from tests.support.builders import a_failure

Run = Callable[..., Result]
HOURLY = {"name": "digest", "task_type": "mail", "schedule_type": "cron", "schedule": "0 * * * *"}


def die(path: Path, *, log: str = "") -> None:
    """Claim the pending execution and end it for good, once it has logged a line."""

    async def settle() -> None:
        async with open_sqlite_store(path / "scheduler.db", SystemClock(), SystemEntropy()) as stores:
            (claim,) = await stores.executions.claim(NodeId("worker"), [ClaimToken("token")])
            lines = (LogLine(SystemClock().now(), "info", log),) if log else ()
            await stores.executions.heartbeat(NodeId("worker"), [Beat(claim.execution.id, claim.token, log=lines)])
            await stores.executions.settle([Settlement(claim.execution.id, claim.token, a_failure(text="no disk"))])

    asyncio.run(settle())


def edit(task_id: str, **fields: object) -> None:
    """Give the task another definition, as the API would."""
    body = body_from({**HOURLY, **fields})
    with_services(lambda services: services.manage_tasks().replace(TaskId(task_id), body, Author("ana", Via.API)))


def rows_of(answer: Result) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(answer.stdout)
    return rows


@pytest.fixture
def digest(run: Run) -> str:
    """The id of a task that runs every hour."""
    return str(json.loads(run("create", "-", stdin=HOURLY).stdout)["id"])


def test_a_task_goes_back_to_an_earlier_version(run: Run, digest: str) -> None:
    run("pause", "digest", "--reason", "holidays")

    tried = json.loads(run("restore", "digest", "1", "--dry-run").stdout)
    versions = rows_of(run("versions", "digest", "--output", "json"))

    assert tried["schedule"] == "0 * * * *"
    assert "Nothing to restore: digest says what version 1 said" in run("restore", "digest", "1").stderr
    assert [(each["version"], each["redefines"]) for each in versions] == [(2, False), (1, True)]
    assert "holidays" in run("versions", "digest").stdout
    assert json.loads(run("restore", "digest", "1", "--reason", "oops").stdout)["status"] == "paused"
    missing = run("restore", digest, "9")
    assert (missing.exit_code, "version 9" in missing.stderr) == (4, True)


def test_a_restore_says_beside_the_task_what_it_did(run: Run, digest: str) -> None:
    edit(digest, name="weekly", schedule="0 0 * * 0", policy={"grace": "1h"})

    tried, done = run("restore", "weekly", "1", "--dry-run"), run("restore", "weekly", "1")

    assert tried.stderr == "Dry run: nothing was restored.\n"
    assert done.stderr == "Restored version 1 of weekly.\n"
    rows = run("versions", "digest").stdout.splitlines()
    assert ["name, handler, schedule, grace" in row for row in rows] == [False, True, True, False]
    assert "name, handler, schedule, grace" in run("versions", "digest", "--limit", "1").stdout


def test_a_deleted_task_is_listed_and_comes_back(run: Run, digest: str) -> None:
    assert run("undelete", digest).exit_code == 4
    run("delete", "digest", "--yes")

    assert digest in run("list", "--deleted").stdout
    assert run("undelete", digest, "--reason", "oops").stdout == "Undeleted digest.\n"
    assert rows_of(run("list", "--output", "json"))[0]["name"] == "digest"
    assert run("list", "--deleted").stdout == "None.\n"


def test_a_dead_execution_is_listed_and_redriven_once(run: Run, digest: str, tmp_path: Path) -> None:
    dead = run("run", "digest").stdout.strip()
    assert run("redrive", dead).exit_code == 3
    die(tmp_path)

    again = run("redrive", dead, "--reason", "there is room").stdout.strip()

    assert "RuntimeError: no disk" in run("dead-letters").stdout
    (letter,) = rows_of(run("dead-letters", "digest", "--output", "json"))
    assert (letter["id"], letter["task_id"], letter["redriven_by"]) == (dead, digest, again)
    assert run("redrive", dead).stdout.strip() == again
    stopped = run("redrive", dead, "nobody", again)
    assert (stopped.exit_code, stopped.stdout.strip()) == (4, again)
    assert "there is no execution 'nobody'" in stopped.stderr
    assert f"Error: {again}: the execution is pending" in run("redrive", again).stderr
    assert run("redrive").exit_code == 2


def test_an_execution_is_cancelled_unless_it_has_ended(run: Run, digest: str, tmp_path: Path) -> None:
    ended = run("run", digest).stdout.strip()
    die(tmp_path)
    pending = run("run", digest).stdout.strip()

    assert run("cancel", pending, "--reason", "wrong day").stdout == f"Cancelled {pending}.\n"
    assert run("cancel", pending).stdout == f"{pending} had already ended: cancelled.\n"
    assert run("cancel", ended).stdout == f"{ended} had already ended: dead.\n"
    assert run("cancel", "nobody").exit_code == 4


def test_an_execution_is_shown_with_what_went_wrong_and_its_log(run: Run, digest: str, tmp_path: Path) -> None:
    dead = run("run", digest).stdout.strip()
    die(tmp_path, log="half way\x1b[2J")
    cancelled = run("run", digest).stdout.strip()
    run("cancel", cancelled, "--reason", "wrong day")

    lines = run("execution", dead).stdout.splitlines()
    told = json.loads(run("execution", dead, "--output", "json").stdout)

    assert lines[0] == f"{dead} of digest: dead"
    assert lines[1].startswith("  manual, version 1, asked for at ")
    assert (lines[2][:8], lines[2].partition(" on worker: ")[2][:10]) == ("Start 1 ", "failed at ")
    assert lines[3:5] == ["  RuntimeError: no disk", ""]
    assert lines[5].endswith("info    half way\\x1b[2J")
    assert (told["id"], [each["text"] for each in told["log"]]) == (dead, ["half way\x1b[2J"])
    assert "asked for it to be cancelled at " in run("execution", cancelled).stdout
    assert run("execution", "nobody").exit_code == 4


def test_a_day_as_the_end_of_a_span_is_in_it_whole(run: Run, digest: str) -> None:
    span = ("--from", "2024-01-15T22:00", "--until", "2024-01-15")

    rows = rows_of(run("backfill", digest, *span, "--allow-overlap", "--output", "json"))

    assert [each["nominal_at"] for each in rows] == ["2024-01-15T22:00:00Z", "2024-01-15T23:00:00Z"]


def test_a_dry_run_of_a_backfill_says_what_a_real_one_needs(run: Run, digest: str) -> None:
    span = ("--from", "2024-01-15T22:00", "--until", "2024-01-15")

    tried = run("backfill", digest, *span, "--dry-run")

    assert tried.exit_code == 0
    assert tried.stdout.count("2024-01-15T") == 2
    assert tried.stderr == (
        "Dry run: nothing was run.\n"
        "As asked for, a real run would be refused: 2 executions of this task would be open at once"
        " - give --allow-overlap, or ask for one occurrence at a time\n"
    )


def test_a_span_of_the_past_is_run(run: Run, digest: str) -> None:
    span = ("--from", "2024-01-15T10:00", "--until", "2024-01-15T13:00+01:00")

    tried = rows_of(run("backfill", "digest", *span, "--allow-overlap", "--dry-run", "--output", "json"))
    refused = run("backfill", "digest", *span)
    made = rows_of(run("backfill", "digest", *span, "--allow-overlap", "--output", "json"))

    nominal = ["2024-01-15T10:00:00Z", "2024-01-15T11:00:00Z", "2024-01-15T12:00:00Z"]
    assert [each["nominal_at"] for each in tried] == [each["nominal_at"] for each in made] == nominal
    assert {each["execution_id"] for each in tried} == {None}
    assert (refused.exit_code, "give --allow-overlap" in refused.stderr) == (3, True)
    listed = rows_of(run("executions", digest, "--output", "json"))
    assert {each["id"] for each in listed} == {each["execution_id"] for each in made}


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (("--from", "2024-01-15T10:00", "--until", "2199-01-01T00:00"), "--until: a backfill is for the past"),
        (("--from", "2024-01-01T00:00", "--until", "2024-01-15T10:00"), "more than 100 occurrences"),
        (("--from", "yesterday", "--until", "2024-01-15T10:00"), "--from: "),
        (("--from", "2024-01-15T10:00", "--until", "2024-02-30T10:00"), "--until: "),
    ],
)
def test_a_span_that_cannot_be_run_is_told_with_its_option(
    run: Run, digest: str, span: tuple[str, ...], told: str
) -> None:
    answer = run("backfill", digest, *span, "--allow-overlap")

    assert (answer.exit_code, told in answer.stderr) == (2, True)
    assert run("executions", digest).stdout == "None.\n"
