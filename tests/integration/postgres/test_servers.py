import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from tests.support.postgres_servers import PostgresServer, Stop, a_postgres
from tests.support.repository import ROOT

pytestmark = pytest.mark.postgres

STARTER = """
import sys
from tests.support.postgres_servers import a_postgres
with a_postgres() as server:
    print(server.port, *server.backends(), flush=True)
    sys.stdin.read()
"""


async def test_a_server_ended_in_any_way_has_its_data_again_at_the_same_address() -> None:
    with a_postgres(work_mem="7MB") as server:
        for number, how in enumerate([None, Stop.IMMEDIATE, Stop.FAST]):
            client = await asyncpg.connect(server.url)
            await client.execute(f"CREATE TABLE kept_{number} (id int)")
            before = server.pid
            assert len(server.backends()) == 1

            server.restart(how)

            assert server.pid != before
            assert server.backends() == []
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
                await client.execute("SELECT 1")
            assert server.run(f"SELECT count(*) FROM kept_{number}; SHOW work_mem") == [("0",), ("7MB",)]


async def test_a_database_is_its_users_own(server: PostgresServer) -> None:
    client = await asyncpg.connect(server.database("its_own"))
    try:
        await client.execute("CREATE SCHEMA somewhere")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await client.execute("CREATE DATABASE another")
    finally:
        await client.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.url, password="wrong")


def test_a_server_ends_with_the_process_that_started_it() -> None:
    with _starter() as starter:
        assert starter.stdout is not None
        port = int(starter.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            starter.kill()

            # Its backend says that it is alone, and goes, or the connection still waited to be accepted.
            with suppress(ConnectionResetError):
                while connection.recv(1_000):
                    pass
        deadline = time.monotonic() + 5
        while answers(port):
            assert time.monotonic() < deadline, "it still takes connections"


@contextmanager
def _starter() -> Iterator[subprocess.Popen[str]]:
    """A process that has started a server; what both leave behind goes with the context."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        command = [sys.executable, "-c", STARTER]
        place = {**os.environ, "TMPDIR": folder}  # noqa: TID251 - a process of its own
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=ROOT, env=place, stdin=pipe, stdout=pipe, text=True) as starter:
            yield starter


def answers(port: int) -> bool:
    """True if somebody takes connections there."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def test_a_server_that_refuses_its_options_says_why() -> None:
    with pytest.raises(AssertionError, match="no_such_option"), a_postgres(no_such_option="yes"):
        pass
