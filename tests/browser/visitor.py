"""Somebody at a browser, whose every page is watched for what no page of ours may do."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    StorageState,
    expect,
)

NARROW, WIDE = 320, 1440
PREFIX = "/admin/scheduler"
# The browser's own words: for every answer that is an error, which are watched themselves, and for a header that it
# follows only where it trusts the connection.
EXPECTED = (
    "Failed to load resource: the server responded with a status of 4",
    "The Cross-Origin-Opener-Policy header has been ignored, because the URL's origin was untrustworthy",
)
TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violated: ${event.violatedDirective} by ${event.blockedURI} ${event.sample}`));
"""
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
# The levels A and AA of WCAG 2.2, and what is beyond them merely good.
EVERY_RULE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What may differ between two themes, or two widths, of one page.
VISUAL_RULES = ["color-contrast", "target-size", "link-in-text-block", "scrollable-region-focusable"]
RUN_AXE = """async (rules) => {
  const found = await axe.run({runOnly: rules, resultTypes: ["violations"]});
  return found.violations.flatMap(({id, help, nodes}) => nodes.map((node) =>
    `${id} (${help}): ${node.target} ${node.html.slice(0, 160)} ${node.failureSummary}`));
}"""
# Of rows that are alike the first few stand for all; what is folded up is looked at, too.
UNFOLD = """(kept) => {
  for (const each of document.querySelectorAll("tr, li, details, option, g")) {
    let before = 0;
    for (let other = each; (other = other.previousElementSibling); ) before += other.nodeName === each.nodeName;
    if (before >= (each.nodeName === "DETAILS" ? 1 : kept)) each.dataset.many = "";
  }
  for (const each of document.querySelectorAll("[data-many]")) each.remove();
  for (const each of document.querySelectorAll("details")) each.open = true;
}"""
KEPT = 4
TABS_MAX = 150
OVERFLOWING = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const scrolls = (each) => each && each !== document.body && (getComputedStyle(each).overflowX !== "visible"
    || scrolls(each.parentElement));
  return [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().left + each.scrollWidth > width + 1 && !scrolls(each.parentElement))
    .map((each) => each.outerHTML.slice(0, 120)).concat("the page");
}"""

# What is in several boxes stands on several lines.
TORN = """(parts) => [
  ...[...document.querySelectorAll(parts)].filter((each) => each.getClientRects().length > 1
    || each.getBoundingClientRect().height > 1.6 * parseFloat(getComputedStyle(each).lineHeight)),
  ...[...document.querySelectorAll(".panel > table")].filter((each) =>
    each.getBoundingClientRect().right > each.parentElement.getBoundingClientRect().right + 1),
].map((each) => each.outerHTML.slice(0, 120))"""


@dataclass(frozen=True, slots=True)
class Look:
    """How somebody looks at the pages; `width` is in pixels of CSS."""

    width: int = WIDE
    dark: bool = False
    script: bool = True

    def __str__(self) -> str:
        return f"{'script' if self.script else 'no-script'}-{self.width}-{'dark' if self.dark else 'light'}"


# Each journey is made twice, and everything that differs between two people differs between these.
LOOKS = (Look(), Look(width=NARROW, dark=True, script=False))


@dataclass(slots=True)
class Visitor:
    """A person with a browser of their own, at a service; `faults` is what their pages did and should not have."""

    context: BrowserContext
    page: Page
    origin: str
    look: Look
    faults: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        """Go to a page beneath the prefix and wait until it has loaded."""
        await self.page.goto(f"{self.origin}{PREFIX}{path}")

    async def sign_in(self, name: str, password: str) -> None:
        """Fill in the login page, which must be shown."""
        await self.page.get_by_label("Name").fill(name)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def tab_to(self, wanted: Locator) -> None:
        """Press the tabulator until that part of the content has the focus, which must be seen."""
        # On a page that begins at its top, the first link skips the menu.
        if await self.page.evaluate("document.activeElement === document.body && !location.hash"):
            for key in ("Tab", "Enter"):
                await self.page.keyboard.press(key)
        for _ in range(TABS_MAX):
            if await wanted.evaluate("(each) => each === document.activeElement"):
                break
            await self.page.keyboard.press("Tab")
        await expect(wanted).to_be_focused()
        assert await wanted.evaluate("(each) => getComputedStyle(each).outlineStyle !== 'none'"), (
            "the focus is not seen"
        )

    async def type_into(self, wanted: Locator, text: str) -> None:
        """Write over what stands in a field, by the keyboard alone."""
        await self.tab_to(wanted)
        await self.page.keyboard.press("ControlOrMeta+A")
        await self.page.keyboard.type(text)

    async def press(self, wanted: Locator, key: str = "Enter") -> None:
        """Go to a link or a button and press a key on it."""
        await self.tab_to(wanted)
        await self.page.keyboard.press(key)

    async def accessibility_faults(self, rules: Sequence[str] = EVERY_RULE) -> list[str]:
        """What axe finds on the page as it is now, one line a place."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE)
        return list(await self.page.evaluate(RUN_AXE, rules))

    async def unfold(self) -> None:
        """Open what is folded up, and take away what only repeats, so that looking at it takes no time."""
        await self.page.evaluate(UNFOLD, KEPT)

    async def overflowing(self) -> list[str]:
        """What makes the page as a whole scroll sideways."""
        return list(await self.page.evaluate(OVERFLOWING))

    async def torn(self, parts: str) -> list[str]:
        """Which of these stand on several lines, and which tables their panels cut off."""
        return list(await self.page.evaluate(TORN, parts))


@asynccontextmanager
async def visiting(
    browser: Browser, origin: str, look: Look, *, known: StorageState | None = None
) -> AsyncIterator[Visitor]:
    """A visitor for as long as the context lasts, `known` to the service by the cookies of an earlier visit.

    Raises AssertionError at its end if a page misbehaved.
    """
    context = await browser.new_context(
        viewport={"width": look.width, "height": 900},
        color_scheme="dark" if look.dark else "light",
        java_script_enabled=look.script,
        # What fades from one colour to another has colours in between that nobody reads.
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Europe/Berlin",
        storage_state=known,
    )
    try:
        context.set_default_timeout(10_000)
        await context.add_init_script(TELL_VIOLATIONS)
        visitor = Visitor(context, await context.new_page(), origin, look)
        _watch(visitor)
        yield visitor
        assert not visitor.faults, "\n".join(visitor.faults)
    finally:
        await context.close()


def _watch(visitor: Visitor) -> None:
    faults = visitor.faults

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            faults.append(f"console: {message.text}")

    def on_request(request: Request) -> None:
        if not re.match(rf"{re.escape(visitor.origin)}/", request.url):
            faults.append(f"asks elsewhere: {request.url}")

    def on_response(response: Response) -> None:
        # A page may answer that a form was wrong; what a page loads must be there.
        if response.status >= 500 or (response.status >= 400 and not response.request.is_navigation_request()):
            faults.append(f"{response.status}: {response.url}")

    visitor.context.on("console", on_console)
    visitor.context.on("request", on_request)
    visitor.context.on("response", on_response)
    visitor.context.on("weberror", lambda error: faults.append(f"script: {error.error}"))
    visitor.context.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
