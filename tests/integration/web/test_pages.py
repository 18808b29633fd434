import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from application.scheduling.ports.execution_store import Beat, LogLine, Progress
from domain.scheduling.execution import ErrorReport
from domain.scheduling.identifiers import NodeId, TaskId
from domain.scheduling.outcome import Failed, Succeeded
from domain.scheduling.retry import GiveUp, RetryAt
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import ScheduledTask
from tests.integration.web.dashboard import PAGE, PREFIX, TASKS, Dashboard
from tests.support.builders import HOUR, MINUTE

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


INLINE = {"a", "b", "code", "span", "strong", "time"}


class Elements(HTMLParser):
    """Every tag of a page with its attributes, and the text in between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in INLINE:
            self.text += " "
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [found for name, found in self.tags if name == tag and found.items() >= attributes.items()]


async def stored(dashboard: Dashboard, **fields: Any) -> ScheduledTask:
    document = await dashboard.create(**fields)
    task = await dashboard.store.tasks.get(TaskId(document["id"]))
    assert isinstance(task, ScheduledTask)
    return task


def words(html: str) -> str:
    """The text of a page with its white space made single."""
    return " ".join(Elements(html).text.split())


# --- The list ---


@pytest.mark.parametrize("path", ["/", PREFIX, f"{PREFIX}/"])
async def test_the_short_addresses_lead_to_the_list(dashboard: Dashboard, path: str) -> None:
    answer = await dashboard.page(path)

    assert (answer.status, answer.headers["Location"]) == (302, PAGE)


async def test_an_empty_list_shows_how_to_make_the_first_task(dashboard: Dashboard) -> None:
    page = await dashboard.page(PAGE)

    assert page.status == 200
    assert "No tasks yet" in words(page.text)
    assert f"curl {dashboard.session._base_url.origin()}{PREFIX}/api/scheduled-tasks" in words(page.text)  # type: ignore[union-attr]


async def test_a_row_says_what_when_and_how_it_goes(dashboard: Dashboard) -> None:
    await dashboard.create(
        "nightly", schedule="0 2 * * *", timezone="Europe/Berlin", tags=["db"], description="Cleans."
    )

    page = Elements((await dashboard.page(PAGE)).text)
    row = " ".join(page.text.split())

    assert "nightly maintenance db Cleans. 0 2 * * * Europe/Berlin Tue 2024-01-16 02:00 CET in 13 h never ran" in row
    assert page.all("time", datetime="2024-01-16T01:00:00Z")
    assert page.all("caption")
    assert all(found.get("scope") in ("col", "row") for found in page.all("th"))


async def test_a_paused_task_says_by_whom_until_when_and_why(dashboard: Dashboard) -> None:
    task = await dashboard.create("report", timezone="Asia/Kathmandu")
    body = {"reason": "database upgrade", "until": "2024-01-20T09:00:00+05:45"}
    await dashboard.call("POST", f"{TASKS}/{task['id']}/pause", body)

    for path in (PAGE, f"{PAGE}/{task['id']}"):
        assert "by local until Sat 2024-01-20 09:00 +0545: database upgrade" in words((await dashboard.page(path)).text)


async def test_counts_lead_to_their_status_and_follow_the_filter(dashboard: Dashboard) -> None:
    await dashboard.create("one", tags=["x"])
    task = await dashboard.create("two", tags=["x"])
    await dashboard.create("three")
    await dashboard.call("POST", f"{TASKS}/{task['id']}/pause")

    page = Elements((await dashboard.page(f"{PAGE}?tag=x&status=active")).text)

    cards = [found for found in page.all("a") if found.get("class", "").startswith("card")]
    assert "2 All 1 Active 1 Paused 0 Completed 0 Failed" in " ".join(page.text.split())
    assert cards[2]["href"] == f"{PAGE}?tag=x&status=paused"
    assert [card["class"] for card in cards if "aria-current" in card] == ["card active"]
    assert "1 task matches" in " ".join(page.text.split())


async def test_sort_links_turn_and_say_which_way_it_goes(dashboard: Dashboard) -> None:
    await dashboard.create()

    page = Elements((await dashboard.page(f"{PAGE}?sort=next_run_at&q=re")).text)

    assert [found["aria-sort"] for found in page.all("th") if "aria-sort" in found] == ["ascending"]
    assert f"{PAGE}?sort=-next_run_at&q=re" in [found["href"] for found in page.all("a")]


async def test_pages_of_the_list_lead_on(dashboard: Dashboard) -> None:
    for number in range(3):
        await dashboard.create(f"task-{number}")

    first = Elements((await dashboard.page(f"{PAGE}?limit=2")).text)
    second = await dashboard.page(first.all("a", rel="next")[0]["href"])

    assert "task-2" in words(second.text)
    assert "First page" in words(second.text)
    assert "Next page" not in words(second.text)


async def test_a_filter_nothing_matches_leads_back(dashboard: Dashboard) -> None:
    await dashboard.create()

    page = words((await dashboard.page(f"{PAGE}?q=zzz")).text)

    assert "No task matches" in page
    assert "Show all tasks" in page


@pytest.mark.parametrize("query", ["limit=0", "cursor=forged", "sort=payload", "status=x", "nope=1"])
async def test_a_wrong_address_is_told_on_a_page(dashboard: Dashboard, query: str) -> None:
    page = await dashboard.page(f"{PAGE}?{query}")

    assert page.status == 400
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "A parameter of the address is wrong" in words(page.text)


async def test_an_address_cannot_put_words_on_a_page(dashboard: Dashboard) -> None:
    page = await dashboard.page(f"{PAGE}?notice=You+have+won")

    assert page.status == 200
    assert "You have won" not in page.text


# --- The page of a task ---


async def test_the_page_of_a_task_tells_its_next_runs_across_a_change_of_clocks(dashboard: Dashboard) -> None:
    dashboard.clock.advance(timedelta(days=74))
    task = await stored(dashboard, schedule="30 2 * * *", timezone="Europe/Berlin")

    page = words((await dashboard.page(f"{PAGE}/{task.id}")).text)

    assert "Sat 2024-03-30 02:30 CET Sat 2024-03-30 01:30 UTC" in page
    assert "Sun 2024-03-31 03:00 CEST Sun 2024-03-31 01:00 UTC 23 h 30 min" in page
    assert "Mon 2024-04-01 02:30 CEST Mon 2024-04-01 00:30 UTC 23 h 30 min" in page


async def test_the_page_of_a_task_tells_what_became_of_each_execution(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", max_retries=1)
    claim = await dashboard.store.started(task)
    await dashboard.store.executions.rescue_worker(NodeId("worker-a"))
    again = await dashboard.store.claim(NodeId("worker-b"))
    dashboard.clock.advance(timedelta(seconds=5))
    traceback = 'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no such row'
    await dashboard.store.settle(again, Failed(ErrorReport("ValueError", traceback), GiveUp()))
    dashboard.clock.advance(5 * HOUR)
    (late,) = await dashboard.store.tasks.due(EVERYTHING, until=dashboard.clock.now(), limit=10)
    assert isinstance(late, ScheduledTask)
    await dashboard.store.commit(late)

    html = (await dashboard.page(f"{PAGE}/{task.id}")).text
    page = words(html)

    assert "Failed for good taken over from a dead worker: started again" in page
    assert "ValueError: no such row" in page
    assert "line 1" in page
    assert (
        "did not run: 4 occurrences, Mon 2024-01-15 14:00 UTC – Mon 2024-01-15 17:00 UTC (misfire: found late)" in page
    )
    assert "create by local via api, version 1" in page
    assert Elements(html).all("details", id=f"error-{claim.execution.id}")


async def test_an_execution_has_a_page_with_its_attempts_progress_and_log(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *")
    claim = await dashboard.store.started(task)
    line = LogLine(dashboard.clock.now(), "WARNING", "slow <b>answer</b>")
    beat = Beat(claim.execution.id, claim.token, Progress(5, 10, "rows"), (line,))
    await dashboard.store.executions.heartbeat(NodeId("worker-a"), [beat])
    dashboard.clock.advance(timedelta(seconds=90))

    html = (await dashboard.page(f"{PREFIX}/executions/{claim.execution.id}")).text
    page = words(html)

    assert "Execution Running" in page
    assert "on worker-a running for 1 min 30 s" in page
    assert "5 of 10 · rows" in page
    assert "13:00:00.000 WARNING slow <b>answer</b>" in page
    assert "Ask it to stop" in page
    assert Elements(html).all("progress", max="10", value="5")


async def test_a_retry_and_a_result_are_shown(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *")
    claim = await dashboard.store.started(task)
    retry_at = dashboard.clock.now() + MINUTE
    await dashboard.store.settle(claim, Failed(ErrorReport("OSError", "gone"), RetryAt(retry_at)))
    waiting = words((await dashboard.page(f"{PREFIX}/executions/{claim.execution.id}")).text)
    dashboard.clock.advance(MINUTE)
    await dashboard.store.executions.release_due(10)
    await dashboard.store.settle(await dashboard.store.claim(), Succeeded('{"rows":3}'))

    over = words((await dashboard.page(f"{PREFIX}/executions/{claim.execution.id}")).text)

    assert "waiting to be tried again, until Mon 2024-01-15 13:01:00 UTC in 1 min" in waiting
    assert 'Result { "rows": 3 }' in over
    assert "Stop it" not in over


async def test_a_quarantined_task_has_a_page_all_the_same(dashboard: Dashboard) -> None:
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


async def test_the_banner_and_the_servers_clock_stand_on_every_page(dashboard: Dashboard) -> None:
    for path in (PAGE, f"{PREFIX}/nowhere"):
        page = words((await dashboard.page(path)).text)

        assert "There is no login." in page
        assert "Server clock: Mon 2024-01-15 12:00:00 UTC" in page
