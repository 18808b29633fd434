"""What people may write into every field, on every page: shown letter by letter, never run, never part of the page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from application.scheduling.drafts import body_from
from application.scheduling.ports.execution_store import Beat, LogLine, Progress, Settlement
from application.scheduling.services.change_task import Author
from domain.scheduling.change import Via
from domain.scheduling.execution import ErrorReport
from domain.scheduling.identifiers import ClaimToken, TaskId
from domain.scheduling.outcome import Failed
from domain.scheduling.retry import GiveUp
from tests.browser.addresses import PAGES
from tests.browser.visitor import Look, visiting
from tests.support.demo import WORKER, Demo, a_demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# E26 of the bad inputs, and what breaks out of texts, attributes, titles and scripts; together as long as a name is.
HOSTILE = (
    "<script>hit=1</script>",
    '"><img class=canary src=x onerror="hit=1">',
    "'><svg class=canary onload=hit=1>",
    "</title></textarea><b class=canary>",
    "{{7*7}}",
    "=cmd()|'/C calc'!A0",
    "'; DROP TABLE tasks; --",
    "مرحبا 👩‍👩‍👧",
)
TEXT = "".join(HOSTILE)
ADDRESS = "javascript:hit=1//a/b.c?d=e&f#g%2F"
STATE = """() => [typeof hit, document.querySelectorAll(".canary").length,
  document.querySelectorAll('a[href^="javascript:"]').length]"""


@dataclass(frozen=True, slots=True)
class Written:
    """Where the texts were written."""

    demo: Demo
    task_id: TaskId
    execution_id: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def written(chromium: Browser) -> AsyncIterator[Written]:
    """A service in every field of which somebody has written the worst."""
    async with a_demo() as demo:
        manage, executions = demo.container.manage_tasks(), demo.container.stores().executions
        by = Author(TEXT, Via.API, TEXT)
        body = {
            "name": TEXT,
            "handler": ADDRESS,
            "task_type": "mail",
            "schedule_type": "interval",
            "schedule": "1h",
            "description": TEXT,
            "payload": {TEXT: [TEXT, ADDRESS]},
        }
        task = (await manage.create(body_from(body), by)).task
        await manage.run_now(task.id, by, payload={TEXT: ADDRESS})
        (claim,) = await executions.claim(WORKER, [ClaimToken("f" * 32)])
        line = LogLine(demo.clock.now(), TEXT, TEXT)
        await executions.heartbeat(WORKER, [Beat(claim.execution.id, claim.token, Progress(1, 2, TEXT), (line,))])
        error = ErrorReport(TEXT, f"{TEXT}\n{ADDRESS}")
        await executions.settle([Settlement(claim.execution.id, claim.token, Failed(error, GiveUp()))])
        await manage.patch(task.id, {"description": f"{TEXT} {ADDRESS}", "task_type": "web"}, by)
        await manage.pause(task.id, by)
        yield Written(demo, task.id, claim.execution.id)


async def test_what_people_write_is_text_on_every_page(chromium: Browser, written: Written) -> None:
    told = 0
    async with visiting(chromium, written.demo.address, Look()) as visitor:
        for path in PAGES:
            filled = await written.demo.filled(path, task_id=written.task_id, execution_id=written.execution_id)
            await visitor.open(filled)

            assert await visitor.page.evaluate(STATE) == ["undefined", 0, 0], path
            text = await visitor.page.locator("body").inner_text()
            assert "49" not in await visitor.page.title(), path
            told += TEXT in text

    assert told >= 5


async def test_a_page_that_renews_itself_takes_no_text_for_anything_else(chromium: Browser, written: Written) -> None:
    async with visiting(chromium, written.demo.address, Look()) as visitor:
        await visitor.open(f"/scheduled-tasks/{written.task_id}")
        by = Author(TEXT, Via.API, f"{TEXT} once more")
        await written.demo.container.manage_tasks().resume(written.task_id, by)

        await expect(visitor.page.locator("body")).to_contain_text("once more")

        assert await visitor.page.evaluate(STATE) == ["undefined", 0, 0]
