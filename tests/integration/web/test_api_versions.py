"""What a task was, by the API: versions, restore, undelete."""

from datetime import timedelta

import pytest

from application.scheduling.ports.history import Retention
from tests.integration.web.dashboard import TASKS, Dashboard, a_body

KEY = {"Idempotency-Key": "order-4711"}


async def an_edited_task(dashboard: Dashboard) -> str:
    """A task in version 2, daily at five where its first version said two; its address."""
    task = await dashboard.create(payload={"days": 1})
    path = f"{TASKS}/{task['id']}"
    await dashboard.call("PUT", path, a_body(schedule="0 5 * * *"))
    return path


async def test_versions_tell_who_made_them_and_what_they_say(dashboard: Dashboard) -> None:
    path = await an_edited_task(dashboard)
    await dashboard.call("POST", f"{path}/pause", {"reason": "holidays"})

    told = (await dashboard.get(f"{path}/versions")).json["versions"]

    assert [(each["version"], each["change"]["action"], each["redefines"]) for each in told] == [
        (3, "pause", False),
        (2, "edit", True),
        (1, "create", True),
    ]
    assert told[0]["change"] == {
        "action": "pause",
        "by": "local",
        "via": "api",
        "at": "2024-01-15T12:00:00Z",
        "reason": "holidays",
    }
    assert [each["definition"]["schedule"] for each in told] == ["0 5 * * *", "0 5 * * *", "0 2 * * *"]
    assert (await dashboard.get(f"{path}/versions/1")).json == told[2]
    assert (await dashboard.get(f"{path}/versions?limit=1")).json["versions"] == told[:1]


async def test_a_versions_definition_is_a_body_that_may_be_sent(dashboard: Dashboard) -> None:
    path = await an_edited_task(dashboard)
    first = (await dashboard.get(f"{path}/versions/1")).json["definition"]

    answer = await dashboard.call("PUT", path, first)

    assert (answer.status, answer.json["schedule"], answer.json["payload"]) == (200, "0 2 * * *", {"days": 1})


async def test_restoring_is_an_edit_back(dashboard: Dashboard) -> None:
    path = await an_edited_task(dashboard)

    tried = await dashboard.call("POST", f"{path}/versions/1/restore?dry_run=true")
    restored = await dashboard.call("POST", f"{path}/versions/1/restore", {"reason": "oops"}, headers=KEY)
    again = await dashboard.call("POST", f"{path}/versions/1/restore", {"reason": "oops"}, headers=KEY)

    assert (tried.status, tried.json["schedule"]) == (200, "0 2 * * *")
    assert (tried.json["message"], restored.json["message"]) == (
        "Dry run: version 1 would be restored",
        "Version 1 restored",
    )
    assert tried.json["next_run_at"] == restored.json["next_run_at"] == "2024-01-16T02:00:00Z"
    assert (restored.status, restored.headers["ETag"], restored.json["payload"]) == (200, '"3"', {"days": 1})
    assert (again.headers["ETag"], again.headers["Idempotency-Replayed"]) == ('"3"', "true")
    newest, *_ = (await dashboard.get(f"{path}/versions")).json["versions"]
    assert (newest["change"]["action"], newest["change"]["reason"]) == ("restore", "version 1: oops")


async def test_restoring_what_the_task_says_already_is_told_to_change_nothing(dashboard: Dashboard) -> None:
    path = await an_edited_task(dashboard)

    answer = await dashboard.call("POST", f"{path}/versions/2/restore")

    assert answer.json["message"] == "Nothing to restore: the task says what version 2 said"
    assert (answer.headers["ETag"], answer.json["version"]) == ('"2"', 2)


async def test_a_restore_can_be_refused(dashboard: Dashboard) -> None:
    path = await an_edited_task(dashboard)
    before = dashboard.kept()

    stale = await dashboard.call("POST", f"{path}/versions/1/restore", headers={"If-Match": '"1"'})
    unknown = await dashboard.call("POST", f"{path}/versions/9/restore")
    strange = await dashboard.call("POST", f"{path}/versions/1/restore", {"colour": "red"})

    assert (stale.status, stale.headers["ETag"]) == (412, '"2"')
    assert (unknown.status, unknown.json["type"].rsplit("/", 1)[1]) == (404, "version_not_found")
    assert strange.status == 422
    assert dashboard.kept() == before


async def test_a_one_time_instant_that_has_passed_and_a_name_that_is_taken_are_refused(dashboard: Dashboard) -> None:
    once = await dashboard.create("once", schedule_type="one_time", schedule="2024-01-15T13:00:00Z")
    await dashboard.call("PUT", f"{TASKS}/{once['id']}", a_body(name="renamed"))
    dashboard.clock.advance(timedelta(days=1))
    past = await dashboard.call("POST", f"{TASKS}/{once['id']}/versions/1/restore")
    other = await dashboard.create("other")
    await dashboard.call("PATCH", f"{TASKS}/{other['id']}", {"name": "others"})
    heir = await dashboard.create("other")

    taken = await dashboard.call("POST", f"{TASKS}/{other['id']}/versions/1/restore")

    assert (past.status, past.faults) == (422, [("/schedule", "in_the_past")])
    assert (taken.status, taken.json["taken_by"]) == (409, heir["id"])


@pytest.mark.parametrize("number", ["0", "-1", "1.0", "one", "9" * 19])
async def test_what_is_no_number_is_no_version(dashboard: Dashboard, number: str) -> None:
    path = await an_edited_task(dashboard)

    assert (await dashboard.get(f"{path}/versions/{number}")).status == 404
    assert (await dashboard.call("POST", f"{path}/versions/{number}/restore")).status == 404


async def test_versions_of_nobody_are_not_found(dashboard: Dashboard) -> None:
    assert (await dashboard.get(f"{TASKS}/nobody/versions")).json["error"] == "Task not found"
    assert (await dashboard.call("POST", f"{TASKS}/nobody/versions/1/restore")).json["error"] == "Task not found"


async def test_a_deleted_task_is_listed_and_comes_back(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    path = f"{TASKS}/{task['id']}"
    await dashboard.call("DELETE", path)
    listed = (await dashboard.get(f"{TASKS}?deleted=true")).json

    back = await dashboard.call("POST", f"{path}/undelete", {"reason": "oops"}, headers=KEY)
    again = await dashboard.call("POST", f"{path}/undelete", {"reason": "oops"}, headers=KEY)

    assert [(each["id"], each["deleted_at"]) for each in listed["tasks"]] == [(task["id"], "2024-01-15T12:00:00Z")]
    assert (listed["total"], listed["counts"]["active"]) == (1, 1)
    assert (back.status, back.headers["ETag"], back.json["deleted_at"]) == (200, '"3"', None)
    assert back.json["message"] == "Task undeleted"
    assert (again.status, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert (await dashboard.get(f"{TASKS}?deleted=true")).json["total"] == 0
    assert (await dashboard.get(f"{TASKS}?deleted=false")).json["total"] == 1


async def test_a_task_that_is_not_deleted_or_gone_for_good_does_not_come_back(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    path = f"{TASKS}/{task['id']}"
    living = await dashboard.call("POST", f"{path}/undelete")
    await dashboard.call("DELETE", path)
    dashboard.clock.advance(timedelta(days=31))
    await dashboard.stores.history.prune(Retention(), limit=10)

    gone = await dashboard.call("POST", f"{path}/undelete")

    assert [living.status, gone.status] == [404, 404]
    assert (gone.json["error"], gone.json["detail"]) == ("Task not found", f"no deleted task has the id '{task['id']}'")
    assert [each["version"] for each in (await dashboard.get(f"{path}/versions")).json["versions"]] == [2, 1]


async def test_a_name_that_was_given_away_keeps_a_task_deleted(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    await dashboard.call("DELETE", f"{TASKS}/{task['id']}")
    heir = await dashboard.create()

    answer = await dashboard.call("POST", f"{TASKS}/{task['id']}/undelete")

    assert (answer.status, answer.json["taken_by"]) == (409, heir["id"])
    assert heir["id"] in answer.json["errors"][0]["hint"]
