"""The browser that tests and pictures are made with: found on this machine, and started so that it phones nobody."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Playwright, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW = "no Chromium was found; `make test` tells how to get one"
# A name that is nobody's: plain http beyond the loopback, where browsers trust the connection with less.
PLAIN_HOST = "scheduler.test"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1",
)


def path_of(playwright: Playwright) -> str | None:
    """Where Chromium is: the system's, else the one that Playwright installed; None: nowhere."""
    own = Path(playwright.chromium.executable_path)
    return next(filter(None, map(shutil.which, NAMES)), str(own) if own.is_file() else None)


@asynccontextmanager
async def a_chromium() -> AsyncIterator[Browser | None]:
    """A headless Chromium for as long as the context lasts; None: there is none on this machine."""
    async with async_playwright() as playwright:
        if (path := path_of(playwright)) is None:
            yield None
            return
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()
