"""What watches the pages of every other browser test notices what it is there to notice."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser

from entrypoints.web.doors.origins import CONTENT_SECURITY_POLICY
from tests.browser.visitor import NARROW, PREFIX, Look, visiting

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGE = "<!doctype html><html lang=en><title>A page</title><main><h1>A page</h1>{}</main>"
BAD = {
    "script": ("<script>alert(1)</script>", "policy violated: script-src"),
    "style": ("<p style='color: red'>Red</p>", "policy violated: style-src"),
    "elsewhere": ("<img src='http://127.0.0.1:9/' alt=''>", "asks elsewhere: http://127.0.0.1:9/"),
    "missing": (f"<img src='{PREFIX}/nothing' alt=''>", "404: "),
    "error": (f"<script src='{PREFIX}/throw.js'></script>", "script: thrown"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bad_pages() -> AsyncIterator[str]:
    """Where a server serves pages that no service of ours would, some of them under the service's own policy."""

    async def page(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY} if name in ("script", "style") else {}
        body = BAD[name][0] if name in BAD else request.query["body"]
        return web.Response(text=PAGE.format(body), content_type="text/html", headers=headers)

    async def script(_: web.Request) -> web.Response:
        return web.Response(text="throw new Error('thrown')", content_type="text/javascript")

    app = web.Application()
    app.router.add_get(f"{PREFIX}/throw.js", script)
    app.router.add_get(f"{PREFIX}/bad/{{name}}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "http://{}:{}".format(*runner.addresses[0][:2])
    await runner.cleanup()


async def _visit(chromium: Browser, origin: str, name: str) -> None:
    async with visiting(chromium, origin, Look()) as visitor:
        await visitor.open(f"/bad/{name}")


@pytest.mark.parametrize("name", BAD)
async def test_what_a_page_may_not_do_is_noticed(chromium: Browser, bad_pages: str, name: str) -> None:
    with pytest.raises(AssertionError) as noticed:
        await _visit(chromium, bad_pages, name)

    assert BAD[name][1] in str(noticed.value)


async def test_what_keeps_people_out_is_found(chromium: Browser, bad_pages: str) -> None:
    async with visiting(chromium, bad_pages, Look(width=NARROW)) as visitor:
        await visitor.open(f"/bad/any?body=<input><button>a</button><button>b</button><p>{'long' * 50}</p>")

        faults = " ".join(await visitor.accessibility_faults())
        assert "label (" in faults
        assert "target-size (" in faults
        assert [each for each in await visitor.overflowing() if each.startswith("<p>longlong")]
