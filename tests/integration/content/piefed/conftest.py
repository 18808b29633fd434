"""A PieFed's database for each test: its tables, its content, its keys enforced."""

from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.sql.content.postgres import open_postgres_content
from application.fediverse.ports.content import ContentPorts
from tests.support.content_bases import ContentOnServer
from tests.support.piefed import DDL, a_copy, filling
from tests.support.postgres_servers import PostgresServer


@pytest.fixture(scope="session")
def filled(server: PostgresServer) -> str:
    """The name of a database with content, to be copied."""
    base = ContentOnServer(server, server.database("piefed"), "public")
    base.script(DDL + filling(posts=300, entries=2000))
    base.close()
    return "piefed"


@pytest.fixture
def database(server: PostgresServer, filled: str) -> Iterator[ContentOnServer]:
    with a_copy(server, filled) as base:
        yield base


@pytest.fixture
async def content(database: ContentOnServer) -> AsyncIterator[ContentPorts]:
    async with open_postgres_content(database.address) as ports:
        yield ports
