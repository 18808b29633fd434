"""Everything that is done with a pointer elsewhere, done with the keyboard alone."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from tests.browser.visitor import Visitor
from tests.support.service import Service, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# The tab, what is typed from its first field on ("\t" goes to the next part of it), and what becomes of the schedule.
# The parts of a date stand in the order of en-US, the language of the browser's own fields.
KINDS = {
    "cron": ("Cron", {"Cron expression": "30 2 * * 1-5"}, "At 02:30", ("cron", "30 2 * * 1-5")),
    "every": ("Every", {"Every": "15"}, "Every 15 minutes", ("interval", "15m")),
    "times": ("At times", {"Times": "07:15, 19:15"}, "At 07:15 and 19:15", ("cron", "15 7,19 * * *")),
    "once": ("Once", {"Date": "12242099", "Time": "0600PM"}, "Once, on 2099-12-24", ("one_time", "2099-12-24T18:00")),
}


async def _opened(visitor: Visitor, task_id: str) -> None:
    await visitor.open(f"/scheduled-tasks/{task_id}")


async def _says(visitor: Visitor, words: str) -> None:
    status = visitor.page.get_by_role("status").filter(has_text=re.compile(words, re.IGNORECASE))
    await expect(status.first).to_be_visible()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_task_of_each_kind_is_made(visitor: Visitor, service: Service, kind: str) -> None:
    tab, fields, sentence, (schedule_type, schedule) = KINDS[kind]
    page, name = visitor.page, f"typed {kind} {visitor.look}"
    await visitor.open("/scheduled-tasks")
    await visitor.press(page.get_by_role("link", name="New task"))
    for label, text in {"Name": name, "Type": "chores", "Handler": "nothing"}.items():
        await visitor.type_into(page.get_by_label(label, exact=True), text)
    await visitor.press(page.get_by_role("button", name=re.compile(f"^{tab}")))
    await expect(page.get_by_role("button", name=re.compile(f"^{tab}"))).to_have_attribute("aria-current", "true")
    for label, text in fields.items():
        await visitor.type_into(page.get_by_label(label, exact=True), text)
    if not visitor.look.script:
        await visitor.press(page.get_by_role("button", name="Preview"))
    await expect(page.locator("#preview")).to_contain_text(sentence)
    await visitor.press(page.get_by_role("button", name="Create the task"))
    await expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    (made,) = (await service.call("GET", f"/scheduled-tasks?q=typed {kind} {visitor.look}"))["tasks"]

    assert (made["schedule_type"], made["schedule"].split("/")[0]) == (schedule_type, schedule)


async def test_a_task_is_found_paused_with_a_reason_and_an_end_resumed_and_run(
    visitor: Visitor, service: Service
) -> None:
    task_id = await service.create(f"by keyboard {visitor.look}", handler="nothing", payload={"of": "the task"})
    page = visitor.page
    await visitor.open("/scheduled-tasks")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await visitor.type_into(page.get_by_role("searchbox"), f"by keyboard {visitor.look}")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("q=by"))
    await visitor.press(page.get_by_role("link", name=f"by keyboard {visitor.look}", exact=True))
    # Letters that are shortcuts elsewhere are letters here.
    await visitor.type_into(page.locator("form[action$='/pause']").get_by_label("Reason"), "j/k? gone fishing")
    await page.keyboard.press("Tab")
    await page.keyboard.type("01042099")
    await page.keyboard.press("Tab")
    await page.keyboard.type("0930AM")
    await page.keyboard.press("Enter")
    await _says(visitor, "paused")
    pause = (await service.call("GET", f"/scheduled-tasks/{task_id}"))["pause"]
    await visitor.press(page.locator("form[action$='/resume']").get_by_role("button", name="Resume"), "Space")
    await _says(visitor, "active|resumed")
    form = page.locator("form[action$='/run']").filter(has=page.locator("summary"))
    await visitor.press(form.locator("summary"))
    await visitor.type_into(form.get_by_label("Payload as JSON"), '{"of": "this run"}')
    await visitor.press(form.get_by_role("button", name="Run with this payload"))
    await _says(visitor, "started|runs|queued")
    (run,) = (await service.call("GET", f"/scheduled-tasks/{task_id}/executions"))["executions"]

    assert (pause["reason"], pause["until"]) == ("j/k? gone fishing", "2099-01-04T09:30:00Z")
    assert (await service.call("GET", f"/executions/{run['id']}"))["payload"] == {"of": "this run"}
