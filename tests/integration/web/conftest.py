"""A dashboard for each test."""

from collections.abc import AsyncIterator

import pytest

from entrypoints.web.app import WebSettings
from tests.integration.web.dashboard import Dashboard, serving


@pytest.fixture
async def dashboard() -> AsyncIterator[Dashboard]:
    """The admin as it is on the embedded profile."""
    async with serving(WebSettings(banner="There is no login.")) as dashboard:
        yield dashboard
