"""What will come and what was: the pages of a task's next runs and of its executions."""

from dataclasses import replace

import pytest

from domain.scheduling.task import Quarantine, ScheduledTask
from tests.integration.web.dashboard import PAGE, TASKS, Dashboard
from tests.integration.web.pages import Elements, died, stored, words
from tests.support.builders import HOUR, MINUTE


async def fired(dashboard: Dashboard, task: ScheduledTask, *hours: float) -> None:
    """Let so many hours pass, again and again, and have the task decided then."""
    for each in hours:
        dashboard.clock.advance(each * HOUR)
        await dashboard.store.commit(await dashboard.store.read(task))


async def test_as_many_next_runs_are_shown_as_are_asked_for(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", timezone="Asia/Kathmandu")

    page = words((await dashboard.page(f"{PAGE}/{task.id}/upcoming?count=3")).text)

    assert "Mon 2024-01-15 18:00 +0545 in 15 min Mon 2024-01-15 12:15 UTC –" in page
    assert "Mon 2024-01-15 20:00 +0545" in page
    assert "Mon 2024-01-15 21:00 +0545" not in page


@pytest.mark.parametrize("count", ["0", "101", "x", "-1", "1e3"])
async def test_a_number_of_next_runs_has_its_limits(dashboard: Dashboard, count: str) -> None:
    task = await stored(dashboard)

    assert (await dashboard.page(f"{PAGE}/{task.id}/upcoming?count={count}")).status == 400


async def test_jitter_is_told_beside_the_nominal_instant(dashboard: Dashboard) -> None:
    task = await stored(dashboard, policy={"jitter": "30s"})

    page = Elements((await dashboard.page(f"{PAGE}/{task.id}/upcoming")).text)

    assert page.all("td", **{"data-label": "Starts"})


async def test_a_task_that_runs_no_more_says_so(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule_type="one_time", schedule="2024-01-15T13:00")
    await dashboard.store.settle(await dashboard.store.started(task))

    page = words((await dashboard.page(f"{PAGE}/{task.id}/upcoming")).text)

    assert "It will not run by itself" in page


async def test_a_task_that_never_ran_says_what_would_be_here(dashboard: Dashboard) -> None:
    task = await stored(dashboard)

    page = words((await dashboard.page(f"{PAGE}/{task.id}/executions")).text)

    assert "It has not run yet The first run is due in 14 h. Each run and whatever does not run" in page


async def test_pages_of_executions_lead_on_with_what_did_not_run_between_them(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", policy={"overlap": "allow"})
    await fired(dashboard, task, 1, 4.5, 0.5, 1)
    path, seen = f"{PAGE}/{task.id}/executions?limit=2", []

    while path:
        page = Elements((await dashboard.page(path)).text)
        seen.append(
            [each["datetime"][11:16] for each in page.all("time") if each["datetime"].startswith("2024-01-15T")]
        )
        path = next((each["href"] for each in page.all("a", rel="next")), "")

    # The server's clock stands at the end of each page.
    assert seen == [["19:00", "18:00", "19:00"], ["17:00", "14:00", "16:00", "13:00", "19:00"]]


@pytest.mark.parametrize(
    ("state", "shown", "hidden"),
    [
        ("dead", "Failed for good", "Did not run"),
        ("skipped", "Did not run", "ValueError"),
        ("pending,running", "Waiting for a worker", "ValueError"),
        ("cancelled", "Nothing of that kind", "ValueError"),
        ("", "Did not run", "Nothing of that kind"),
    ],
)
async def test_executions_are_shown_by_what_became_of_them(
    dashboard: Dashboard, state: str, shown: str, hidden: str
) -> None:
    task = await stored(dashboard, schedule="0 * * * *", max_retries=0)
    await died(dashboard, task)
    await fired(dashboard, task, 4)

    page = words((await dashboard.page(f"{PAGE}/{task.id}/executions?state={state}")).text)
    body = page.partition("Show")[2].partition("what did not run Show")[2]

    assert shown in body
    assert hidden not in body


@pytest.mark.parametrize("query", ["state=nope", "until=soon", "cursor=forged", "limit=0", "nope=1"])
async def test_a_wrong_address_is_told(dashboard: Dashboard, query: str) -> None:
    task = await stored(dashboard)
    dashboard.clock.advance(MINUTE)

    answer = await dashboard.page(f"{PAGE}/{task.id}/executions?{query}")

    assert answer.status == 400
    assert "A parameter of the address is wrong" in words(answer.text)


async def test_a_quarantined_task_has_its_pages(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *")
    state = dashboard.stores.state
    kept = state.tasks[task.id]
    kept.task = replace(kept.task, quarantine=Quarantine("the zone is gone", dashboard.clock.now() + HOUR))

    for path in ("", "/upcoming", "/executions", "/versions"):
        answer = await dashboard.page(f"{PAGE}/{task.id}{path}")
        assert answer.status == 200, path
    assert "It cannot be decided at present: the zone is gone. It is tried again in 1 h" in words(
        (await dashboard.page(f"{PAGE}/{task.id}")).text
    )
    assert (await dashboard.get(f"{TASKS}/{task.id}")).status == 200
