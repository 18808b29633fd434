"""A day as a timeline: what ran, what is planned, and how much of it is shown."""

from tests.integration.web.dashboard import PAGE, PREFIX, TASKS, Dashboard
from tests.integration.web.pages import Elements, stored, words
from tests.support.builders import HOUR, MINUTE, a_failure

TIMELINE = f"{PREFIX}/timeline"


async def test_before_anything_ran_it_says_what_would_be_here(dashboard: Dashboard) -> None:
    await dashboard.create()

    assert "Nothing ran in twelve hours" in words((await dashboard.page(TIMELINE)).text)


async def test_what_ran_and_what_is_planned_stand_in_the_tasks_lane_and_in_a_table(dashboard: Dashboard) -> None:
    task = await stored(dashboard, name="<script>", schedule="0 * * * *")
    claim = await dashboard.store.started(task)
    dashboard.clock.advance(MINUTE)
    await dashboard.store.settle(claim, a_failure())

    page = Elements((await dashboard.page(TIMELINE)).text)

    text = " ".join(page.text.split())
    assert "<script> 1 13:00:00 UTC: failed for good after 1 min planned: 14:00:00 UTC" in text
    assert text.count("planned: ") >= 12
    assert page.all("a", href=f"{PAGE}/{task.id}")
    assert [found for found in page.all("script") if "src" not in found] == []


async def test_a_dense_schedule_is_one_span_and_a_paused_task_plans_nothing(dashboard: Dashboard) -> None:
    dense = await dashboard.create("dense", schedule_type="interval", schedule="10s")
    paused = await dashboard.create("paused")
    for task in (dense, paused):
        await dashboard.call("POST", f"{TASKS}/{task['id']}/run")
    await dashboard.call("POST", f"{TASKS}/{paused['id']}/pause")

    text = words((await dashboard.page(TIMELINE)).text)

    assert "planned: 100 runs from 12:00 to 12:16 UTC, and so on" in text
    assert "paused 1 12:00:00 UTC: waiting for a worker nothing by itself" in text


async def test_what_ran_long_ago_and_what_is_deleted_has_no_lane(dashboard: Dashboard) -> None:
    task = await dashboard.create("old")
    await dashboard.call("POST", f"{TASKS}/{task['id']}/run")
    dashboard.clock.advance(13 * HOUR)
    assert "Nothing ran in twelve hours" in words((await dashboard.page(TIMELINE)).text)
    await dashboard.create("gone")
    gone = (await dashboard.get(f"{TASKS}?q=gone")).json["tasks"][0]
    await dashboard.call("POST", f"{TASKS}/{gone['id']}/run")
    await dashboard.call("DELETE", f"{TASKS}/{gone['id']}")

    assert "Nothing ran in twelve hours" in words((await dashboard.page(TIMELINE)).text)
