"""A new content database for each test, on every engine that can keep one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from shutil import copyfile

import pytest
import pytest_asyncio

from adapters.sql.content.layout import OWNED_SCHEMA
from adapters.sql.content.postgres import open_postgres_content
from adapters.sql.content.sqlite import open_sqlite_content
from adapters.sql.content.tables import METADATA
from application.fediverse.ports.content import ContentPorts
from tests.support.content import PassingClock
from tests.support.content_bases import ContentBase, ContentFile, ContentOnServer
from tests.support.postgres_servers import PostgresServer, a_postgres


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


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with a_postgres() as started:
        yield started


@pytest.fixture(scope="session")
def emptied(server: PostgresServer) -> Iterator[ContentOnServer]:
    """A migrated database that all tests share: emptying it is quicker than making one."""
    database = ContentOnServer(server, server.database("contract"), OWNED_SCHEMA)

    async def migrate() -> None:
        async with open_postgres_content(database.address):
            pass

    asyncio.run(migrate())
    yield database
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def base(engine: str, request: pytest.FixtureRequest) -> ContentBase:
    """The database of the test, migrated and without content."""
    if engine == "sqlite":
        path: Path = request.getfixturevalue("path")
        copyfile(request.getfixturevalue("template"), path)
        return ContentFile(path)
    database: ContentOnServer = request.getfixturevalue("emptied")
    # Asked for here, as what is asynchronous cannot begin within another such fixture.
    request.getfixturevalue("opened")
    database.empty(METADATA.tables)
    return database


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opened(emptied: ContentOnServer) -> AsyncIterator[ContentPorts]:
    """The shared database, open for all: every engine would have to compile all SQL anew."""
    async with open_postgres_content(emptied.address) as ports:
        yield ports


@pytest_asyncio.fixture(loop_scope="session")
async def content(base: ContentBase, request: pytest.FixtureRequest) -> AsyncIterator[ContentPorts]:
    if isinstance(base, ContentFile):
        async with open_sqlite_content(base.path) as ports:
            yield ports
    else:
        yield request.getfixturevalue("opened")


@pytest.fixture
def database(base: ContentBase, content: ContentPorts) -> ContentBase:
    """The same behind the back of the adapters, which have it open."""
    return base
