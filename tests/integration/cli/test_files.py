"""Files of tasks by the command line: telling, applying, pruning, crontabs, and the exit code of each."""

import json

from tests.support.commands import Run

FILE = """\
apiVersion: scheduler/v1
manager: billing-repo
tasks:
  nightly: {schedule: {cron: "30 2 * * 1-5"}, task_type: billing, payload: {mode: full}}
  pulse: {schedule: {every: 15m}, task_type: billing}
"""


def test_what_a_file_would_change_is_told_then_done_then_done_no_more(run: Run) -> None:
    told = run("diff", "-f", "-", stdin=FILE)
    tried = run("apply", "-f", "-", "--dry-run", stdin=FILE)
    done = run("apply", "-f", "-", "--reason", "release 7", stdin=FILE)
    same = run("diff", "-f", "-", stdin=FILE)
    again = run("apply", "-f", "-", stdin=FILE)

    assert (told.exit_code, tried.exit_code, done.exit_code, same.exit_code, again.exit_code) == (1, 0, 0, 0, 0)
    assert told.stdout == done.stdout == "+ nightly created\n+ pulse created\n2 created; 0 with drift.\n"
    assert "Dry run: nothing was done." in tried.stderr
    assert same.stdout == "2 unchanged; 0 with drift.\n"
    (version,) = json.loads(run("versions", "pulse", "--output", "json").stdout)
    assert version["change"]["reason"] == "the file of billing-repo: release 7"


def test_differences_and_drift_are_told_field_by_field(run: Run) -> None:
    run("apply", "-f", "-", stdin=FILE)
    run("edit", "nightly", "-", stdin={"payload": {"mode": "delta"}, "description": "two\nlines"})

    told = run("diff", "-f", "-", stdin=FILE)

    assert told.stdout.splitlines() == [
        "~ nightly changed",
        '    payload, mode: "delta" → "full"',
        "    drift, kept: description: two\\nlines (the file alone: nothing)",
        "1 changed, 1 unchanged; 1 with drift.",
    ]


def test_pruning_names_what_it_deletes_and_is_limited(run: Run) -> None:
    run("apply", "-f", "-", stdin=FILE)
    without = FILE[: FILE.index("  pulse")]

    tried = run("apply", "-f", "-", "--prune", "--dry-run", stdin=without)
    refused = run("apply", "-f", "-", "--prune", stdin=without)
    done = run("apply", "-f", "-", "--prune", "--prune-limit", "50", stdin=without)

    assert "would be refused: --prune-limit: 1 of the 2 tasks" in tried.stderr
    assert (refused.exit_code, "--prune-limit: 1 of the 2 tasks" in refused.stderr) == (2, True)
    assert done.stdout == "- pulse pruned\n1 unchanged, 1 pruned; 0 with drift.\n"
    assert [task["name"] for task in json.loads(run("list", "--deleted", "--output", "json").stdout)] == ["pulse"]


def test_what_is_no_such_file_is_refused_as_a_whole_with_its_places(run: Run) -> None:
    for text, told in (
        (FILE.replace("30 2", "61 2"), "/tasks/nightly/schedule/cron: line 4: "),
        (FILE.replace("every", "evry"), "/tasks/pulse/schedule/evry: line 5: there is no such field - did you mean"),
        ("a: &x 1\nb: *x", "line 2: aliases are not read"),
        ("x: !!python/object:os.system {}", "line 1: tags are not read"),
        ("{", "not JSON"),
        ("# " + "x" * 1024 * 1024, "more than 1,048,576 bytes"),
    ):
        answer = run("apply", "-f", "-", stdin=text)
        assert (answer.exit_code, answer.stdout) == (2, "")
        assert told in answer.stderr
    assert run("list").stdout == "None.\n"


def test_what_is_exported_can_be_applied(run: Run) -> None:
    run("create", "-", stdin={"name": "a", "task_type": "x", "schedule_type": "cron", "schedule": "5 * * * *"})
    exported = {"apiVersion": "scheduler/v1", "tasks": {"b": {"schedule": {"cron": "5 * * * *"}, "task_type": "x"}}}

    answer = run("apply", "-f", "-", "--output", "json", "--manager", "me", stdin=exported)

    told = json.loads(answer.stdout)
    assert (told["manager"], told["counts"]["created"], told["results"][0]["name"]) == ("me", 1, "b")


def test_a_crontab_becomes_tasks_whose_payload_is_the_command(run: Run) -> None:
    lines = "MAILTO=x\nCRON_TZ=Europe/Berlin\n15 2 * * 1-5 /usr/bin/backup --all\n@hourly date\n"

    done = run("import", "crontab", "-", stdin=lines)
    bad = run("import", "crontab", "-", stdin="61 * * * * x\n* * * *\n@reboot y\n")

    assert done.stdout == "+ backup-all created\n+ date created\n2 created; 0 with drift.\n"
    task = json.loads(run("get", "backup-all").stdout)
    assert (task["timezone"], task["payload"], task["handler"]) == (
        "Europe/Berlin",
        {"command": "/usr/bin/backup --all"},
        "command",
    )
    assert (bad.exit_code, "line 2: this is no job" in bad.stderr) == (2, True)
