"""Why, over the API."""

import pytest

from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask
from tests.integration.web.dashboard import TASKS, Dashboard
from tests.support.builders import HOUR

AT = "2024-01-15T13:00"


async def _a_stored_task(dashboard: Dashboard) -> ScheduledTask:
    document = await dashboard.create(schedule="0 * * * *")
    task = await dashboard.store.tasks.get(TaskId(document["id"]))
    assert isinstance(task, ScheduledTask)
    return task


async def test_a_run_is_told_with_its_code_its_sentences_and_its_evidence(dashboard: Dashboard) -> None:
    task = await _a_stored_task(dashboard)
    claim = await dashboard.store.started(task)
    await dashboard.store.settle(claim)
    dashboard.clock.advance(HOUR)

    answer = await dashboard.get(f"{TASKS}/{task.id}/explain?at={AT}")

    told = answer.json
    assert answer.status == 200
    assert (told["task_id"], told["task_name"], told["asked"], told["timezone"]) == (task.id, "report", AT, "UTC")
    assert told["spans"] == [{"since": "2024-01-15T13:00:00Z", "until": "2024-01-15T13:01:00Z"}]
    assert told["code"] == "succeeded"
    assert told["summary"].startswith("The run due at Mon 2024-01-15 13:00 UTC ran and succeeded")
    assert told["summary"] == told["details"][0]["sentences"][0]
    assert [(each["id"], each["state"]) for each in told["details"][0]["executions"]] == [
        (claim.execution.id, "succeeded")
    ]
    assert (told["before"], told["after"]["at"], told["after"]["code"]) == (None, "2024-01-15T14:00:00Z", "overdue")
    assert [(each["count"], each["at_least"]) for each in told["details"]] == [(1, False)]
    assert (told["records_since"], told["now"]) == ("2024-01-15T12:00:00Z", "2024-01-15T14:00:00Z")


async def test_what_was_passed_over_is_told_with_its_skip_and_the_changes_behind_it(dashboard: Dashboard) -> None:
    task = await _a_stored_task(dashboard)
    await dashboard.call("POST", f"{TASKS}/{task.id}/pause", {"reason": "upgrade"})
    dashboard.clock.advance(2 * HOUR)
    await dashboard.call("POST", f"{TASKS}/{task.id}/resume", {})

    (detail,) = (await dashboard.get(f"{TASKS}/{task.id}/explain?at={AT}")).json["details"]

    assert (detail["code"], detail["at"], detail["executions"]) == ("skipped_paused", "2024-01-15T13:00:00Z", [])
    assert detail["skip"] == {
        "reason": "paused",
        "first_at": "2024-01-15T13:00:00Z",
        "last_at": "2024-01-15T14:00:00Z",
        "count": 2,
        "at_least": False,
    }
    assert [(each["action"], each["by"], each["reason"]) for each in detail["changes"]] == [
        ("pause", "local", "upgrade"),
        ("resume", "local", ""),
    ]


@pytest.mark.parametrize("query", ["?at=2024-01-15T14:00%2B01:00", "?at=2024-01-15T14:00:00Z", "?at=2024-01-15"])
async def test_a_time_may_carry_an_offset_or_be_a_day(dashboard: Dashboard, query: str) -> None:
    task = await _a_stored_task(dashboard)

    assert (await dashboard.get(f"{TASKS}/{task.id}/explain{query}")).status == 200


async def test_a_deleted_task_is_explained(dashboard: Dashboard) -> None:
    task = await _a_stored_task(dashboard)
    await dashboard.call("DELETE", f"{TASKS}/{task.id}")

    assert (await dashboard.get(f"{TASKS}/{task.id}/explain?at={AT}")).json["code"] == "deleted"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "missing"),
        ("?at=", "missing"),
        ("?at=yesterday", "bad_instant"),
        ("?at=2024-02-30T00:00", "out_of_range"),
        ("?at=2024-01-15T14:00+01:00", "bad_instant"),
        (f"?at={AT}&at={AT}", "repeated_parameter"),
        (f"?at={AT}&on=x", "unknown_parameter"),
    ],
)
async def test_what_is_no_time_is_told_with_the_parameter(dashboard: Dashboard, query: str, code: str) -> None:
    task = await _a_stored_task(dashboard)

    answer = await dashboard.get(f"{TASKS}/{task.id}/explain{query}")

    assert answer.status == 400
    assert [each["code"] for each in answer.json["errors"]] == [code]


async def test_a_task_that_is_not_there_is_not_found(dashboard: Dashboard) -> None:
    assert (await dashboard.get(f"{TASKS}/nobody/explain?at={AT}")).status == 404
