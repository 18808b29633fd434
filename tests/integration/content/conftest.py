"""A new content database for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.sql.content.sqlite import open_sqlite_content
from application.fediverse.ports.content import ContentPorts
from tests.support.content import ContentFile, PassingClock


@pytest.fixture
def clock() -> PassingClock:
    return PassingClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "content.db"


@pytest.fixture
async def content(path: Path) -> AsyncIterator[ContentPorts]:
    async with open_sqlite_content(path) as ports:
        yield ports


@pytest.fixture
def database(content: ContentPorts, path: Path) -> ContentFile:
    return ContentFile(path)
