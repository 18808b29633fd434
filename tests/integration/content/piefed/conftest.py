"""A PieFed's database for each test: its tables, its content, its keys enforced."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.sql.content.layout import OWNED_SCHEMA
from adapters.sql.content.postgres import open_postgres_content
from adapters.sql.postgres_address import PostgresAddress, parse_address
from application.fediverse.ports.content import ContentPorts
from application.fediverse.services.load_demo import load_demo
from tests.support.content_bases import ContentOnServer
from tests.support.manual_clock import NOON
from tests.support.piefed import DDL, a_copy, filling
from tests.support.postgres_servers import PostgresServer
from tests.support.repository import shared_data

# Into the application's tables what there is in those of ours that have the same name, and ours away.
AS_OURS = f"""
    DO $$ DECLARE found record; BEGIN
        FOR found IN
            SELECT table_name, string_agg(quote_ident(column_name), ', ') AS columns
            FROM information_schema.columns AS ours WHERE table_schema = '{OWNED_SCHEMA}' AND EXISTS (
                SELECT 1 FROM information_schema.columns AS theirs WHERE theirs.table_schema = 'public'
                AND theirs.table_name = ours.table_name AND theirs.column_name = ours.column_name)
            GROUP BY table_name
        LOOP
            EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM {OWNED_SCHEMA}.%I',
                           found.table_name, found.columns, found.columns, found.table_name);
        END LOOP;
    END $$;
    DROP SCHEMA {OWNED_SCHEMA} CASCADE"""


@pytest.fixture(scope="session")
def filled(server: PostgresServer) -> str:
    """The name of a database with content, to be copied."""
    base = ContentOnServer(server, server.database("piefed"), "public")
    base.script(DDL + filling(posts=300, entries=2000))
    base.close()
    return "piefed"


@pytest.fixture(scope="session")
def filled_with_what_was_captured(server: PostgresServer) -> str:
    """The same of real instances and activities, with content made for them."""
    address = parse_address(server.database("captured"))
    asyncio.run(_load_captured(address, shared_data()))
    base = ContentOnServer(server, server.url_of("captured"), "public")
    base.script(DDL)
    base.script(AS_OURS)
    base.close()
    return "captured"


async def _load_captured(address: PostgresAddress, folder: Path) -> None:
    async with open_postgres_content(address) as content:
        await load_demo(content, folder, 1000, NOON)


@pytest.fixture
def database(server: PostgresServer, filled: str) -> Iterator[ContentOnServer]:
    with a_copy(server, filled) as base:
        yield base


@pytest.fixture
async def content(database: ContentOnServer) -> AsyncIterator[ContentPorts]:
    async with open_postgres_content(database.address) as ports:
        yield ports
