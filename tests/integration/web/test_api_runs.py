"""Executions asked for by hand, by the API: dead letters, redrive, backfill."""

from typing import Any

import pytest

from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.task import ScheduledTask
from tests.integration.web.dashboard import PREFIX, TASKS, Answer, Dashboard
from tests.support.builders import a_failure

EXECUTIONS = f"{PREFIX}/api/executions"
DEAD_LETTERS = f"{PREFIX}/api/dead-letters"
KEY = {"Idempotency-Key": "order/4711 & more"}
MORNING = {"from": "2024-01-15T10:00:00Z", "until": "2024-01-15T13:00:00+01:00"}


async def a_stored_task(dashboard: Dashboard, name: str = "report", schedule: str = "0 * * * *") -> ScheduledTask:
    document = await dashboard.create(name, schedule=schedule, policy={"fail_after": None})
    task = await dashboard.store.tasks.get(TaskId(document["id"]))
    assert isinstance(task, ScheduledTask)
    return task


async def a_death(dashboard: Dashboard, task: ScheduledTask) -> ExecutionId:
    claim = await dashboard.store.started(task)
    await dashboard.store.settle(claim, a_failure())
    return claim.execution.id


async def backfilled(dashboard: Dashboard, task_id: str, body: dict[str, Any], **headers: str) -> Answer:
    return await dashboard.call("POST", f"{TASKS}/{task_id}/backfill", body, headers=headers)


async def test_dead_letters_tell_what_came_of_them(dashboard: Dashboard) -> None:
    tasks = [await a_stored_task(dashboard, "one"), await a_stored_task(dashboard, "other", "0 18 * * *")]
    first, second = [await a_death(dashboard, task) for task in tasks]
    again = (await dashboard.call("POST", f"{EXECUTIONS}/{first}/redrive")).json["execution_id"]

    everything = (await dashboard.get(DEAD_LETTERS)).json
    of_one = (await dashboard.get(f"{DEAD_LETTERS}?task={tasks[0].id}")).json
    page = (await dashboard.get(f"{DEAD_LETTERS}?limit=1")).json

    assert [(each["id"], each["redriven_by"]) for each in everything["dead_letters"]] == [
        (second, None),
        (first, again),
    ]
    assert [each["id"] for each in of_one["dead_letters"]] == [first]
    rest = (await dashboard.get(f"{DEAD_LETTERS}?cursor={page['next_cursor']}")).json
    assert [each["id"] for each in (*page["dead_letters"], *rest["dead_letters"])] == [second, first]
    assert (await dashboard.get(f"{DEAD_LETTERS}?state=dead")).status == 400


async def test_a_redrive_answers_like_a_run_and_only_once(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    dead = await a_death(dashboard, task)

    first = await dashboard.call("POST", f"{EXECUTIONS}/{dead}/redrive", {"reason": "the disk has room again"})
    second = await dashboard.call("POST", f"{EXECUTIONS}/{dead}/redrive", {"overlap": "allow"}, headers=KEY)

    run = first.json["execution_id"]
    assert (first.status, first.json["redrive_of"], first.json["task_id"]) == (202, dead, task.id)
    assert first.headers["Location"] == f"{EXECUTIONS}/{run}"
    assert "Idempotency-Replayed" not in first.headers
    assert (second.status, second.json["execution_id"]) == (202, run)
    assert second.headers["Idempotency-Replayed"] == "true"
    told = (await dashboard.get(f"{EXECUTIONS}/{run}")).json
    assert (told["kind"], told["redrive_of"], told["redriven_by"]) == ("manual", dead, None)
    assert (await dashboard.get(f"{EXECUTIONS}/{dead}")).json["redriven_by"] == run


async def test_a_redrive_can_be_refused(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    dead = await a_death(dashboard, task)
    open_ = (await dashboard.call("POST", f"{TASKS}/{task.id}/run")).json["execution_id"]

    busy = await dashboard.call("POST", f"{EXECUTIONS}/{dead}/redrive")
    living = await dashboard.call("POST", f"{EXECUTIONS}/{open_}/redrive", {"overlap": "allow"})
    nobody = await dashboard.call("POST", f"{EXECUTIONS}/nobody/redrive")

    assert (busy.status, busy.faults) == (409, [("", "already_running")])
    assert (living.status, living.faults) == (409, [("", "not_dead")])
    assert nobody.status == 404
    assert (await dashboard.call("POST", f"{EXECUTIONS}/{dead}/redrive", {"overlap": "allow"})).status == 202


async def test_a_backfill_tells_its_executions_and_where_to_follow_them(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    await dashboard.create("bystander")

    answer = await backfilled(dashboard, task.id, {**MORNING, "overlap": "allow"}, **KEY)
    again = await backfilled(dashboard, task.id, {**MORNING, "overlap": "allow"}, **KEY)

    assert (answer.status, answer.json["message"]) == (202, "3 executions queued")
    assert [each["nominal_at"] for each in answer.json["executions"]] == [
        "2024-01-15T10:00:00Z",
        "2024-01-15T11:00:00Z",
        "2024-01-15T12:00:00Z",
    ]
    assert (again.status, again.json["executions"]) == (202, answer.json["executions"])
    assert again.headers["Idempotency-Replayed"] == "true"
    await dashboard.call("POST", f"{TASKS}/{task.id}/run", {"overlap": "allow"})
    followed = (await dashboard.get(answer.headers["Location"])).json["executions"]
    assert [each["id"] for each in reversed(followed)] == [each["execution_id"] for each in answer.json["executions"]]
    assert {(each["kind"], each["state"]) for each in followed} == {("backfill", "pending")}


async def test_a_dry_run_of_a_backfill_says_what_a_real_one_needs(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)

    several = await backfilled(dashboard, task.id, {**MORNING, "dry_run": True})
    allowed = await backfilled(dashboard, task.id, {**MORNING, "dry_run": True, "overlap": "allow"})

    (remark,) = several.json["remarks"]
    assert (several.status, len(several.json["executions"]), remark["code"]) == (200, 3, "runs_overlap")
    assert '"overlap": "allow"' in remark["hint"]
    assert allowed.json["remarks"] == []


async def test_one_is_one(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    once = {**MORNING, "until": MORNING["from"]}

    tried = await backfilled(dashboard, task.id, {**once, "dry_run": True})
    made = await backfilled(dashboard, task.id, once)

    assert [each.json["message"] for each in (tried, made)] == [
        "Dry run: 1 occurrence would be run",
        "1 execution queued",
    ]


async def test_a_dry_run_of_a_backfill_creates_nothing(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    before = dashboard.kept()

    answer = await backfilled(dashboard, task.id, {**MORNING, "overlap": "allow", "dry_run": True}, **KEY)

    assert (answer.status, answer.json["message"]) == (200, "Dry run: 3 occurrences would be run")
    assert [each["execution_id"] for each in answer.json["executions"]] == [None] * 3
    assert dashboard.kept() == before


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        ({**MORNING, "until": "2024-01-15T12:00:01Z", "overlap": "allow"}, 422, ("/until", "in_the_future")),
        ({**MORNING, "until": "2024-01-15T09:00:00Z"}, 422, ("/until", "out_of_range")),
        ({**MORNING, "from": "2024-01-01T00:00:00Z"}, 422, ("/until", "too_many")),
        ({"from": "2024-01-15T10:01:00Z", "until": "2024-01-15T10:59:00Z"}, 422, ("/from", "no_occurrence")),
        (MORNING, 409, ("", "runs_overlap")),
        ({"until": "2024-01-15T10:00:00Z"}, 422, ("/from", "required")),
        ({**MORNING, "from": "2024-01-15T10:00:00"}, 422, ("/from", "no_offset")),
        ({**MORNING, "dry_run": "yes"}, 422, ("/dry_run", "wrong_type")),
    ],
)
async def test_a_backfill_is_refused_whole(
    dashboard: Dashboard, body: dict[str, Any], status: int, fault: tuple[str, str]
) -> None:
    task = await a_stored_task(dashboard)
    before = dashboard.kept()

    answer = await backfilled(dashboard, task.id, body)

    assert (answer.status, answer.faults) == (status, [fault])
    assert dashboard.kept() == before


async def test_a_backfill_needs_a_body_and_a_task(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)

    assert (await dashboard.call("POST", f"{TASKS}/{task.id}/backfill")).status == 415
    assert (await backfilled(dashboard, "nobody", {**MORNING, "overlap": "allow"})).status == 404
