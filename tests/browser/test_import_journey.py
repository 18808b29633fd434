"""Tasks by a file: uploaded, looked at, applied; then changed by somebody, pasted again, and what is drift stays."""

import pytest
from playwright.async_api import expect

from tests.browser.visitor import Visitor
from tests.support.service import Service

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def _file(manager: str, schedule: str) -> str:
    return f"""\
apiVersion: scheduler/v1
manager: {manager}
tasks:
  {manager} nightly:
    schedule: {{cron: "{schedule}"}}
    timezone: Europe/Berlin
    task_type: chores
    handler: nothing
  {manager} pulse: {{schedule: {{every: 15m}}, task_type: chores, handler: nothing}}
"""


async def test_a_file_is_looked_at_and_applied_and_what_it_does_not_mention_stays(
    visitor: Visitor, service: Service
) -> None:
    page, manager = visitor.page, f"repo-{visitor.look}"
    await visitor.open("/scheduled-tasks")
    await page.get_by_role("link", name="Import").click()
    raw = _file(manager, "30 2 * * *").encode()
    await page.get_by_label("Upload a file").set_input_files(
        {"name": "tasks.yaml", "mimeType": "application/yaml", "buffer": raw}
    )
    await page.get_by_role("button", name="Show what it would do").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("2 tasks would change")
    await page.get_by_role("button", name="Apply it to 2 tasks").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("2 tasks changed")
    (nightly,) = (await service.call("GET", f"/scheduled-tasks?q={manager}+nightly"))["tasks"]
    await service.call("PATCH", f"/scheduled-tasks/{nightly['id']}", {"description": "by hand", "timezone": "UTC"})

    await page.get_by_role("link", name="Another file").click()
    await page.get_by_label("or paste it here").fill(_file(manager, "61 2 * * *"))
    await page.get_by_role("button", name="Show what it would do").click()
    await expect(page.locator("#faults")).to_contain_text("line 5")
    assert await visitor.overflowing() == []
    await page.get_by_label("or paste it here").fill(_file(manager, "45 3 * * *"))
    await page.get_by_role("button", name="Show what it would do").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=f"{manager} nightly"))
    await expect(row).to_contain_text("by hand")
    assert await visitor.overflowing() == []
    if visitor.look.script:
        assert await visitor.accessibility_faults() == []
    await page.get_by_role("button", name="Apply it to 1 task").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("1 task changed")
    now = await service.call("GET", f"/scheduled-tasks/{nightly['id']}")

    assert (now["schedule"], now["timezone"], now["description"]) == ("45 3 * * *", "Europe/Berlin", "by hand")
