"""Every page there is, in both themes, wide and narrow: open to everybody, and in good order."""

from typing import Literal

import pytest
from playwright.async_api import Browser, StorageState

from tests.browser.addresses import PAGES
from tests.browser.visitor import EVERY_RULE, NARROW, VISUAL_RULES, WIDE, Look, visiting
from tests.support.demo import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# What pages show beside their ordinary state.
STATES = [
    "/scheduled-tasks?q=nothing-is-called-that",
    "/scheduled-tasks?status=paused&sort=-next_run_at",
    "/scheduled-tasks?sort=payload",
    "/scheduled-tasks/{failed}",
    "/scheduled-tasks/{paused}",
    "/scheduled-tasks/{paused}/delete",
    "/executions/{dead}",
    "/nowhere",
]
VIEWS: tuple[tuple[int, Literal["dark", "light"], list[str]], ...] = (
    (WIDE, "light", EVERY_RULE),
    (NARROW, "light", VISUAL_RULES),
    (NARROW, "dark", EVERY_RULE),
    (WIDE, "dark", VISUAL_RULES),
)


@pytest.mark.parametrize("path", [*PAGES, *STATES])
async def test_a_page_is_open_to_everybody_in_both_themes_wide_and_narrow(
    chromium: Browser, demo: Demo, ana: StorageState, path: str
) -> None:
    address = await demo.filled(path)
    async with visiting(chromium, demo.address, Look(), known=ana) as visitor:
        await visitor.open(address)
        assert await visitor.page.locator("h1").count() == 1
        assert (await visitor.page.title()).endswith(" · PeachPie scheduler")
        found = await visitor.overflowing()
        await visitor.page.set_viewport_size({"width": NARROW, "height": 900})
        found += await visitor.overflowing()
        await visitor.unfold()
        for width, theme, rules in VIEWS:
            await visitor.page.set_viewport_size({"width": width, "height": 900})
            await visitor.page.emulate_media(color_scheme=theme)
            found += [f"{width} {theme}: {fault}" for fault in await visitor.accessibility_faults(rules)]
        assert not found, "\n".join(found)


@pytest.mark.parametrize("path", ["/executions", "/scheduled-tasks/new?schedule=30+2+*+*+*&timezone=Europe/Berlin"])
async def test_tables_tear_no_name_no_day_and_no_clock(
    chromium: Browser, demo: Demo, ana: StorageState, path: str
) -> None:
    async with visiting(chromium, demo.address, Look(width=1280), known=ana) as visitor:
        zone = {"name": "peachpie-zone", "value": "America/Argentina/Buenos_Aires", "url": demo.address}
        await visitor.context.add_cookies([zone])  # type: ignore[list-item]
        await visitor.open(path)
        assert await visitor.page.locator("table time").count() > 5

        assert await visitor.torn("time > span, td > .name") == []
