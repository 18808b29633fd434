"""Where the settings leave no room for another task: commands say so, and do nothing."""

import json

import pytest

from tests.support.commands import Run

FILE = "apiVersion: scheduler/v1\ntasks: {tea: {schedule: {every: 15m}, task_type: mail}}\n"
TASK = {"name": "bread", "task_type": "mail", "schedule_type": "cron", "schedule": "0 2 * * *"}


def test_no_command_makes_more_tasks_than_the_settings_allow(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_TASKS_MAX", "1")
    first = run("create", "-", stdin=TASK)

    refused = [run("create", "-", stdin={**TASK, "name": "tea"}), run("apply", "-f", "-", stdin=FILE)]

    assert (first.exit_code, [each.exit_code for each in refused]) == (0, [2, 2])
    for each in refused:
        assert "there is no room for one more: there are 1 of at most 1 tasks" in each.stderr
        assert "SCHEDULER_TASKS_MAX" in each.stderr
    assert [task["name"] for task in json.loads(run("list", "--output", "json").stdout)] == ["bread"]
