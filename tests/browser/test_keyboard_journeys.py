"""What is done with a pointer elsewhere, done with the keyboard alone: half of it with script, half without."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.visitor import LOOKS, Look, Visitor, visiting
from tests.support.service import Service

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SCRIPT, PLAIN = LOOKS
# The tab, what is typed into which field, what the preview says, what becomes of the schedule, and who looks. The parts
# of a date stand in the order of the browser's own language, which is en-US.
KINDS = {
    "cron": ("Cron", {"Cron expression": "30 2 * * 1-5"}, "At 02:30", ("cron", "30 2 * * 1-5"), PLAIN),
    "every": ("Every", {"Every": "15"}, "Every 15 minutes", ("interval", "15m"), PLAIN),
    "times": ("At times", {"Times": "07:15, 19:15"}, "At 07:15 and 19:15", ("cron", "15 7,19 * * *"), SCRIPT),
    "once": (
        "Once",
        {"Date": "12242099", "Time": "0600PM"},
        "Once, on 2099-12-24",
        ("one_time", "2099-12-24T18:00"),
        SCRIPT,
    ),
}


@pytest_asyncio.fixture(loop_scope="session")
async def typist(request: pytest.FixtureRequest, chromium: Browser, service: Service) -> AsyncIterator[Visitor]:
    """Somebody without a pointer."""
    look: Look = request.param
    async with visiting(chromium, service.address, look) as visitor:
        yield visitor


async def _says(typist: Visitor, words: str) -> None:
    status = typist.page.get_by_role("status").filter(has_text=re.compile(words, re.IGNORECASE))
    await expect(status.first).to_be_visible()


@pytest.mark.parametrize(
    ("kind", "typist"), [(kind, told[-1]) for kind, told in KINDS.items()], indirect=["typist"], ids=KINDS
)
async def test_a_task_of_each_kind_is_made_after_a_look_at_its_preview(
    typist: Visitor, service: Service, kind: str
) -> None:
    tab, fields, sentence, (schedule_type, schedule), _ = KINDS[kind]
    page = typist.page
    await typist.open("/scheduled-tasks/new")
    for label, text in {"Name": f"typed {kind}", "Type": "chores", "Handler": "nothing"}.items():
        await typist.type_into(page.get_by_label(label, exact=True), text)
    chosen = page.get_by_role("button", name=re.compile(f"^{tab}"))
    await typist.press(chosen)
    await expect(chosen).to_have_attribute("aria-current", "true")
    for label, text in fields.items():
        await typist.type_into(page.get_by_label(label, exact=True), text)
    if not typist.look.script:
        await page.keyboard.press("Enter")
    await expect(page.locator("#preview")).to_contain_text(sentence)
    await typist.press(page.get_by_role("button", name="Create the task"))
    await expect(page.get_by_role("heading", level=1)).to_contain_text(f"typed {kind}")
    (made,) = (await service.call("GET", f"/scheduled-tasks?q=typed+{kind}"))["tasks"]

    assert (made["schedule_type"], made["schedule"].split("/")[0]) == (schedule_type, schedule)


@pytest.mark.parametrize("typist", [SCRIPT], indirect=True, ids=str)
async def test_a_task_is_found_paused_resumed_and_run_otherwise(typist: Visitor, service: Service) -> None:
    task_id = await service.create("by keyboard", handler="nothing", payload={"of": "the task"})
    page = typist.page
    await typist.open("/scheduled-tasks")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await typist.type_into(page.get_by_role("searchbox"), "by keyboard")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("q=by"))
    await typist.press(page.get_by_role("link", name="by keyboard", exact=True))
    await expect(page.get_by_role("heading", level=1)).to_contain_text("by keyboard")
    # Letters that are shortcuts elsewhere are letters here.
    await typist.type_into(page.locator("#pause").get_by_label("Reason"), "j/k? gone fishing")
    for typed in ("", "01042099", "0930AM"):
        await page.keyboard.type(typed)
        await page.keyboard.press("Tab")
    await typist.press(page.locator("#pause").get_by_role("button"))
    await _says(typist, "paused")
    pause = (await service.call("GET", f"/scheduled-tasks/{task_id}"))["pause"]
    await typist.press(page.locator("#resume").get_by_role("button", name="Resume"), "Space")
    await _says(typist, "active|resumed")
    form = page.locator("form#run").filter(has=page.locator("summary"))
    await typist.press(form.locator("summary"))
    await typist.type_into(form.get_by_label("Payload as JSON"), '{"of": "this run"}')
    await typist.press(form.get_by_role("button", name="Run with this payload"))
    await _says(typist, "started|runs|queued")
    (run,) = (await service.call("GET", f"/scheduled-tasks/{task_id}/executions"))["executions"]

    assert (pause["reason"], pause["until"]) == ("j/k? gone fishing", "2099-01-04T09:30:00Z")
    assert (await service.call("GET", f"/executions/{run['id']}"))["payload"] == {"of": "this run"}


@pytest.mark.parametrize("typist", [PLAIN], indirect=True, ids=str)
async def test_a_conflict_is_solved_and_a_version_restored(typist: Visitor, service: Service) -> None:
    task_id = await service.create("by two keyboards", handler="nothing", description="first")
    page = typist.page
    await typist.open(f"/scheduled-tasks/{task_id}/edit")
    await service.call("PATCH", f"/scheduled-tasks/{task_id}", {"description": "theirs", "tags": ["theirs"]})
    await typist.type_into(page.get_by_label("Description", exact=True), "mine")
    await typist.type_into(page.get_by_label("Tags", exact=True), "mine")
    await typist.press(page.get_by_role("button", name="Save", exact=True))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Somebody else changed this task")
    # Of the choices "as it is now" is the first.
    for field, key in (("Description", "ArrowRight"), ("Tags", "Space")):
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile(field, re.IGNORECASE)))
        await typist.press(row.get_by_role("radio").first, key)
    await typist.press(page.get_by_role("button", name="Save what I chose"))
    await expect(page.get_by_role("heading", level=1)).to_contain_text("by two keyboards")
    solved = await service.call("GET", f"/scheduled-tasks/{task_id}")
    await typist.press(page.get_by_role("link", name="Versions", exact=True))
    await expect(page).to_have_url(re.compile("/versions$"))
    await typist.press(page.get_by_role("link", name="Restore").last)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Restore version 1?")
    await typist.press(page.get_by_role("button", name="Restore"))
    await expect(page.get_by_role("heading", level=1)).to_contain_text("by two keyboards")
    restored = await service.call("GET", f"/scheduled-tasks/{task_id}")

    assert (solved["description"], solved["tags"], solved["version"]) == ("mine", ["theirs"], 3)
    assert (restored["description"], restored["tags"], restored["version"]) == ("first", [], 4)


@pytest.mark.parametrize("typist", [PLAIN], indirect=True, ids=str)
async def test_a_run_is_cancelled_and_what_did_not_run_explained(
    typist: Visitor, service: Service, tmp_path: Path
) -> None:
    chore = {"ledger": str(tmp_path / "ledger"), "seconds": 60}
    task_id = await service.create("stopped by keyboard", handler="wait", payload=chore)
    execution_id = await service.run_now(task_id)
    page = typist.page
    await typist.open(f"/executions/{execution_id}")
    await typist.type_into(page.locator("form[action$='/cancel']").get_by_label("Reason"), "it was a mistake")
    await page.keyboard.press("Enter")
    await _says(typist, "stop|cancel")
    assert (await service.finished(execution_id))["state"] == "cancelled"
    await typist.open(f"/scheduled-tasks/{task_id}")
    await typist.type_into(page.locator("#why").get_by_label("At"), "2020-01-01T00:00")
    await page.keyboard.press("Enter")

    await expect(page.locator("#why").get_by_role("status")).to_contain_text("2020-01-01")
