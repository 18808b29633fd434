"""One real server for the tests of this folder, each of which has a database of its own in it."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.postgres_servers import PostgresServer, a_postgres

NUMBERS = count(1)


@pytest.fixture(scope="package")
def server() -> Iterator[PostgresServer]:
    with a_postgres() as started:
        yield started


@pytest.fixture
def url(server: PostgresServer) -> str:
    """The address of an empty database."""
    return server.database(f"test_{next(NUMBERS)}")
