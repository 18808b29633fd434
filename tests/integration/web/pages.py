"""Reading pages: their elements and their words, and the lives of tasks that pages are about."""

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

from application.scheduling.ports.execution_store import Claim
from domain.scheduling.execution import ErrorReport
from domain.scheduling.identifiers import TaskId
from domain.scheduling.outcome import Failed
from domain.scheduling.retry import GiveUp
from domain.scheduling.task import ScheduledTask
from tests.integration.web.dashboard import Dashboard

INLINE = {"a", "b", "code", "span", "strong", "time", "del", "ins", "wbr"}
CANARIES = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}{% raw %}",
    "a/b.c?d=e&f#g%2F",
    "javascript:alert(1)",
    "👩‍👩‍👧 ünïcödé",
    "عربى",
    "long" * 50,
]


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

    @property
    def links(self) -> list[str]:
        """Where the page leads."""
        return [found["href"] for found in self.all("a")]


def words(html: str) -> str:
    """The text of a page with its white space made single."""
    return " ".join(Elements(html).text.split())


def assert_harmless(html: str) -> None:
    """Nothing people wrote has become a tag, a handler or an address of another place."""
    page = Elements(html)
    assert not page.all("img", src="x")
    assert [found for found in page.all("script") if "src" not in found] == []
    assert not [found for _, found in page.tags if any(name.startswith("on") for name in found)]
    assert not [each for each in page.links if not each.startswith(("/", "#", "?"))]


async def stored(dashboard: Dashboard, **fields: Any) -> ScheduledTask:
    """A task that was created by the API."""
    document = await dashboard.create(**fields)
    task = await dashboard.store.tasks.get(TaskId(document["id"]))
    assert isinstance(task, ScheduledTask)
    return task


async def died(dashboard: Dashboard, task: ScheduledTask, *, error: str = "no such row") -> Claim:
    """The task after its next run, which failed for good within five seconds."""
    claim = await dashboard.store.started(task)
    dashboard.clock.advance(timedelta(seconds=5))
    traceback = f'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: {error}'
    await dashboard.store.settle(claim, Failed(ErrorReport("ValueError", traceback), GiveUp()))
    return claim
