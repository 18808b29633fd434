"""One task over the API: made, read, replaced, changed, paused, run and deleted."""

from datetime import timedelta

import pytest

from domain.scheduling.identifiers import TaskId
from tests.integration.web.dashboard import TASKS, Dashboard, a_body

EVERY_FIELD = {
    "id", "name", "handler", "task_type", "schedule_type", "schedule", "payload", "timezone", "status", "enabled",
    "max_retries", "created_at", "updated_at", "last_run_at", "next_run_at", "run_count", "error_count", "last_error",
    "policy", "tags", "description", "delivery", "version", "pause", "warnings",
}  # fmt: skip


async def test_the_minimal_body_of_the_guide_makes_a_task(dashboard: Dashboard) -> None:
    answer = await dashboard.call("POST", TASKS, a_body(name="cleanup", payload={"days_to_keep": 30}))

    task = answer.json
    assert answer.status == 201
    assert answer.headers["Location"] == f"{TASKS}/{task['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert task.keys() >= EVERY_FIELD
    assert task["payload"] == {"days_to_keep": 30}
    assert (task["status"], task["enabled"], task["max_retries"]) == ("active", True, 3)
    assert task["next_run_at"] == "2024-01-16T02:00:00Z"


async def test_a_payload_may_be_the_text_of_an_object(dashboard: Dashboard) -> None:
    task = await dashboard.create(payload='{"days_to_keep": 30}')

    assert task["payload"] == {"days_to_keep": 30}


async def test_what_was_created_is_read_back_the_same(dashboard: Dashboard) -> None:
    created = await dashboard.create(tags=["a", "b"], policy={"misfire": "all", "overlap": "allow", "grace": "PT1H"})

    read = await dashboard.get(f"{TASKS}/{created['id']}")

    assert read.status == 200
    assert read.headers["ETag"] == '"1"'
    assert read.json == created


async def test_what_was_read_can_be_put_back_as_it_is_and_makes_no_new_version(dashboard: Dashboard) -> None:
    created = await dashboard.create(policy={"backoff": {"kind": "fixed", "initial": "PT10S"}, "jitter": "PT30S"})

    put = await dashboard.call("PUT", f"{TASKS}/{created['id']}", created)

    assert put.status == 200
    assert put.json == created


async def test_a_dry_run_stores_nothing_and_says_what_would_be(dashboard: Dashboard) -> None:
    before = dashboard.kept()

    answer = await dashboard.call("POST", f"{TASKS}?dry_run=true", a_body())

    assert answer.status == 200
    assert answer.json["id"] is None
    assert answer.json["next_run_at"] == "2024-01-16T02:00:00Z"
    assert dashboard.kept() == before


async def test_put_replaces_the_definition_and_keeps_the_rest(dashboard: Dashboard) -> None:
    task = await dashboard.create(tags=["nightly"], description="kept")

    answer = await dashboard.call("PUT", f"{TASKS}/{task['id']}", a_body(schedule="30 3 * * *"))

    assert answer.headers["ETag"] == '"2"'
    assert answer.json["schedule"] == "30 3 * * *"
    assert (answer.json["id"], answer.json["tags"], answer.json["description"]) == (task["id"], ["nightly"], "kept")


@pytest.mark.parametrize("content_type", ["application/json", "application/merge-patch+json"])
async def test_patch_changes_only_what_it_names(dashboard: Dashboard, content_type: str) -> None:
    task = await dashboard.create(payload={"a": 1, "b": 2})

    raw = b'{"payload": {"a": null, "c": 3}, "policy": {"timeout": "PT1M"}}'
    answer = await dashboard.call("PATCH", f"{TASKS}/{task['id']}", raw=raw, headers={"Content-Type": content_type})

    assert answer.status == 200
    assert answer.json["payload"] == {"b": 2, "c": 3}
    assert answer.json["policy"] == {**task["policy"], "timeout": "PT1M"}
    assert answer.json["schedule"] == task["schedule"]


async def test_a_deleted_task_is_gone(dashboard: Dashboard) -> None:
    task = await dashboard.create()

    deleted = await dashboard.call("DELETE", f"{TASKS}/{task['id']}")
    read = await dashboard.get(f"{TASKS}/{task['id']}")

    assert (deleted.status, deleted.text) == (204, "")
    assert read.status == 404
    assert read.json["error"] == "Task not found"
    assert (await dashboard.get(TASKS)).json["total"] == 0


async def test_pause_and_resume_say_so_and_answer_with_the_task(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    body = {"reason": "database upgrade", "until": "2024-01-17T10:00:00+01:00"}

    paused = await dashboard.call("POST", f"{TASKS}/{task['id']}/pause", body)
    resumed = await dashboard.call("POST", f"{TASKS}/{task['id']}/resume")

    assert paused.status == 200
    assert paused.json["message"] == "Task paused"
    assert paused.json["pause"] == {
        "reason": "database upgrade", "by": "local", "at": "2024-01-15T12:00:00Z", "until": "2024-01-17T09:00:00Z",
        "mode": "drain",
    }  # fmt: skip
    assert (paused.json["status"], paused.json["enabled"], paused.json["next_run_at"]) == ("paused", False, None)
    assert resumed.json["message"] == "Task resumed"
    assert (resumed.json["status"], resumed.json["pause"]) == ("active", None)


async def test_every_change_takes_a_reason(dashboard: Dashboard) -> None:
    task = await dashboard.create(reason="a new customer")
    path, why = f"{TASKS}/{task['id']}", {"reason": "because"}
    await dashboard.call("PUT", path, a_body(schedule="0 4 * * *", reason="after the backup"))
    await dashboard.call("PATCH", path, {"schedule": "0 5 * * *", "reason": "later still"})
    for verb in ("pause", "resume", "run"):
        assert (await dashboard.call("POST", f"{path}/{verb}", why)).status < 300
    assert (await dashboard.call("DELETE", path, why)).status == 204

    changes = await dashboard.stores.history.changes(TaskId(task["id"]), limit=10)

    assert [(each.change.action, each.change.reason) for each in reversed(changes)] == [
        ("create", "a new customer"),
        ("edit", "after the backup"),
        ("edit", "later still"),
        ("pause", "because"),
        ("resume", "because"),
        ("run", "because"),
        ("delete", "because"),
    ]
    assert "reason" not in task


async def test_a_second_pause_keeps_what_it_does_not_give(dashboard: Dashboard) -> None:
    path = f"{TASKS}/{(await dashboard.create())['id']}/pause"
    given = {"reason": "work", "until": "2024-01-15T13:00:00Z", "mode": "now"}
    await dashboard.call("POST", path, given)

    bare = (await dashboard.call("POST", path)).json["pause"]
    other = (await dashboard.call("POST", path, {"reason": "more work"})).json["pause"]
    open_ended = (await dashboard.call("POST", path, {"until": None})).json["pause"]

    assert bare == {**given, "by": "local", "at": "2024-01-15T12:00:00Z"}
    assert other == {**bare, "reason": "more work"}
    assert open_ended == {**other, "until": None}


async def test_resuming_what_is_not_paused_says_so(dashboard: Dashboard) -> None:
    task = await dashboard.create()

    answer = await dashboard.call("POST", f"{TASKS}/{task['id']}/resume")

    assert (answer.status, answer.json["message"], answer.headers["ETag"]) == (
        200,
        "Nothing to resume: the task is not paused",
        '"1"',
    )


async def test_what_is_not_there_is_named(dashboard: Dashboard) -> None:
    answer = await dashboard.get(f"{TASKS}/nobody")

    assert (answer.json["error"], answer.json["detail"]) == ("Task not found", "there is no task 'nobody'")


async def test_pause_and_resume_need_no_body(dashboard: Dashboard) -> None:
    task = await dashboard.create()

    answers = [await dashboard.call("POST", f"{TASKS}/{task['id']}/{verb}") for verb in ("pause", "pause", "resume")]

    assert [answer.status for answer in answers] == [200, 200, 200]


async def test_resume_can_run_what_was_missed(dashboard: Dashboard) -> None:
    task = await dashboard.create(schedule="0 * * * *")
    await dashboard.call("POST", f"{TASKS}/{task['id']}/pause")
    dashboard.clock.advance(timedelta(hours=3))

    answer = await dashboard.call("POST", f"{TASKS}/{task['id']}/resume", {"missed": "latest"})

    assert answer.json["open_executions"] == 1


async def test_run_answers_with_where_to_follow_it(dashboard: Dashboard) -> None:
    task = await dashboard.create()

    answer = await dashboard.call("POST", f"{TASKS}/{task['id']}/run", {"payload": {"only": "now"}})
    followed = await dashboard.get(answer.headers["Location"])

    assert answer.status == 202
    assert answer.json["message"] == "Task queued to run now"
    assert followed.json["id"] == answer.json["execution_id"]
    assert (followed.json["kind"], followed.json["state"]) == ("manual", "pending")
    assert followed.json["payload"] == {"only": "now"}


async def test_a_second_run_beside_an_open_one_must_be_asked_for(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    await dashboard.call("POST", f"{TASKS}/{task['id']}/run")

    refused = await dashboard.call("POST", f"{TASKS}/{task['id']}/run")
    beside = await dashboard.call("POST", f"{TASKS}/{task['id']}/run", {"overlap": "allow"})

    assert refused.status == 409
    assert refused.faults == [("", "already_running")]
    assert beside.status == 202


async def test_a_name_that_is_taken_is_a_conflict(dashboard: Dashboard) -> None:
    task = await dashboard.create("report")

    answer = await dashboard.call("POST", TASKS, a_body(name="report"))

    assert answer.status == 409
    assert answer.faults == [("/name", "name_taken")]
    assert answer.json["taken_by"] == task["id"]
