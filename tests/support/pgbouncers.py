"""PgBouncer before a PostgreSQL of the tests, in transaction mode: every transaction may have another session.

Nothing of it outlives its context, nor the test process.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres_programs import give_away, spawn
from tests.support.postgres_servers import PASSWORD, USER, PostgresServer
from tests.support.redis_servers import free_port
from tests.support.repository import missing

START_SECONDS = 10.0
LOOK_SECONDS = 0.02
# Sessions are few and lent in turn, so that one is soon another's, who finds it as it was left.
SETTINGS = """
[databases]
* = host=127.0.0.1 port={server} user={user} password='{password}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
server_round_robin = 1
max_client_conn = 500
query_wait_timeout = 30
; By default a server that refused a connection is left alone for 15 s.
server_login_retry = 1
log_connections = 0
log_disconnections = 0
"""


@dataclass(frozen=True, slots=True)
class Pooler:
    """A PgBouncer that answers; its databases are its server's."""

    server: PostgresServer
    port: int
    folder: Path

    def url_of(self, url: str) -> str:
        """The way through it to a database of its server, saying that it is such a way."""
        return f"{url.replace(f':{self.server.port}/', f':{self.port}/')}?pgbouncer=true"

    def log(self) -> str:
        """Everything it has logged."""
        return (self.folder / "pooler.log").read_text(errors="replace")


@contextmanager
def a_pgbouncer(server: PostgresServer, *, sessions: int = 4) -> Iterator[Pooler]:
    """A pooler with so many sessions for each database, for as long as the context lasts."""
    program = _require()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        pooler = Pooler(server, free_port(), Path(name))
        text = SETTINGS.format(server=server.port, user=USER, password=PASSWORD, port=pooler.port, sessions=sessions)
        (pooler.folder / "pgbouncer.ini").write_text(text)
        give_away(pooler.folder)
        with (pooler.folder / "pooler.log").open("ab") as log:
            process = spawn(program, pooler.folder / "pgbouncer.ini", log=log.fileno())
        try:
            _wait_for(pooler, process)
            yield pooler
        finally:
            process.kill()
            process.wait()


def _require() -> Path:
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin"  # noqa: TID251 - where Debian has it; not the service's
    found = shutil.which("pgbouncer", path=path)
    return missing("no PgBouncer was found; `make pgbouncer` tells how to get one") if found is None else Path(found)


def _wait_for(pooler: Pooler, process: subprocess.Popen[bytes]) -> None:
    for _ in range(round(START_SECONDS / LOOK_SECONDS)):
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", pooler.port)):
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)
            break  # it is gone, and its log says why
    raise AssertionError(pooler.log())
