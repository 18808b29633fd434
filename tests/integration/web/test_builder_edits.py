"""Editing on the page: nothing changes that was not touched, and two people who edit one task lose nothing."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.web.browser_form import BrowserForm
from tests.integration.web.dashboard import PAGE, TASKS, Answer, Dashboard

SCHEDULES = [
    {"schedule_type": "cron", "schedule": "0  */7 * * *"},
    {"schedule_type": "cron", "schedule": "@weekly", "timezone": "Asia/Kathmandu"},
    {"schedule_type": "interval", "schedule": "PT1H30M"},
    {"schedule_type": "one_time", "schedule": "2024-10-27T02:30+01:00", "timezone": "Europe/Berlin"},
    {"schedule_type": "one_time", "schedule": "2024-12-24"},
]
POLICY = {
    "grace": "PT1.5S",
    "backoff": {"kind": "list", "delays": ["PT1M", "PT0.25S"]},
    "timeout": "PT12M",
    "start_at": "2024-10-27T01:30:00.123456Z",
    "end_at": "2025-10-26T01:30:01Z",
    "max_runs": 3,
    "jitter": "PT2S",
    "fail_after": None,
}


async def document_of(dashboard: Dashboard, task_id: str) -> dict[str, Any]:
    document: dict[str, Any] = (await dashboard.get(f"{TASKS}/{task_id}")).json
    return document


async def edited(dashboard: Dashboard, task_id: str) -> dict[str, str]:
    page = await dashboard.page(f"{PAGE}/{task_id}/edit")
    assert page.status == 200
    return BrowserForm(page.text, "builder").fields


async def saved(dashboard: Dashboard, task_id: str, fields: dict[str, str]) -> Answer:
    return await dashboard.form(f"{PAGE}/{task_id}/edit", urlencode(fields))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=[each["schedule"] for each in SCHEDULES])
async def test_a_form_that_is_sent_as_it_came_changes_nothing(dashboard: Dashboard, schedule: dict[str, str]) -> None:
    texts: dict[str, Any] = {"description": "\nlines\n & <b>", "handler": "other", "tags": ["a", "b.c"]}
    payload = {"big": 2**70, "text": "</textarea>\n", "nested": [{"a": None}]}
    policy = POLICY if schedule["schedule_type"] == "cron" else {}
    task = await dashboard.create(payload=payload, policy=policy, **texts, **schedule)

    answer = await saved(dashboard, task["id"], await edited(dashboard, task["id"]))

    assert answer.headers["Location"] == f"{PAGE}/{task['id']}?notice=unchanged"
    assert await document_of(dashboard, task["id"]) == task


async def test_what_was_touched_is_saved_and_shown_before(dashboard: Dashboard) -> None:
    task = await dashboard.create(handler="cleanup")
    fields = {**await edited(dashboard, task["id"]), "times": "04:15", "handler": "", "reason": "too early"}

    preview = await dashboard.form(f"{PAGE}/{task['id']}/edit/preview", urlencode(fields))
    answer = await saved(dashboard, task["id"], fields)

    assert (
        "Schedule: <del>0 2 * * * (At 02:00 every day)</del> → <ins>15 4 * * * (At 04:15 every day)</ins>"
        in preview.text
    )
    assert preview.text.index("2024-01-16T04:15:00Z") < preview.text.index("What saving changes")
    assert answer.headers["Location"] == f"{PAGE}/{task['id']}?notice=saved"
    after = await document_of(dashboard, task["id"])
    assert (after["schedule"], after["handler"], after["version"]) == ("15 4 * * *", "report", 2)


async def test_an_interval_keeps_its_phase_until_it_is_given_another(dashboard: Dashboard) -> None:
    task = await dashboard.create(schedule_type="interval", schedule="1h")
    fields = await edited(dashboard, task["id"])

    await saved(dashboard, task["id"], {**fields, "description": "still hourly"})
    kept = await document_of(dashboard, task["id"])
    fields = await edited(dashboard, task["id"])
    await saved(dashboard, task["id"], {**fields, "every_from": "2024-01-15T12:10"})

    assert kept["anchor"] == task["anchor"]
    assert (await document_of(dashboard, task["id"]))["next_run_at"] == "2024-01-15T12:10:00Z"


async def test_what_cannot_be_saved_comes_back_as_it_was_typed(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    fields = {**await edited(dashboard, task["id"]), "times": "25:00", "description": "new"}

    answer = await saved(dashboard, task["id"], fields)

    form = BrowserForm(answer.text, "builder")
    assert (answer.status, form.faulty) == (422, {"times"})
    assert {**form.fields, "to": ""} == {**fields, "to": ""}
    assert (await document_of(dashboard, task["id"]))["version"] == 1


# --- Two people ---


async def conflict(dashboard: Dashboard, theirs: dict[str, Any], **yours: str) -> tuple[str, Answer]:
    """Somebody patches the task while you have its form open; what your saving it is answered with."""
    task = await dashboard.create(description="as it was", tags=["old"], payload={"days": 30, "mode": "full"})
    fields = await edited(dashboard, task["id"])
    await dashboard.call("PATCH", f"{TASKS}/{task['id']}", theirs)
    return task["id"], await saved(dashboard, task["id"], {**fields, **yours})


async def test_a_conflict_shows_what_was_what_is_and_what_is_wanted(dashboard: Dashboard) -> None:
    _, answer = await conflict(
        dashboard,
        {"description": "theirs", "schedule": "0 3 * * *", "payload": {"days": 31}},
        description="yours",
        tags="mine",
    )

    assert answer.status == 409
    for words in ("as it was", "theirs", "yours", "0 2 * * * (At 02:00 every day)", "0 3 * * * (At 03:00 every day)"):
        assert words in answer.text
    chosen = {
        name: text for name, text in BrowserForm(answer.text, "conflict").fields.items() if name.startswith("take")
    }
    # What only one of the two has changed is chosen already; what both have is asked.
    assert chosen == {"take /schedule": "now", "take /tags": "wanted", "take /payload/days": "now"}


@pytest.mark.parametrize("count", [90, 400])
async def test_a_conflict_over_many_members_can_be_solved(dashboard: Dashboard, count: int) -> None:
    task_id, asked = await conflict(
        dashboard,
        {"payload": {f"k{number}": 1 for number in range(count)}},
        payload=json.dumps({f"k{number}": 2 for number in range(count)}),
    )
    fields = BrowserForm(asked.text, "conflict").fields
    rows = dict.fromkeys(re.findall(r'name="(take [^"]+)" value="wanted"', asked.text), "wanted")

    answer = await saved(dashboard, task_id, {**fields, **rows})

    assert answer.status == 303, answer.text
    assert (await document_of(dashboard, task_id))["payload"] == {f"k{number}": 2 for number in range(count)}


async def test_choosing_solves_a_conflict_and_loses_nothing(dashboard: Dashboard) -> None:
    task_id, asked = await conflict(
        dashboard,
        {"description": "theirs", "schedule": "0 3 * * *", "payload": {"days": 31, "more": True}},
        description="yours",
        tags="mine",
        payload='{"days": 30, "mode": "delta"}',
        reason="mine all the same",
    )
    fields = BrowserForm(asked.text, "conflict").fields

    answer = await saved(dashboard, task_id, {**fields, "take /description": "wanted"})

    after = await document_of(dashboard, task_id)
    assert answer.headers["Location"] == f"{PAGE}/{task_id}?notice=saved"
    assert (after["description"], after["schedule"], after["tags"]) == ("yours", "0 3 * * *", ["mine"])
    assert after["payload"] == {"days": 31, "mode": "delta", "more": True}
    assert (after["version"], after["max_retries"]) == (3, 3)
    change = (await dashboard.get(f"{TASKS}/{task_id}/versions/3")).json["change"]
    assert change["reason"] == "mine all the same"


async def test_a_choice_that_is_missing_is_asked_for_again(dashboard: Dashboard) -> None:
    task_id, asked = await conflict(dashboard, {"description": "theirs"}, description="yours", tags="mine")

    answer = await saved(dashboard, task_id, BrowserForm(asked.text, "conflict").fields)

    assert answer.status == 409
    assert "Choose one of the two in every row." in answer.text
    assert BrowserForm(answer.text, "conflict").fields["tags"] == "mine"


async def test_a_third_person_while_you_choose_is_another_conflict(dashboard: Dashboard) -> None:
    task_id, asked = await conflict(dashboard, {"description": "theirs"}, description="yours")
    await dashboard.call("PATCH", f"{TASKS}/{task_id}", {"description": "a third"})
    choice = {**BrowserForm(asked.text, "conflict").fields, "take /description": "wanted"}

    again = await saved(dashboard, task_id, choice)
    solved = await saved(dashboard, task_id, BrowserForm(again.text, "conflict").fields)

    assert again.status == 409
    assert "a third" in again.text
    assert solved.status == 303
    assert (await document_of(dashboard, task_id))["description"] == "yours"


async def test_a_change_that_leaves_the_definition_alone_is_no_conflict(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    fields = await edited(dashboard, task["id"])
    await dashboard.call("POST", f"{TASKS}/{task['id']}/pause", {"reason": "upgrade"})

    answer = await saved(dashboard, task["id"], {**fields, "description": "new"})

    after = await document_of(dashboard, task["id"])
    assert answer.headers["Location"].endswith("?notice=saved")
    assert (after["description"], after["status"]) == ("new", "paused")


async def test_saving_twice_saves_once(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    fields = {**await edited(dashboard, task["id"]), "description": "new"}

    first, second = await saved(dashboard, task["id"], fields), await saved(dashboard, task["id"], fields)

    assert (first.status, second.headers["Location"]) == (303, f"{PAGE}/{task['id']}?notice=unchanged")
    assert (await document_of(dashboard, task["id"]))["version"] == 2


async def test_what_is_chosen_must_go_together(dashboard: Dashboard) -> None:
    task_id, asked = await conflict(
        dashboard, {"policy": {"start_at": "2024-03-01T00:00:00Z"}}, end_at="2024-02-01T00:00"
    )

    answer = await saved(dashboard, task_id, BrowserForm(asked.text, "conflict").fields)

    assert answer.status == 409
    assert "“Not after” lies before “Not before”." in answer.text
    assert BrowserForm(answer.text, "conflict").fields["end_at"] == "2024-02-01T00:00"


async def test_a_task_that_was_deleted_meanwhile_is_not_found(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    fields = await edited(dashboard, task["id"])
    await dashboard.call("DELETE", f"{TASKS}/{task['id']}")

    assert (await saved(dashboard, task["id"], fields)).status == 404
