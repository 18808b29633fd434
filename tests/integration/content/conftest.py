"""A new content database for each test."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copyfile

import pytest

from adapters.sql.content.sqlite import open_sqlite_content
from application.fediverse.ports.content import ContentPorts
from tests.support.content import ContentFile, PassingClock


@pytest.fixture
def clock() -> PassingClock:
    return PassingClock()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without content: copying it is quicker than migrating anew."""
    path = tmp_path_factory.mktemp("template") / "content.db"

    async def migrate() -> None:
        async with open_sqlite_content(path):
            pass

    asyncio.run(migrate())
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "content.db"


@pytest.fixture
async def content(path: Path, template: Path) -> AsyncIterator[ContentPorts]:
    await asyncio.to_thread(copyfile, template, path)
    async with open_sqlite_content(path) as ports:
        yield ports


@pytest.fixture
def database(content: ContentPorts, path: Path) -> ContentFile:
    return ContentFile(path)
