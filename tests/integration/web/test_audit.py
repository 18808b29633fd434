"""The audit trail as page and API."""

import pytest
from markupsafe import escape

from domain.scheduling.change import ChangeAction
from tests.integration.web.dashboard import PREFIX, TASKS, Dashboard
from tests.support.builders import MINUTE

AUDIT = f"{PREFIX}/audit"
API = f"{PREFIX}/api/audit"
NAMES = ("<script>alert(1)</script>", "שלום עולם", "x" * 200, "a/b?c.d", "{{7*7}}")


async def _changed(dashboard: Dashboard) -> dict[str, str]:
    """A task that was created, paused a minute later, run, and edited; its document."""
    task = await dashboard.create()
    dashboard.clock.advance(MINUTE)
    own = f"{TASKS}/{task['id']}"
    await dashboard.call("POST", f"{own}/pause", {"reason": "<b>upgrade</b>"})
    await dashboard.call("POST", f"{own}/run")
    await dashboard.call("PATCH", own, {"description": "what it is for"})
    return task


async def test_the_api_tells_every_change_newest_first(dashboard: Dashboard) -> None:
    task = await _changed(dashboard)

    entries = (await dashboard.get(API)).json["entries"]

    assert [each["change"]["action"] for each in entries] == ["edit", "run", "pause", "create"]
    assert entries[2] == {
        "kind": "change",
        "change": {
            "action": "pause",
            "by": "local",
            "via": "api",
            "at": "2024-01-15T12:01:00Z",
            "reason": "<b>upgrade</b>",
        },
        "task_id": task["id"],
        "task_name": "report",
        "version": 2,
        "execution_id": None,
    }
    assert entries[1]["execution_id"] is not None


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("action=run", ["run"]),
        ("actor=local&action=create", ["create"]),
        ("actor=ana", []),
        ("since=2024-01-15T12:01:00Z", ["edit", "run", "pause"]),
        ("until=2024-01-15T12:01", ["create"]),
        ("task=nobody", []),
    ],
)
async def test_filters_leave_what_meets_them(dashboard: Dashboard, query: str, actions: list[str]) -> None:
    await _changed(dashboard)

    found = (await dashboard.get(f"{API}?{query}")).json["entries"]
    page = (await dashboard.page(f"{AUDIT}?{query}")).text

    assert [each["change"]["action"] for each in found] == actions
    assert page.count("<tr>") == (len(actions) + 1 if actions else 0)


async def test_pages_follow_each_other(dashboard: Dashboard) -> None:
    await _changed(dashboard)

    first = (await dashboard.get(f"{API}?limit=3")).json
    second = (await dashboard.get(f"{API}?limit=3&cursor={first['next_cursor']}")).json
    page = (await dashboard.page(f"{AUDIT}?limit=3&action=")).text

    assert [len(each["entries"]) for each in (first, second)] == [3, 1]
    assert second["next_cursor"] is None
    assert 'rel="next">Older</a>' in page


@pytest.mark.parametrize(
    "query", ["action=explode", "since=yesterday", "until=1000", "cursor=x", "limit=0", "who=ana", "actor=a&actor=b"]
)
async def test_what_cannot_be_asked_is_refused(dashboard: Dashboard, query: str) -> None:
    answer = await dashboard.get(f"{API}?{query}")

    assert (answer.status, answer.json["type"].rpartition("/")[2]) == (400, "bad_parameter")


async def test_a_time_that_cannot_be_read_is_told_at_its_field_and_kept(dashboard: Dashboard) -> None:
    page = await dashboard.page(f"{AUDIT}?since=yester%22day")

    assert page.status == 400
    assert 'value="yester&#34;day" aria-invalid="true" aria-describedby="since-error"' in page.text
    assert 'id="since-error"' in page.text


async def test_the_page_leads_to_the_task_its_execution_and_the_version(dashboard: Dashboard) -> None:
    task = await _changed(dashboard)
    own = f"{PREFIX}/scheduled-tasks/{task['id']}"

    page = (await dashboard.page(AUDIT)).text

    for link in (f'href="{own}"', f'href="{own}/versions/3"', f'href="{PREFIX}/executions/'):
        assert link in page
    assert (await dashboard.page(f"{own}/versions/3")).status == 200
    assert "&lt;b&gt;upgrade&lt;/b&gt;" in page


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
async def test_names_are_shown_as_they_are_and_lead_where_they_should(dashboard: Dashboard, name: str) -> None:
    task = await dashboard.create(name)

    page = (await dashboard.page(AUDIT)).text
    found = (await dashboard.page(f"{AUDIT}?task={task['id']}")).text

    assert f">{escape(name)}</a>" in page
    assert f'href="{PREFIX}/scheduled-tasks/{task["id"]}"' in found


async def test_without_changes_the_page_says_what_would_be_here(dashboard: Dashboard) -> None:
    assert "Nothing was changed yet" in (await dashboard.page(AUDIT)).text
    assert "No change matches" in (await dashboard.page(f"{AUDIT}?actor=nobody")).text


async def test_the_choice_of_actions_is_whole(dashboard: Dashboard) -> None:
    page = (await dashboard.page(AUDIT)).text

    assert all(f'<option value="{action}"' in page for action in ChangeAction)
