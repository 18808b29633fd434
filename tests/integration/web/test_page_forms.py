"""Every form: what it changes, where it leads, and that it shows itself again with what is wrong."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.web.browser_form import BrowserForm
from tests.integration.web.dashboard import FORM, PAGE, PREFIX, TASKS, Dashboard


async def state_of(dashboard: Dashboard, task_id: str) -> dict[str, Any]:
    document: dict[str, Any] = (await dashboard.get(f"{TASKS}/{task_id}")).json
    return document


async def executions_of(dashboard: Dashboard, task_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await dashboard.get(f"{TASKS}/{task_id}/executions")).json["executions"]
    return found


async def token_of(dashboard: Dashboard, task_id: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', (await dashboard.page(f"{PAGE}/{task_id}")).text)
    assert found is not None
    return found[1]


async def test_running_now_leads_to_the_task_which_says_so(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    token = await token_of(dashboard, task["id"])

    answer = await dashboard.form(f"{PAGE}/{task['id']}/run", f"token={token}")

    assert answer.status == 303
    assert answer.headers["Location"] == f"{PAGE}/{task['id']}?notice=started"
    assert "Started: an execution is on its way" in (await dashboard.page(answer.headers["Location"])).text
    assert len(await executions_of(dashboard, task["id"])) == 1


async def test_a_double_click_runs_once(dashboard: Dashboard) -> None:
    task = await dashboard.create(policy={"overlap": "allow"})
    token = await token_of(dashboard, task["id"])

    await dashboard.form(f"{PAGE}/{task['id']}/run", f"token={token}")
    second = await dashboard.form(f"{PAGE}/{task['id']}/run", f"token={token}")

    assert second.headers["Location"].endswith("notice=already_started")
    assert len(await executions_of(dashboard, task["id"])) == 1


async def test_another_form_is_another_run(dashboard: Dashboard) -> None:
    task = await dashboard.create(policy={"overlap": "allow"})

    for _ in range(2):
        await dashboard.form(f"{PAGE}/{task['id']}/run", f"token={await token_of(dashboard, task['id'])}")

    assert len(await executions_of(dashboard, task["id"])) == 2


@pytest.mark.parametrize(
    ("payload", "kept"),
    [("", None), ('{ "days": 30 }', None), ('{"days": 31}', {"days": 31}), ('{"days": 30.0}', {"days": 30.0})],
)
async def test_only_a_changed_payload_overrides(dashboard: Dashboard, payload: str, kept: Any) -> None:
    task = await dashboard.create(payload={"days": 30})

    await dashboard.form(f"{PAGE}/{task['id']}/run", urlencode({"token": "t", "payload": payload}))

    (execution,) = await executions_of(dashboard, task["id"])
    record = (await dashboard.get(f"{PREFIX}/api/executions/{execution['id']}")).json
    assert record["payload"] == kept


async def test_a_payload_that_is_no_json_comes_back_with_what_is_wrong(dashboard: Dashboard) -> None:
    task = await dashboard.create()

    answer = await dashboard.form(f"{PAGE}/{task['id']}/run", urlencode({"token": "t", "payload": '{"days": <31>}'}))

    assert answer.status == 422
    assert "Not JSON" in answer.text
    assert BrowserForm(answer.text, "run").faulty == {"payload"}
    assert "{&#34;days&#34;: &lt;31&gt;}" in answer.text
    assert await executions_of(dashboard, task["id"]) == []


async def test_a_run_beside_an_open_one_is_refused_with_a_hint_or_asked_for(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    await dashboard.form(f"{PAGE}/{task['id']}/run", "token=first")

    refused = await dashboard.form(f"{PAGE}/{task['id']}/run", "token=second")
    asked = await dashboard.form(f"{PAGE}/{task['id']}/run", "token=third&overlap=allow")

    assert refused.status == 409
    assert "An execution of this task is still open" in refused.text
    assert asked.status == 303


async def test_pausing_takes_a_reason_and_an_end_in_the_zone_of_the_task(dashboard: Dashboard) -> None:
    task = await dashboard.create(timezone="America/New_York")

    fields = {"reason": "upgrade & test", "until": "2024-01-20T09:00"}
    answer = await dashboard.form(f"{PAGE}/{task['id']}/pause", urlencode(fields))

    pause = (await state_of(dashboard, task["id"]))["pause"]
    assert answer.status == 303
    assert (pause["reason"], pause["until"], pause["mode"]) == ("upgrade & test", "2024-01-20T14:00:00Z", "drain")
    assert 'value="2024-01-20T09:00"' in (await dashboard.page(f"{PAGE}/{task['id']}")).text


async def test_pausing_can_stop_what_runs(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    await dashboard.form(f"{PAGE}/{task['id']}/run", "token=t")

    await dashboard.form(f"{PAGE}/{task['id']}/pause", "mode=now")

    assert [each["state"] for each in await executions_of(dashboard, task["id"])] == ["cancelled"]


@pytest.mark.parametrize("until", ["2024-01-15T11:59", "soon", "9999-01-01T00:00"])
async def test_an_end_that_cannot_be_comes_back_beside_its_field(dashboard: Dashboard, until: str) -> None:
    task = await dashboard.create()

    answer = await dashboard.form(f"{PAGE}/{task['id']}/pause", urlencode({"reason": "why not", "until": until}))

    assert answer.status == 422
    assert f'name="until" value="{until}" aria-invalid="true" aria-describedby="pause-error"' in answer.text
    assert 'value="why not"' in answer.text
    assert (await state_of(dashboard, task["id"]))["status"] == "active"


async def test_resuming_says_what_becomes_of_what_was_missed(dashboard: Dashboard) -> None:
    task = await dashboard.create(schedule="* * * * *")
    await dashboard.form(f"{PAGE}/{task['id']}/pause")
    dashboard.clock.advance_to(dashboard.clock.now().replace(minute=5))

    answer = await dashboard.form(f"{PAGE}/{task['id']}/resume", "missed=latest")

    assert answer.status == 303
    assert (await state_of(dashboard, task["id"]))["status"] == "active"
    assert len(await executions_of(dashboard, task["id"])) == 1


async def test_actions_of_the_list_lead_back_to_the_same_part_of_it(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    back = urlencode({"back": "q=re&sort=-name&evil=//evil.example"})

    answer = await dashboard.form(f"{PAGE}/{task['id']}/pause", back)

    assert answer.headers["Location"] == f"{PAGE}?q=re&sort=-name&notice=paused"


async def test_deleting_asks_first_and_wants_the_name_if_there_is_history(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    await dashboard.form(f"{PAGE}/{task['id']}/run", "token=t")
    question = await dashboard.page(f"{PAGE}/{task['id']}/delete")

    unnamed = await dashboard.form(f"{PAGE}/{task['id']}/delete", "version=1")
    named = await dashboard.form(f"{PAGE}/{task['id']}/delete", "version=1&name=report&reason=old")

    assert "1 open execution is cancelled" in question.text
    assert (unnamed.status, named.status) == (422, 303)
    assert named.headers["Location"] == f"{PAGE}/{task['id']}?notice=deleted"
    assert (await dashboard.get(f"{TASKS}/{task['id']}")).status == 404


async def test_a_task_that_was_changed_since_it_was_shown_is_not_deleted(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    await dashboard.call("PATCH", f"{TASKS}/{task['id']}", {"description": "now needed"})

    answer = await dashboard.form(f"{PAGE}/{task['id']}/delete", "version=1")

    assert answer.status == 409
    assert "Meanwhile local edited it" in answer.text
    assert 'name="version" value="2"' in answer.text
    assert (await dashboard.get(f"{TASKS}/{task['id']}")).status == 200


async def test_an_execution_can_be_stopped_from_its_page(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    await dashboard.form(f"{PAGE}/{task['id']}/run", "token=t")
    (execution,) = await executions_of(dashboard, task["id"])

    answer = await dashboard.form(f"{PREFIX}/executions/{execution['id']}/cancel", "reason=wrong+day")

    assert answer.headers["Location"] == f"{PREFIX}/executions/{execution['id']}?notice=cancelled"
    page = (await dashboard.page(answer.headers["Location"])).text
    assert "Cancelled by local now: wrong day." in page


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("run", "token=a&token=b"),
        ("run", "nope=1"),
        ("run", "payload=%ff"),
        ("run", "payload=%00"),
        ("run", "&".join(f"f{number}=1" for number in range(50))),
        ("resume", "missed=some"),
    ],
)
async def test_a_form_that_is_none_of_ours_is_refused(dashboard: Dashboard, verb: str, fields: str) -> None:
    task = await dashboard.create()
    before = dashboard.kept()

    answer = await dashboard.form(f"{PAGE}/{task['id']}/{verb}", fields)

    assert answer.status == 400
    assert dashboard.kept() == before


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
async def test_a_form_comes_as_forms_do(dashboard: Dashboard, content_type: str) -> None:
    task = await dashboard.create()

    headers = {**FORM, "Content-Type": content_type}
    answer = await dashboard.call("POST", f"{PAGE}/{task['id']}/run", raw=b"token=t", headers=headers)

    assert answer.status == 415


@pytest.mark.parametrize("verb", ["run", "pause", "resume", "delete"])
async def test_a_form_of_a_task_that_is_gone_leads_to_a_page(dashboard: Dashboard, verb: str) -> None:
    answer = await dashboard.form(f"{PAGE}/nope/{verb}")

    assert answer.status == 404
    assert "Task not found" in answer.text
