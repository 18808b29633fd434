"""The first page: what it says when all is well, when it is not, and when there is nothing yet."""

import pytest

from application.scheduling.ports.membership import HandlerSpec, Member
from domain.scheduling.identifiers import NodeId
from domain.scheduling.outcome import UnknownHandler
from tests.integration.web.dashboard import PREFIX, TASKS, Dashboard
from tests.integration.web.door import a_door
from tests.integration.web.pages import CANARIES, Elements, stored, words
from tests.support.builders import HOUR, MINUTE, a_failure

OVERVIEW = f"{PREFIX}/"


async def announce(dashboard: Dashboard, *roles: str, concurrency: int = 5, handler: str | None = None) -> None:
    specs = (HandlerSpec("maintenance", handler),) if "worker" in roles else ()
    member = Member(
        NodeId(f"node-{'-'.join(roles)}"), frozenset(roles), "host", 7, dashboard.clock.now(), specs, concurrency
    )
    await dashboard.stores.membership.announce(member)


def tiles_in(page: Elements) -> list[str]:
    return [found["href"] for found in page.all("a") if found.get("class", "").startswith("card")]


@pytest.mark.parametrize("path", ["/", PREFIX])
async def test_the_short_addresses_lead_to_the_first_page(dashboard: Dashboard, path: str) -> None:
    answer = await dashboard.page(path)

    assert (answer.status, answer.headers["Location"]) == (302, OVERVIEW)


async def test_a_stranger_is_led_to_the_login() -> None:
    async with a_door() as door:
        answer = await door.page(OVERVIEW)

    assert answer.status == 303
    assert answer.headers["Location"].startswith(f"{PREFIX}/login")


async def test_without_tasks_it_says_what_would_be_here_and_how_to_begin(dashboard: Dashboard) -> None:
    page = await dashboard.page(OVERVIEW)

    assert "No tasks yet" in words(page.text)
    assert "Create the first task" in words(page.text)
    assert tiles_in(Elements(page.text)) == []


async def test_all_is_well_if_somebody_works_and_nothing_is_wrong(dashboard: Dashboard) -> None:
    await dashboard.create()
    await announce(dashboard, "scheduler")
    await announce(dashboard, "worker")

    page = words((await dashboard.page(OVERVIEW)).text)

    assert "All is well 1 scheduler and 1 worker at work. Nothing waits for a worker." in page


async def test_while_all_firing_is_held_it_says_so_and_not_how_well_it_goes(dashboard: Dashboard) -> None:
    await dashboard.create()
    await announce(dashboard, "scheduler")
    await announce(dashboard, "worker")
    await dashboard.call("PUT", f"{PREFIX}/api/hold", {"reason": "new disks"})

    page = words((await dashboard.page(OVERVIEW)).text)

    assert "All firing is held 1 scheduler and 1 worker at work." in page
    assert "All is well" not in page


@pytest.mark.parametrize(
    ("roles", "concurrency", "sentences"),
    [
        ((), 5, ["No scheduler is running. Start one:", "No worker is running. Start one:"]),
        (("scheduler",), 5, ["No worker is running. Start one: what is due waits for it, and is not lost."]),
        (("scheduler", "worker"), 0, ["No worker claims: code that did not stop occupies all of them."]),
    ],
)
async def test_what_is_wrong_is_said_in_words_with_what_to_do(
    dashboard: Dashboard, roles: tuple[str, ...], concurrency: int, sentences: list[str]
) -> None:
    await dashboard.create()
    if roles:
        await announce(dashboard, *roles, concurrency=concurrency)

    page = words((await dashboard.page(OVERVIEW)).text)

    assert "Something needs attention" in page
    assert all(sentence in page for sentence in sentences)


async def test_what_waits_for_a_handler_that_nobody_has_is_named_and_leads_to_the_workers(dashboard: Dashboard) -> None:
    task = await dashboard.create(handler="<b>report")
    await announce(dashboard, "scheduler")
    await announce(dashboard, "worker", handler="another")
    await dashboard.call("POST", f"{TASKS}/{task['id']}/run")
    await dashboard.store.settle(await dashboard.store.claim(), UnknownHandler())

    page = (await dashboard.page(OVERVIEW)).text
    health = await dashboard.get(f"{PREFIX}/api/health")

    assert "1 execution cannot start: no worker has the handler <b>report of type maintenance." in words(page)
    assert f'Deploy it, or name another one in the task. <a href="{PREFIX}/workers">To the workers</a>' in page
    assert "the first since" not in page, "it can start in some seconds, not since an instant that lies ahead"
    assert health.status == 503


async def test_late_and_failing_tasks_are_named_and_counted_with_their_lists(dashboard: Dashboard) -> None:
    failing = await stored(dashboard, name="failing", schedule="0 * * * *")
    await dashboard.create("late", schedule="20 13 * * *")
    await dashboard.create("paused", enabled=False)
    await dashboard.store.settle(await dashboard.store.started(failing), a_failure(text="disk full"))
    dashboard.clock.advance(30 * MINUTE)
    await announce(dashboard, "scheduler", "worker")

    page = await dashboard.page(OVERVIEW)

    text = words(page.text)
    assert "A task is due since Mon 2024-01-15 13:20 UTC and was not dispatched. The late tasks" in text
    assert "late late: it was due 10 min ago" in text
    assert "failing the last run failed RuntimeError: disk full" in text
    assert "1 Failing 1 Late 0 Stopped 1 Dead letters 1 Paused 2 Active" in text
    assert tiles_in(Elements(page.text)) == [
        f"{PREFIX}{path}"
        for path in (
            "/scheduled-tasks?failing=true",
            "/scheduled-tasks?late=true",
            "/scheduled-tasks?status=failed",
            "/dead-letters",
            "/scheduled-tasks?status=paused",
            "/scheduled-tasks?status=active",
        )
    ]


async def test_the_next_hour_is_drawn_and_stands_in_a_table(dashboard: Dashboard) -> None:
    await dashboard.create("often", schedule_type="interval", schedule="20m")
    await dashboard.create("later", schedule="0 14 * * *")

    page = Elements((await dashboard.page(OVERVIEW)).text)

    text = " ".join(page.text.split())
    assert "2 runs in the next 60 minutes, by the minute" in text
    assert "12:20 UTC: 1 run" in text
    assert "Mon 2024-01-15 12:20 UTC in 20 min often maintenance Mon 2024-01-15 12:40 UTC in 40 min often" in text
    assert "later" not in text


async def test_recent_executions_say_how_they_ended_in_words(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *")
    claim = await dashboard.store.started(task)
    dashboard.clock.advance(MINUTE)
    await dashboard.store.settle(claim)
    await dashboard.call("POST", f"{TASKS}/{task.id}/run")
    dashboard.clock.advance(HOUR)

    page = words((await dashboard.page(OVERVIEW)).text)

    assert "report Waiting for a worker" in page
    assert "report Succeeded after 1 min, 1 h ago" in page
    assert "1 execution waits for a worker, the first since" in page


@pytest.mark.parametrize("name", CANARIES)
async def test_any_name_is_text(dashboard: Dashboard, name: str) -> None:
    task = await stored(dashboard, name=name, schedule="0 * * * *")
    await dashboard.store.settle(await dashboard.store.started(task), a_failure(text=name))

    for path in (OVERVIEW, f"{PREFIX}/statistics"):
        page = Elements((await dashboard.page(path)).text)
        assert name in page.text
        assert not page.all("img", src="x")
        assert [found for found in page.all("script") if "src" not in found] == []
