"""Who comes in, and how far: strangers to the login page, viewers to everything that changes nothing."""

import pytest
from playwright.async_api import Browser, StorageState, expect

from domain.access.role import Role
from entrypoints.web.doors.access import Permission
from entrypoints.web.routes import ROUTES
from tests.browser.addresses import PAGES, PAGES_OF_VIEWERS
from tests.browser.conftest import PASSWORD
from tests.browser.visitor import LOOKS, PREFIX, Look, visiting
from tests.support.chromium import PLAIN_HOST
from tests.support.demo import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# What a viewer may send: about themselves alone.
OWN_FORMS = ("/logout", "/account/", "/time-zone", "/theme")
SEND = """async ([method, path]) =>
  (await fetch(path, {method, redirect: "manual", ...(method === "GET" ? {} :
    {headers: {"Content-Type": "application/json"}, body: "{}"})})).status"""


async def test_a_stranger_gets_the_login_page_whatever_they_ask_for(chromium: Browser, demo: Demo) -> None:
    async with visiting(chromium, demo.address, Look()) as stranger:
        for path in [path for path in PAGES if not path.startswith("/problems/")]:
            await stranger.open(await demo.filled(path))

            await expect(stranger.page.get_by_role("heading", level=1)).to_have_text("Sign in")
            assert "close_day" not in await stranger.page.content()
            assert await stranger.page.locator("nav a").count() == 0


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_who_signs_in_comes_to_where_they_wanted_to_go_and_leaves_for_good(
    chromium: Browser, demo: Demo, look: Look
) -> None:
    wanted = await demo.filled("/scheduled-tasks/{task_id}")
    async with visiting(chromium, demo.address, look) as ana:
        await ana.open(wanted)
        await ana.sign_in("ana", "a wrong password")
        await expect(ana.page.get_by_role("alert")).to_be_visible()
        assert await ana.page.get_by_label("Name").input_value() == "ana"
        assert await ana.overflowing() == []
        await ana.sign_in("ana", PASSWORD)
        await expect(ana.page).to_have_url(f"{demo.address}{PREFIX}{wanted}")
        await ana.page.get_by_role("button", name="Sign out").click()
        await ana.open(wanted)

        await expect(ana.page.get_by_role("heading", level=1)).to_have_text("Sign in")


async def test_a_viewer_is_offered_nothing_that_changes_anything(
    chromium: Browser, demo: Demo, vic: StorageState
) -> None:
    async with visiting(chromium, demo.address, LOOKS[1], known=vic) as viewer:
        for path in PAGES_OF_VIEWERS:
            await viewer.open(await demo.filled(path))

            forms = viewer.page.locator("form[method=post]")
            actions = [str(await form.get_attribute("action")) for form in await forms.all()]
            offered = [action for action in actions if not action.removeprefix(PREFIX).startswith(OWN_FORMS)]
            assert offered == [], path


async def test_a_viewer_changes_nothing_by_any_route(chromium: Browser, demo: Demo, vic: StorageState) -> None:
    """oban_web 2.12.5: whoever could only look could still send what the buttons they did not see would have sent."""
    beyond = [route for route in ROUTES if route.permission not in (Permission.PUBLIC, Permission.VIEWER)]
    state = demo.container.stores().state  # type: ignore[attr-defined]
    before = repr((state.tasks, state.executions, state.changes_by_key))
    async with visiting(chromium, demo.address, Look(), known=vic) as viewer:
        await viewer.open("/scheduled-tasks")
        for route in beyond:
            path = PREFIX + await demo.filled(route.path)
            assert await viewer.page.evaluate(SEND, [route.method, path]) == 403, f"{route.method} {path}"
        viewer.faults.clear()  # the refusals

    assert len(beyond) > 20
    assert repr((state.tasks, state.executions, state.changes_by_key)) == before
    assert {user.name: user.role for user in await demo.container.stores().access.users()}["vic"] is Role.VIEWER


async def test_everything_works_over_plain_http_where_browsers_trust_the_connection_with_less(
    chromium: Browser, demo: Demo
) -> None:
    """oban_web 2.12.6: on plain http there is no clipboard, and a script that took it for granted broke the page."""
    origin = demo.address.replace("127.0.0.1", PLAIN_HOST)
    async with visiting(chromium, origin, Look()) as ana:
        await ana.open(await demo.filled("/scheduled-tasks/{paused}"))
        await ana.sign_in("ana", PASSWORD)
        await ana.page.get_by_role("button", name="Resume").click()
        await expect(ana.page.get_by_role("status").first).to_be_visible()
        assert await ana.page.evaluate("isSecureContext") is False
        for button in await ana.page.get_by_role("button", name="Copy").all():
            if await button.is_visible():
                await button.click()
