"""Takes the pictures of the dashboard that the documentation shows: `make screenshots`.

They are of the demo's life, whose clock stands still, so that a picture changes only if its page does.
"""

import asyncio
import sys
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from playwright.async_api import Browser

from tests.support.chromium import HOW, a_chromium
from tests.support.demo import Demo, a_demo
from tests.support.repository import ROOT

FOLDER = ROOT / "docs" / "screenshots"
WIDTH = 1280
BYTES_MAX = 120_000
# As many as the heat map looks back.
DAYS = 28
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
OVER_THE_CHANGE = {
    "name": "close_books",
    "task_type": "billing",
    "handler": "close_day",
    "schedule_type": "cron",
    "schedule": "30 2 * * *",
    "timezone": "Europe/Berlin",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A page to take a picture of, as far down as `height` in pixels; `path` lies beneath the prefix."""

    name: str
    path: str
    height: int = 660


PICTURES = (
    Picture("overview", "/"),
    Picture("list", "/scheduled-tasks", 710),
    Picture("builder", f"/scheduled-tasks/new?{urlencode(OVER_THE_CHANGE)}"),
    Picture("task", "/scheduled-tasks/{task_id}"),
    Picture("execution", "/executions/{execution_id}"),
    Picture("statistics", "/statistics"),
)


async def take(browser: Browser, demo: Demo, picture: Picture, theme: Literal["light", "dark"]) -> int:
    """Take one picture; return its size in bytes."""
    context = await browser.new_context(
        viewport={"width": WIDTH, "height": picture.height}, color_scheme=theme, locale="en-GB", reduced_motion="reduce"
    )
    page = await context.new_page()
    answer = await page.goto(f"{demo.address}/admin/scheduler{await demo.filled(picture.path)}")
    assert answer is not None
    assert answer.ok, f"{answer.status} {picture.path}"
    taken = await page.screenshot(path=FOLDER / f"{picture.name}-{theme}.png", animations="disabled")
    await context.close()
    return len(taken)


async def take_all() -> int:
    """Take every picture in both themes; the exit code: 1 if there is no browser, or a picture is too large."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with a_chromium() as browser, a_demo(days=DAYS) as demo:
        if browser is None:
            print(HOW, file=sys.stderr)
            return 1
        sizes = {
            f"{picture.name}-{theme}": await take(browser, demo, picture, theme)
            for picture in PICTURES
            for theme in THEMES
        }
    for name, size in sizes.items():
        print(f"{name:20} {size / 1_000:6.1f} kB{'  too large' if size > BYTES_MAX else ''}")
    return int(max(sizes.values()) > BYTES_MAX)


if __name__ == "__main__":
    sys.exit(asyncio.run(take_all()))
