"""One Chromium and one service for all browser tests of a process, and a visitor for each test."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState

from domain.access.role import Role
from tests.browser.visitor import LOOKS, Look, Visitor, visiting
from tests.support.accounts import a_doer
from tests.support.chromium import HOW, a_chromium
from tests.support.demo import Demo, a_demo
from tests.support.repository import missing
from tests.support.service import Service, running

PASSWORD = "correct horse battery"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser of this process; tests are skipped where there is none, and fail where there must be one."""
    async with a_chromium() as browser:
        if browser is None:
            missing(HOW)
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """The service as a newcomer starts it: scheduler, worker and dashboard, no login."""
    async with running(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest_asyncio.fixture(loop_scope="session", params=LOOKS, ids=str)
async def visitor(request: pytest.FixtureRequest, chromium: Browser, service: Service) -> AsyncIterator[Visitor]:
    """Somebody at the service's dashboard: once with script, wide and light, once without, narrow and dark."""
    async with visiting(chromium, service.address, request.param) as visitor:
        yield visitor


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo() -> AsyncIterator[Demo]:
    """A service with a past, where ana is an admin and vic a viewer."""
    async with a_demo(scheduler_auth="required") as demo:
        for name, role in (("ana", Role.ADMIN), ("vic", Role.VIEWER)):
            await demo.container.manage_users().add(a_doer("test"), name, PASSWORD, role)
        yield demo


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ana(chromium: Browser, demo: Demo) -> StorageState:
    """What the browser of the admin keeps."""
    return await _signed_in(chromium, demo, "ana")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def vic(chromium: Browser, demo: Demo) -> StorageState:
    """What the browser of the viewer keeps."""
    return await _signed_in(chromium, demo, "vic")


async def _signed_in(chromium: Browser, demo: Demo, name: str) -> StorageState:
    async with visiting(chromium, demo.address, Look()) as visitor:
        await visitor.open("/scheduled-tasks")
        await visitor.sign_in(name, PASSWORD)
        await visitor.page.get_by_role("link", name="close_day").first.wait_for()
        return await visitor.context.storage_state()
