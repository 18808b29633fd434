"""What people do with the tasks there are: once with script on a wide page, once without on a narrow one."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.visitor import Visitor
from tests.support.service import Service, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def _a_task(visitor: Visitor, service: Service, name: str, **fields: object) -> str:
    """A task that nobody else looks at, its page opened; its id."""
    task_id = await service.create(f"{name} {visitor.look}", **{"handler": "nothing", **fields})
    await visitor.open(f"/scheduled-tasks/{task_id}")
    return task_id


async def _says(visitor: Visitor, words: str) -> None:
    await expect(
        visitor.page.get_by_role("status").filter(has_text=re.compile(words, re.IGNORECASE)).first
    ).to_be_visible()


async def test_a_task_is_found_among_others_and_opened(visitor: Visitor, service: Service) -> None:
    for name in ("find me", "find me too", "leave me"):
        await service.create(f"{name} {visitor.look}")
    page = visitor.page
    await visitor.open("/scheduled-tasks")
    await page.get_by_role("searchbox").fill(f"find me {visitor.look}")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("q=find"))
    await expect(page.get_by_role("row").filter(has_text=str(visitor.look))).to_have_count(1)
    await page.get_by_role("link", name=f"find me {visitor.look}", exact=True).click()

    await expect(page.get_by_role("heading", level=1)).to_contain_text(f"find me {visitor.look}")
    await page.go_back()
    await expect(page.get_by_role("searchbox")).to_have_value(f"find me {visitor.look}")


async def test_a_pause_has_a_reason_and_an_end_and_can_be_ended_before(visitor: Visitor, service: Service) -> None:
    task_id = await _a_task(visitor, service, "pause me")
    form = visitor.page.locator("form[action$='/pause']")
    await form.get_by_label("Reason").fill("the database moves")
    await form.get_by_label("Until").fill("2099-01-04T09:30")
    await form.get_by_role("button", name="Pause").click()
    await _says(visitor, "paused")
    await expect(visitor.page.locator("main")).to_contain_text("the database moves")
    await expect(visitor.page.locator("main")).to_contain_text("2099")
    paused = await service.call("GET", f"/scheduled-tasks/{task_id}")
    await visitor.page.locator("form[action$='/resume']").get_by_role("button", name="Resume").click()
    await _says(visitor, "active|resumed")

    assert (paused["pause"]["reason"], paused["pause"]["until"]) == ("the database moves", "2099-01-04T09:30:00Z")
    assert (await service.call("GET", f"/scheduled-tasks/{task_id}"))["status"] == "active"


async def test_an_end_that_is_over_comes_back_with_what_was_typed(visitor: Visitor, service: Service) -> None:
    task_id = await _a_task(visitor, service, "pause me wrongly")
    form = visitor.page.locator("form[action$='/pause']")
    await form.get_by_label("Reason").fill("too late")
    await form.get_by_label("Until").fill("1999-01-04T09:30")
    await form.get_by_role("button", name="Pause").click()

    await expect(visitor.page.get_by_role("alert")).to_be_focused()
    await expect(visitor.page.get_by_role("alert")).to_be_in_viewport()
    await expect(form.get_by_label("Reason")).to_have_value("too late")
    await expect(form.get_by_label("Until")).to_have_attribute("aria-invalid", "true")
    assert (await service.call("GET", f"/scheduled-tasks/{task_id}"))["status"] == "active"


async def test_a_run_by_hand_takes_another_payload_and_shows_how_it_went(visitor: Visitor, service: Service) -> None:
    task_id = await _a_task(visitor, service, "run me", payload={"of": "the task"})
    form = visitor.page.locator("form[action$='/run']").filter(has=visitor.page.locator("summary"))
    await form.locator("summary").click()
    await form.get_by_label("Payload as JSON").fill('{"of": "this run", "n": 9007199254740993}')
    await form.get_by_role("button", name="Run with this payload").click()
    await _says(visitor, "started|runs|queued")
    (run,) = (await service.call("GET", f"/scheduled-tasks/{task_id}/executions"))["executions"]
    await service.finished(run["id"])
    await visitor.open(f"/executions/{run['id']}")

    await expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("Succeeded")
    await expect(visitor.page.locator("main")).to_contain_text("9007199254740993")
    kept = await service.call("GET", f"/scheduled-tasks/{task_id}")
    assert kept["payload"] == {"of": "the task"}


async def test_a_run_is_cancelled_and_says_by_whom_and_why(visitor: Visitor, service: Service, tmp_path: Path) -> None:
    chore = {"ledger": str(tmp_path / "ledger"), "seconds": 60}
    task_id = await _a_task(visitor, service, "cancel me", handler="wait", payload=chore)
    execution_id = await service.run_now(task_id)
    await visitor.open(f"/executions/{execution_id}")
    form = visitor.page.locator("form[action$='/cancel']")
    await form.get_by_label("Reason").fill("it was a mistake")
    await form.get_by_role("button").click()
    await _says(visitor, "stop|cancel")
    ended = await service.finished(execution_id)
    await visitor.open(f"/executions/{execution_id}")

    assert ended["state"] == "cancelled"
    await expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("Cancelled")
    await expect(visitor.page.locator("main")).to_contain_text("it was a mistake")


async def test_a_deleted_task_is_gone_and_can_come_back(visitor: Visitor, service: Service) -> None:
    task_id = await _a_task(visitor, service, "delete me")
    await service.finished(await service.run_now(task_id))
    await visitor.page.reload()
    await visitor.page.get_by_role("link", name="Delete").click()
    await visitor.page.get_by_label("Type the task's name").fill(f"delete me {visitor.look}")
    await visitor.page.get_by_role("button", name="Delete").click()
    await _says(visitor, "deleted")
    await service.call("GET", f"/scheduled-tasks/{task_id}", expect=404)
    await visitor.open("/scheduled-tasks?deleted=true")
    await visitor.page.get_by_role("button", name=f"Undelete delete me {visitor.look}").click()
    await _says(visitor, "back|undeleted")

    assert (await service.call("GET", f"/scheduled-tasks/{task_id}"))["status"] == "active"


async def test_a_page_tells_why_a_task_did_not_run(visitor: Visitor, service: Service) -> None:
    task_id = await _a_task(visitor, service, "why not", schedule_type="interval", schedule="1s")
    await service.call("POST", f"/scheduled-tasks/{task_id}/pause", {"reason": "spring cleaning"})
    paused_at = (await service.call("GET", f"/scheduled-tasks/{task_id}"))["pause"]["at"]
    missed_at = f"{datetime.fromisoformat(paused_at).replace(microsecond=0) + timedelta(seconds=2):%Y-%m-%dT%H:%M:%SZ}"

    async def is_over() -> bool:
        told = await service.call("GET", f"/scheduled-tasks/{task_id}/explain?at={missed_at}")
        return "spring cleaning" in json.dumps(told)

    await eventually(is_over)
    await visitor.page.reload()
    why = visitor.page.get_by_role("region", name="Why did it")
    await why.get_by_label("At").fill(missed_at)
    await why.get_by_role("button", name="Explain").click()

    await expect(visitor.page.get_by_role("region", name="Why did it")).to_contain_text("spring cleaning")


async def test_statistics_lead_to_what_they_count(visitor: Visitor, service: Service) -> None:
    task_id = await _a_task(visitor, service, "count me")
    await service.finished(await service.run_now(task_id))
    await visitor.open("/statistics")

    await expect(visitor.page.locator("main")).to_contain_text(f"count me {visitor.look}")
    assert await visitor.page.locator("main table").count() >= 1
    assert await visitor.overflowing() == []
