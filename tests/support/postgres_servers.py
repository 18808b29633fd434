"""Real PostgreSQL servers for tests: a process on loopback with a folder of its own, killed and restarted.

Nothing of them outlives its context, nor the test process, however that ends: the kernel kills a server whose starter
is gone, and its backends notice. (For the kernel the starter is the thread; one that starts servers must last as long
as they do.)
"""

import csv
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from itertools import chain
from pathlib import Path
from urllib.parse import quote

from tests.support.postgres_programs import (
    finish,
    folder_of_process,
    give_away,
    programs,
    server_programs,
    server_version,
    spawn,
)
from tests.support.redis_servers import free_port

LOOK_SECONDS = 0.01
START_SECONDS = 30.0
STOP_SECONDS = 20.0
RUN_SECONDS = 60.0
# Whoever owns the server, and the one that its addresses name, who owns the databases and nothing else.
ADMIN = "admin"
USER = "scheduler"
PASSWORD = "p@ss/word"  # with signs that addresses must encode
DATABASE = "scheduler"
# What tests want of every server: a crash of its processes loses nothing that the kernel has been told, so nothing
# waits for the disk. Whoever measures or cuts the current says fsync="on".
DEFAULTS = {"fsync": "off", "log_min_duration_statement": "-1", "log_line_prefix": "%m [%p] %a ", "timezone": "UTC"}
# Authentication as in earnest, except that it is cheap; the programs of these tests come in by the socket.
INITDB = (
    *("--username", ADMIN, "--auth-local=trust", "--auth-host=scram-sha-256"),
    *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
)
# What is cheaper, or the same on every system, and since which version there is such a thing.
INITDB_SINCE = {16: ("--set", "scram_iterations=64"), 17: ("--locale-provider=builtin",)}
PSQL = ("--no-psqlrc", "--quiet", "--csv", "--tuples-only", "--set", "ON_ERROR_STOP=1")


class Stop(IntEnum):
    """How a server is told to end: its ways are signals (postgres(1))."""

    SMART = signal.SIGTERM  # when all clients have left by themselves
    FAST = signal.SIGINT  # transactions are rolled back, and the next start has nothing to recover
    IMMEDIATE = signal.SIGQUIT  # nothing is written; the next start recovers from the log


def given_url() -> str | None:
    """The address of a database that the tests may use besides ours, and empty (TEST_DATABASE_URL); None: none is."""
    return os.environ.get("TEST_DATABASE_URL") or None  # noqa: TID251 - a setting of the tests, not of the service


@dataclass(slots=True)
class PostgresServer:
    """One server, in turn started and ended; port, folder and thereby what is on its disk stay the same."""

    folder: Path
    options: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of an empty database that its user owns."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The address of a database there, for the user who owns it and is nothing else on this server."""
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{database}"

    def database(self, name: str, *, template: str = "template0") -> str:
        """Make a database, empty or a copy of one that nobody uses, in some 50 ms; answers its address."""
        self.run(f'CREATE DATABASE "{name}" OWNER {USER} TEMPLATE "{template}" {_strategy()}')
        return self.url_of(name)

    @property
    def pid(self) -> int:
        """The process there is, for signals of any other kind."""
        assert self.process is not None
        return self.process.pid

    def backends(self, database: str | None = None) -> list[int]:
        """The processes that serve clients at the moment, of one database or of all; none that `run` has used."""
        whose = "" if database is None else f" AND datname = '{database}'"
        asked = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'psql'"
        return [int(pid) for (pid,) in self.run(asked + whose)]

    def processes(self) -> list[int]:
        """Every process of it, the first one first."""
        return [self.pid, *_children(self.pid)]

    def start(self) -> None:
        """Start it, and return when it answers: when it has recovered."""
        self.spawn()
        self.wait_until_ready()

    def spawn(self) -> None:
        """Start it, and wait for nothing."""
        assert self.process is None or self.process.poll() is not None
        # It would be read as the new server's own, as long as that one has not come to write it.
        with suppress(FileNotFoundError):
            self._status.unlink()
        with (self.folder / "server.log").open("ab") as log:
            self.process = spawn(server_programs() / "postgres", "-D", self.folder / "data", log=log.fileno())

    def wait_until_ready(self) -> None:
        """Return when the process started last answers; AssertionError with its log if it does not in time.

        It blocks: beside a running loop, call `spawn` there and this in a thread.
        """
        assert self.process is not None
        for _ in range(round(START_SECONDS / LOOK_SECONDS)):
            if self._is_ready():
                return
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(LOOK_SECONDS)
                break  # it is gone, and its log says why
        raise AssertionError(self.log())

    def kill(self) -> None:
        """End it as a crash of the machine does: every process of it at once (SIGKILL)."""
        if self.process is None or self.process.poll() is not None:
            return
        # Once it has stopped, it makes no more of them.
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        every = [_handle(pid) for pid in _children(self.pid)]
        self.process.kill()
        self.process.wait()
        for each in every:
            _end(each)

    def stop(self, how: Stop = Stop.FAST) -> None:
        """End it in one of its own ways, or by force if it does not listen."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def restart(self, how: Stop | None = None) -> None:
        """Start it again, from what is on its disk; a server that still runs is ended as told; None: killed."""
        if how is None:
            self.kill()
        else:
            self.stop(how)
        self.start()

    def run(self, sql: str, database: str = DATABASE, *, within: float = RUN_SECONDS) -> list[tuple[str, ...]]:
        """Run statements as the server's owner, each for itself; answers the rows of all, values as text, NULL as ''.

        AssertionError with what the server says if it refuses one; those before it are carried out.
        """
        where = ("-h", self.folder, "-p", str(self.port), "-U", ADMIN, "-d", database)
        command = (programs() / "psql", *PSQL, *where)
        done = subprocess.run(command, input=sql, capture_output=True, text=True, timeout=within, check=False)
        assert done.returncode == 0, done.stderr
        return [tuple(row) for row in csv.reader(done.stdout.splitlines())]

    def log(self) -> str:
        """Everything it has logged, over all its runs."""
        return (self.folder / "server.log").read_text(errors="replace")

    @property
    def _status(self) -> Path:
        return self.folder / "data" / "postmaster.pid"

    def _is_ready(self) -> bool:
        try:
            lines = self._status.read_text().splitlines()
        except FileNotFoundError:
            return False
        # Its first line is the process and its last what that is doing (PostgreSQL's miscadmin.h).
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"


@contextmanager
def a_postgres(**options: str) -> Iterator[PostgresServer]:
    """A server that answers, for as long as the context lasts; options as in postgresql.conf."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        server = PostgresServer(Path(name), {**DEFAULTS, **options})
        _settle(server)
        try:
            server.start()
            yield server
        finally:
            server.kill()


def _settle(server: PostgresServer) -> None:
    """Give a server its folder: a copy of a new cluster, with its options at the end, which count."""
    data = server.folder / "data"
    subprocess.run(["cp", "--recursive", "--preserve=mode", _new_cluster(), data], check=True)
    place = {"port": str(server.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(server.folder)}
    lines = (f"{name} = '{value}'\n" for name, value in {**place, **server.options}.items())
    with (data / "postgresql.conf").open("a") as settings:
        settings.writelines(lines)
    give_away(server.folder)


@cache
def _new_cluster() -> Path:
    """A cluster as initdb makes it, with the user and the database that addresses name; made once in a process."""
    folder = folder_of_process("postgres-new-")
    (folder / "password").write_text(f"{PASSWORD}\n")
    give_away(folder)
    data = folder / "data"
    newer = chain(*(options for since, options in INITDB_SINCE.items() if server_version() >= since))
    finish(server_programs() / "initdb", *INITDB, *newer, "--pwfile", folder / "password", "-D", data)
    role = f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'\n"
    database = f"CREATE DATABASE {DATABASE} OWNER {USER} {_strategy()}\n"
    alone = ("--single", "-D", data, "-c", "fsync=off", "postgres")
    finish(server_programs() / "postgres", *alone, words=role + database)
    return data


def _strategy() -> str:
    """How a database is made without a checkpoint; before 15 none was."""
    return "STRATEGY wal_log" if server_version() >= 15 else ""


def _handle(pid: int) -> int | None:
    """A descriptor of a process, which stays its own; None if it is gone."""
    with suppress(ProcessLookupError):
        return os.pidfd_open(pid)
    return None


def _end(process: int | None) -> None:
    """Kill a process and wait for its end: as long as one is left, its server can't be started again."""
    if process is None:
        return
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, signal.SIGKILL)
    select.select([process], [], [], STOP_SECONDS)
    os.close(process)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
