"""Writing tasks: each kind of schedule with its preview, edits, edits into a conflict, and the way back."""

import re
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page, expect

from tests.browser.visitor import Visitor
from tests.support.service import Service

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# The tab, what is filled into which field, what the preview says, and what becomes of the schedule.
KINDS = {
    "cron": ("Cron", {"Cron expression": "30 2 * * *"}, "At 02:30", ("cron", "30 2 * * *")),
    "every": ("Every", {"Every": "15"}, "Every 15 minutes", ("interval", "15m")),
    "times": ("At times", {"Times": "07:15, 19:15"}, "At 07:15 and 19:15", ("cron", "15 7,19 * * *")),
    "once": (
        "Once",
        {"Date": "2099-12-24", "Time": "18:00"},
        "Once, on 2099-12-24 at 18:00",
        ("one_time", "2099-12-24T18:00"),
    ),
}
ZONE = "Europe/Berlin"


async def _fill_in(page: Page, fields: dict[str, str]) -> None:
    for label, value in fields.items():
        await page.get_by_label(label, exact=True).fill(value)


async def _id_of(visitor: Visitor) -> str:
    """The id of the task whose page is shown, once it is."""
    await expect(visitor.page).to_have_url(re.compile("/scheduled-tasks/[0-9a-f-]{36}"))
    return visitor.page.url.rpartition("/")[2].partition("?")[0]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_task_of_each_kind_is_made_after_a_look_at_its_preview(
    visitor: Visitor, service: Service, kind: str
) -> None:
    tab, fields, sentence, (schedule_type, schedule) = KINDS[kind]
    page = visitor.page
    await visitor.open("/scheduled-tasks/new")
    await _fill_in(page, {"Name": f"{kind} {visitor.look}", "Type": "chores", "Handler": "nothing"})
    await page.get_by_role("button", name=re.compile(f"^{tab}")).click()
    await _fill_in(page, {**fields, "Time zone": ZONE})
    preview = page.locator("#preview")
    if not visitor.look.script:
        await page.get_by_role("button", name="Preview").click()
    await expect(preview).to_contain_text(sentence)
    await expect(preview.locator("tbody tr").first).to_contain_text(re.compile("CES?T"))
    assert await visitor.overflowing() == []
    await page.get_by_role("button", name="Create the task").click()
    made = await service.call("GET", f"/scheduled-tasks/{await _id_of(visitor)}")

    await expect(page.get_by_role("heading", level=1)).to_contain_text(f"{kind} {visitor.look}")
    assert (made["schedule_type"], made["timezone"]) == (schedule_type, ZONE)
    assert made["schedule"].startswith(schedule)


async def test_a_link_opens_the_form_filled_in_and_the_preview_flags_the_change_of_clocks(visitor: Visitor) -> None:
    query = urlencode({"schedule_type": "cron", "schedule": "30 2 31 3 *", "timezone": ZONE})
    await visitor.open(f"/scheduled-tasks/new?{query}")

    await expect(visitor.page.get_by_label("Cron expression")).to_have_value("30 2 31 3 *")
    await expect(visitor.page.locator("#preview .warning").first).to_be_visible()


async def test_what_is_wrong_is_told_at_its_field_and_nothing_typed_is_lost(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.open("/scheduled-tasks/new")
    await _fill_in(page, {"Name": f"wrong {visitor.look}", "Type": "chores"})
    await page.get_by_role("button", name=re.compile("^Cron")).click()
    await _fill_in(page, {"Cron expression": "61 2 * * *", "Description": "kept"})
    await page.get_by_role("button", name="Create the task").click()
    field = page.get_by_label("Cron expression")

    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_value("61 2 * * *")
    await expect(page.locator(f"#{await field.get_attribute('id')}-fault mark")).to_have_text(re.compile("^61?$"))
    await expect(page.get_by_label("Description")).to_have_value("kept")
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await visitor.overflowing() == []


async def test_a_handler_that_says_what_it_takes_gets_a_form_of_its_fields(visitor: Visitor, service: Service) -> None:
    page = visitor.page
    await visitor.open("/scheduled-tasks/new")
    await _fill_in(page, {"Name": f"typed {visitor.look}", "Type": "chores", "Handler": "wait"})
    if not visitor.look.script:
        await page.get_by_role("button", name="Show this handler’s fields").click()
    await page.get_by_label("Ledger").fill("somewhere")
    await page.get_by_label("Seconds").fill("1.5")
    await page.get_by_role("button", name="Create the task").click()
    made = await service.call("GET", f"/scheduled-tasks/{await _id_of(visitor)}")

    assert made["payload"] == {"ledger": "somewhere", "seconds": 1.5}


async def test_an_edit_shows_what_it_changes_and_a_version_brings_it_back(visitor: Visitor, service: Service) -> None:
    page = visitor.page
    task_id = await service.create(f"edit {visitor.look}", handler="nothing", description="as it was")
    await visitor.open(f"/scheduled-tasks/{task_id}")
    await page.get_by_role("link", name=re.compile("^Edit")).first.click()
    await _fill_in(page, {"Description": "as it is", "Reason": "it was wrong"})
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("#preview ins")).to_contain_text("as it is")
    await page.get_by_role("button", name="Save", exact=True).click()
    await _id_of(visitor)
    edited = await service.call("GET", f"/scheduled-tasks/{task_id}")
    await visitor.open(f"/scheduled-tasks/{task_id}/versions")
    await expect(page.locator("main")).to_contain_text("it was wrong")
    await page.get_by_role("row").filter(has_text="1").last.get_by_role("link", name="Restore").click()
    await expect(page.locator("main")).to_contain_text("as it was")
    await page.get_by_role("button", name=re.compile("Restore")).click()
    await expect(page.get_by_role("status").first).to_be_visible()
    restored = await service.call("GET", f"/scheduled-tasks/{task_id}")

    assert (edited["description"], edited["version"]) == ("as it is", 2)
    assert (restored["description"], restored["version"]) == ("as it was", 3)


async def test_an_edit_into_a_conflict_loses_nothing_and_is_solved_field_by_field(
    visitor: Visitor, service: Service
) -> None:
    page = visitor.page
    task_id = await service.create(f"conflict {visitor.look}", handler="nothing", description="first", max_retries=1)
    await visitor.open(f"/scheduled-tasks/{task_id}/edit")
    await service.call("PATCH", f"/scheduled-tasks/{task_id}", {"description": "theirs", "tags": ["theirs"]})
    await _fill_in(page, {"Description": "mine", "Tags": "mine"})
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Somebody else changed this task")
    assert await visitor.overflowing() == []
    for field, wanted in (("Description", "mine"), ("Tags", "theirs")):
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile(field, re.IGNORECASE)))
        await row.get_by_role("radio", name=wanted).check()
    await page.get_by_role("button", name="Save what I chose").click()
    await _id_of(visitor)
    solved = await service.call("GET", f"/scheduled-tasks/{task_id}")

    assert (solved["description"], solved["tags"], solved["version"]) == ("mine", ["theirs"], 3)


async def test_a_copy_begins_with_everything_its_original_has(visitor: Visitor, service: Service) -> None:
    task_id = await service.create(f"original {visitor.look}", handler="nothing", tags=["a", "b"], payload={"n": 1})
    await visitor.open(f"/scheduled-tasks/new?from={task_id}")
    await _fill_in(visitor.page, {"Name": f"copy {visitor.look}"})
    await visitor.page.get_by_role("button", name="Create the task").click()
    copy = await service.call("GET", f"/scheduled-tasks/{await _id_of(visitor)}")

    original = await service.call("GET", f"/scheduled-tasks/{task_id}")
    assert copy["id"] != task_id
    kept = ("task_type", "handler", "schedule_type", "schedule", "timezone", "payload", "tags", "policy")
    assert {name: copy[name] for name in kept} == {name: original[name] for name in kept}
