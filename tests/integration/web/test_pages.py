import re
from urllib.parse import urlencode

import pytest

from application.scheduling.ports.execution_store import Beat, LogLine, Progress
from domain.scheduling.execution import ErrorReport
from domain.scheduling.identifiers import NodeId
from domain.scheduling.outcome import Failed
from domain.scheduling.retry import GiveUp
from tests.integration.web.dashboard import HTML, PAGE, PREFIX, TASKS, Dashboard
from tests.integration.web.pages import Elements, stored, words

CANARIES = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE tasks; --",
    "{{7*7}}{% raw %}",
    "=cmd()|' /C calc'!A0",
    "a/b.c?d=e&f#g%2F",
    "javascript:alert(1)",
    "👩‍👩‍👧 ünïcödé",
]


async def test_a_record_that_cannot_be_read_has_a_page_that_says_so(dashboard: Dashboard) -> None:
    task = await stored(dashboard)
    await dashboard.store.spoil(task.id)

    page = await dashboard.page(f"{PAGE}/{task.id}")

    assert page.status == 500
    assert "The record of this task cannot be read" in words(page.text)


# --- What people wrote ---


@pytest.mark.parametrize("canary", CANARIES)
async def test_what_people_wrote_is_text_on_every_page(dashboard: Dashboard, canary: str) -> None:
    task = await stored(
        dashboard, name=canary, description=canary, handler=canary, payload={canary: canary}, schedule="0 * * * *"
    )
    await dashboard.call("POST", f"{TASKS}/{task.id}/pause", {"reason": canary})
    await dashboard.call("POST", f"{TASKS}/{task.id}/resume")
    claim = await dashboard.store.started(task)
    line = LogLine(dashboard.clock.now(), canary, canary)
    beat = Beat(claim.execution.id, claim.token, Progress(1, 2, canary), (line,))
    await dashboard.store.executions.heartbeat(NodeId("worker-a"), [beat])
    await dashboard.store.settle(claim, Failed(ErrorReport(canary, canary), GiveUp()))
    await dashboard.call("POST", f"{TASKS}/{task.id}/pause", {"reason": canary})
    paths = [PAGE, f"{PAGE}?{urlencode({'q': canary})}", f"{PAGE}/{task.id}", f"{PAGE}/{task.id}/delete"]

    for path in [*paths, f"{PREFIX}/executions/{claim.execution.id}"]:
        page = Elements((await dashboard.page(path)).text)
        assert canary in page.text or path.startswith(f"{PAGE}?")
        assert not page.all("img", src="x")
        assert [found for found in page.all("script") if "src" not in found] == []
        assert not [found for _, found in page.tags if any(name.startswith("on") for name in found)]
        assert not [found for found in page.all("a") if not found["href"].startswith(("/", "#"))]


async def test_no_page_has_script_or_style_of_its_own_or_asks_another_server(dashboard: Dashboard) -> None:
    task = await stored(dashboard)
    for path in (PAGE, f"{PAGE}/{task.id}", f"{PAGE}/{task.id}/delete", f"{PREFIX}/nowhere"):
        page = Elements((await dashboard.page(path)).text)

        assert not page.all("style")
        assert not [found for _, found in page.tags if "style" in found]
        linked = [found[name] for _, found in page.tags for name in ("src", "href", "action") if name in found]
        assert all(re.match(r"[/#](?!/)", address) for address in linked), linked
        assert len(re.findall("<title>", (await dashboard.page(path)).text)) == 1


async def test_static_files_are_cached_under_the_name_of_their_content(dashboard: Dashboard) -> None:
    page = Elements((await dashboard.page(PAGE)).text)
    stylesheet = page.all("link", rel="stylesheet")[0]["href"]

    current = await dashboard.get(stylesheet)
    other = await dashboard.get(stylesheet.partition("?")[0])

    assert current.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert current.headers["Content-Type"] == "text/css; charset=utf-8"
    assert other.headers["Cache-Control"] == "no-cache"
    assert len(current.text.encode()) <= 20_000
    assert (await dashboard.get(f"{PREFIX}/static/nope.css")).status == 404
    assert (await dashboard.get(f"{PREFIX}/static/..%2Fapp.py")).status == 404


@pytest.mark.parametrize(("taken", "sent"), [("gzip, br", "gzip"), ("br", None), ("identity", None)])
async def test_a_page_travels_compressed_to_whoever_takes_that(
    dashboard: Dashboard, taken: str, sent: str | None
) -> None:
    for number in range(20):
        await stored(dashboard, name=f"task {number}")

    answer = await dashboard.call("GET", PAGE, headers={**HTML, "Accept-Encoding": taken})

    assert answer.headers.get("Content-Encoding") == sent
    assert (int(answer.headers["Content-Length"]) < len(answer.text.encode()) / 4) is (sent is not None)
    assert "20 tasks" in words(answer.text)


async def test_the_first_page_and_all_that_it_loads_are_small_on_the_wire(dashboard: Dashboard) -> None:
    for number in range(50):
        await stored(dashboard, name=f"task {number} of many", description="What it is for, at some length. " * 5)

    page = await dashboard.call("GET", PAGE, headers={**HTML, "Accept-Encoding": "gzip"})
    parts = [await dashboard.get(path) for path in set(re.findall(r'(?:href|src)="([^"]+/static/[^"]+)"', page.text))]

    assert len(parts) == 3
    assert sum(int(each.headers["Content-Length"]) for each in (page, *parts)) <= 100_000


async def test_the_banner_and_the_servers_clock_stand_on_every_page(dashboard: Dashboard) -> None:
    for path in (PAGE, f"{PREFIX}/nowhere"):
        page = words((await dashboard.page(path)).text)

        assert "There is no login." in page
        assert "Server clock: Mon 2024-01-15 12:00:00 UTC" in page
