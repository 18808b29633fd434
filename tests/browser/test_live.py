"""Pages that change while somebody looks at them, and what they never do to what is being typed."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, StorageState, expect

from tests.browser.visitor import Look, Visitor, visiting
from tests.support.demo import Demo
from tests.support.service import Service

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def watcher(chromium: Browser, service: Service) -> AsyncIterator[Visitor]:
    """Somebody whose browser lets our script run."""
    async with visiting(chromium, service.address, Look()) as visitor:
        yield visitor


async def test_the_page_of_a_task_that_somebody_else_deletes_becomes_another(
    watcher: Visitor, service: Service
) -> None:
    task_id = await service.create("deleted by somebody else")
    await watcher.open(f"/scheduled-tasks/{task_id}")
    await service.call("DELETE", f"/scheduled-tasks/{task_id}", expect=204)

    await expect(watcher.page.get_by_role("heading", level=1)).to_contain_text("Deleted")
    await expect(watcher.page.get_by_role("button", name="Run now")).to_have_count(0)
    await expect(watcher.page).to_have_title(re.compile("^Deleted: "))
    await service.call("POST", f"/scheduled-tasks/{task_id}/undelete", {})
    await expect(watcher.page.get_by_role("heading", level=1)).to_contain_text("Active")
    await expect(watcher.page.get_by_role("button", name="Run now")).to_be_visible()


async def test_what_is_offered_follows_what_others_do(watcher: Visitor, service: Service) -> None:
    task_id = await service.create("paused by somebody else")
    await watcher.open(f"/scheduled-tasks/{task_id}")
    await service.call("POST", f"/scheduled-tasks/{task_id}/pause", {"reason": "legal hold"})

    await expect(watcher.page.get_by_role("link", name="Resume …")).to_be_visible()
    await expect(watcher.page.locator("#resume")).to_be_visible()
    await expect(watcher.page.locator("#pause").get_by_label("Reason")).to_have_value("legal hold")


async def test_what_is_being_typed_stays_and_takes_the_place_of_nobodys_change(
    watcher: Visitor, service: Service
) -> None:
    task_id = await service.create("paused by two")
    await watcher.open(f"/scheduled-tasks/{task_id}")
    reason = watcher.page.locator("#pause").get_by_label("Reason")
    await reason.fill("mine")
    await service.call("POST", f"/scheduled-tasks/{task_id}/pause", {"reason": "legal hold"})
    await expect(watcher.page.get_by_role("heading", level=1)).to_contain_text("Paused")
    await watcher.page.locator("#pause").get_by_role("button").click()

    await expect(watcher.page.get_by_role("alert")).to_contain_text("paused it: legal hold")
    await expect(reason).to_have_value("mine")
    assert (await service.call("GET", f"/scheduled-tasks/{task_id}"))["pause"]["reason"] == "legal hold"


async def test_the_page_of_an_execution_offers_what_is_left_to_do(
    watcher: Visitor, service: Service, tmp_path: Path
) -> None:
    chore = {"ledger": str(tmp_path / "ledger"), "seconds": 60}
    execution_id = await service.run_now(
        await service.create("stopped by somebody else", handler="wait", payload=chore)
    )
    await watcher.open(f"/executions/{execution_id}")
    await expect(watcher.page.locator("form[action$='/cancel']")).to_be_visible()
    await service.call("POST", f"/executions/{execution_id}/cancel", {})

    await expect(watcher.page.get_by_role("button", name="Run again")).to_be_visible()
    await expect(watcher.page.locator("form[action$='/cancel']")).to_have_count(0)


@pytest.mark.parametrize("status", [None, 503])
async def test_a_page_says_when_nobody_answers_any_more(watcher: Visitor, service: Service, status: int | None) -> None:
    async def fail(route: Route) -> None:
        await (route.fulfill(status=status) if status else route.abort())

    await watcher.open("/scheduled-tasks")
    trouble = watcher.page.get_by_role("status").filter(has_text="No answer since")
    await watcher.page.route("**/scheduled-tasks", fail)
    await service.create(f"unseen {status}")
    await expect(trouble).to_be_visible()
    await expect(watcher.page.locator("#live-toggle")).to_have_attribute("title", re.compile("No answer since"))
    await watcher.page.unroute("**/scheduled-tasks")
    await service.create(f"seen {status}")

    await expect(watcher.page.get_by_role("link", name=f"unseen {status}", exact=True)).to_be_visible()
    await expect(trouble).to_have_count(0)
    watcher.faults.clear()


async def test_zone_and_theme_are_chosen_without_losing_what_is_typed(watcher: Visitor) -> None:
    page = watcher.page
    await watcher.open("/scheduled-tasks/new")
    name = page.get_by_role("textbox", name="Name")
    await name.fill("half a thought")
    await page.get_by_role("button", name="dark").click()
    await expect(page.locator("html")).to_have_class("dark")
    await page.get_by_role("link", name="another …").click()
    zone = page.get_by_role("dialog").get_by_label("Time zone")
    await zone.fill("Asia/Nowhere")
    await page.get_by_role("button", name="Show times").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Asia/Nowhere")
    await zone.fill("Asia/Tokyo")
    await page.get_by_role("button", name="Show times").click()

    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_role("button", name="Asia/Tokyo")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#preview")).to_contain_text("Tokyo")
    await expect(name).to_have_value("half a thought")
    watcher.faults.clear()


async def test_a_session_that_ends_takes_nothing_away_without_a_word(
    chromium: Browser, demo: Demo, ana: StorageState
) -> None:
    async with visiting(chromium, demo.address, Look(), known=ana) as visitor:
        await visitor.open("/scheduled-tasks/new")
        await visitor.context.clear_cookies()
        name = visitor.page.get_by_role("textbox", name="Name")
        await name.fill("half a thought")
        await expect(visitor.page.get_by_role("status").filter(has_text="You are signed out")).to_be_visible()
        await expect(name).to_have_value("half a thought")
        faults = await visitor.accessibility_faults()
        await visitor.page.get_by_role("button", name="Create the task").click()

        await expect(visitor.page.get_by_role("status")).to_contain_text("nothing was changed")
        await expect(visitor.page).to_have_url(re.compile(r"/login\?next=.*/scheduled-tasks/new"))
        assert faults == []
        # Without a session nobody is told of changes.
        visitor.faults[:] = [each for each in visitor.faults if not re.match("401: .*/events", each)]


async def test_a_notice_is_told_once(watcher: Visitor, service: Service) -> None:
    task_id = await service.create("told once")
    await watcher.open(f"/scheduled-tasks/{task_id}")
    await watcher.page.locator("#pause").get_by_role("button").click()
    notice = watcher.page.get_by_role("status").filter(has_text="Paused.")
    await expect(notice).to_be_visible()
    await expect(watcher.page).to_have_url(re.compile(f"{task_id}$"))
    await watcher.page.reload()

    await expect(watcher.page.get_by_role("heading", level=1)).to_contain_text("Paused")
    await expect(notice).to_have_count(0)
