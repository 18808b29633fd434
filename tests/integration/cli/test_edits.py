"""Changing tasks by files, and making others like them: what is kept, what is refused, and with which exit code."""

import json

from tests.support.commands import Run

DIGEST = {
    "name": "digest",
    "task_type": "mail",
    "schedule_type": "interval",
    "schedule": "90m",
    "timezone": "Europe/Berlin",
    "payload": {"mode": "full"},
    "tags": ["people"],
}


def test_an_edit_changes_what_the_file_says_and_nothing_else(run: Run) -> None:
    before = json.loads(run("create", "-", stdin=DIGEST).stdout)

    answer = run("edit", "digest", "-", "--reason", "quieter", stdin={"schedule": "2h", "payload": {"mode": None}})

    told = json.loads(answer.stdout)
    changed = {key for key in told if told[key] != before[key]}
    assert answer.exit_code == 0
    assert (told["schedule"], told["payload"], told["tags"], told["version"]) == ("2h", {}, ["people"], 2)
    assert not changed & {"id", "name", "handler", "task_type", "timezone", "tags", "policy", "created_at", "status"}
    (last, _) = json.loads(run("versions", "digest", "--output", "json").stdout)
    assert last["change"]["reason"] == "quieter"


def test_what_get_prints_can_be_edited_and_is_refused_once_another_came_before(run: Run) -> None:
    run("create", "-", stdin=DIGEST)
    document = json.loads(run("get", "digest").stdout)

    mine = run("edit", "digest", "-", stdin={**document, "description": "mine"})
    late = run("edit", "digest", "-", stdin={**document, "description": "late"})

    assert (mine.exit_code, json.loads(mine.stdout)["description"]) == (0, "mine")
    assert (late.exit_code, late.stdout) == (3, "")
    assert json.loads(run("get", "digest").stdout)["description"] == "mine"


def test_an_edit_that_makes_no_sense_is_refused_with_its_field(run: Run) -> None:
    before = run("create", "-", stdin=DIGEST).stdout

    for text, told in (
        ("[]", "a change is a JSON object"),
        ("{", "not JSON"),
        ('{"colour": "red"}', "/colour: there is no such field"),
        ('{"schedule_type": "cron", "schedule": "0 0 31 2 *"}', "/schedule: "),
        ('{"name": null}', "/name: "),
    ):
        answer = run("edit", "digest", "-", stdin=text)
        assert (answer.exit_code, answer.stdout) == (2, "")
        assert told in answer.stderr
    assert json.loads(run("get", "digest").stdout)["version"] == json.loads(before)["version"]


def test_a_clone_runs_the_same_handler_and_begins_anew(run: Run) -> None:
    first = json.loads(run("create", "-", stdin={**DIGEST, "anchor": "2020-01-01T00:00:00Z"}).stdout)

    answer = run("clone", "digest", "digest 2")

    told = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert (told["name"], told["handler"], told["version"], told["run_count"]) == ("digest 2", "digest", 1, 0)
    assert {key: told[key] for key in ("schedule", "timezone", "payload", "tags", "policy")} == {
        key: first[key] for key in ("schedule", "timezone", "payload", "tags", "policy")
    }
    assert told["anchor"] != first["anchor"]
    assert told["id"] != first["id"]


def test_a_clone_needs_a_name_of_its_own_and_something_to_be_like(run: Run) -> None:
    run("create", "-", stdin=DIGEST)

    assert run("clone", "digest", "digest").exit_code == 3
    assert run("clone", "nobody", "somebody").exit_code == 4
    assert run("edit", "nobody", "-", stdin={}).exit_code == 4
    assert json.loads(run("clone", "digest", "another", "--dry-run").stdout)["name"] == "another"
    assert len(json.loads(run("list", "--output", "json").stdout)) == 1


def test_health_says_why_the_work_does_not_get_done_and_exits_with_1(run: Run) -> None:
    answer, told = run("health"), run("health", "--output", "json")

    assert (answer.exit_code, told.exit_code) == (1, 1)
    assert answer.stdout.splitlines() == [
        "No scheduler is running.",
        "No worker is running.",
        "0 schedulers and 0 workers at work.",
    ]
    assert json.loads(told.stdout) == {
        "status": "unhealthy",
        "problems": ["no scheduler is running", "no worker is running"],
        "schedulers": 0,
        "workers": 0,
        "overdue_since": None,
        "held": None,
    }
