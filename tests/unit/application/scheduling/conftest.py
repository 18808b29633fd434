"""What the tests of the services share."""

from collections.abc import AsyncIterator

import pytest

from tests.support.house import House, open_house


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """The services over an empty memory store."""
    async with open_house() as opened:
        yield opened
