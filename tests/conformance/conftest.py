"""The store under test, once for every back end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.backends import BACKENDS
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.manual_clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=BACKENDS)
async def store(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> AsyncIterator[StoreUnderTest]:
    async with BACKENDS[request.param](clock, tmp_path) as opened:
        yield opened
