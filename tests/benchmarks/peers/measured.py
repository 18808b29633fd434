"""Other schedulers, measured in the same run on servers like ours, each in an environment of its own under var/peers.

Every peer runs in the fastest of the ways that its documentation shows (the docstrings of their programs say which), on
an empty server. Their schedules recur, and are due together. Where a peer cannot be installed, one line says so.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.benchmarks.progress import say
from tests.support.postgres_servers import PostgresServer, a_postgres
from tests.support.redis_servers import RedisServer, a_redis
from tests.support.repository import ROOT

FOLDER = Path(__file__).parent
ENVIRONMENTS = ROOT / "var" / "peers"
# Of schedules, or of tasks for a worker, by the kind of server. On PostgreSQL no peer comes to a thousand a second, so
# there they have fewer, and reports say so.
COUNTS = {"redis": 10_000, "postgres": 1_000}
INSTALL_SECONDS = 300
RUN_SECONDS = 90

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Peer:
    """What a peer's program and requirements are named after, what it is called, and whose version it has.

    `on` is the kind of server it runs on.
    """

    name: str
    title: str
    package: str
    deeds: frozenset[str]
    on: str = "redis"

    @property
    def label(self) -> str:
        """What it is called in a report, which says how many it was given if not ten thousand as we."""
        version = re.search(rf"^{self.package}==([\w.]+)", self.requirements.read_text(), re.MULTILINE)
        assert version is not None
        fewer = "" if self.count == COUNTS["redis"] else f", of {self.count:,}"
        return f"{self.title} {version[1]}{fewer}"

    @property
    def count(self) -> int:
        """How many schedules, or tasks, it is given."""
        return COUNTS[self.on]

    @property
    def requirements(self) -> Path:
        """Its packages with their hashes; `make lock` resolves them."""
        return FOLDER / f"{self.name}.txt"


PEERS = (
    Peer("huey", "huey", "huey", frozenset({"burst", "worker"})),
    Peer("apscheduler", "APScheduler", "apscheduler", frozenset({"burst"})),
    Peer("taskiq", "Taskiq", "taskiq", frozenset({"burst", "worker"})),
    Peer("redbeat", "Celery beat with RedBeat", "celery-redbeat", frozenset({"burst"})),
    Peer("redbeat", "Celery", "celery", frozenset({"worker"})),
    Peer("procrastinate", "Procrastinate", "procrastinate", frozenset({"burst", "worker"}), "postgres"),
    Peer("apscheduler_sql", "APScheduler", "apscheduler", frozenset({"burst", "adding"}), "postgres"),
    Peer("apscheduler4", "APScheduler", "apscheduler", frozenset({"burst", "adding"}), "postgres"),
)


def burst_peers(on: str = "redis") -> dict[str, float]:
    """Schedules due at one instant: a second, and how late the last one in a hundred was, by peer."""
    told = dict[str, float]()
    for label, figures in _measured("burst", on).items():
        told[label] = round(figures["burst"]["rate"])
        told[f"{label}, p99 ms"] = round(figures["burst"]["p99_ms"])
    return told


def adding_peers(on: str = "redis") -> dict[str, float]:
    """Schedules added one by one, a second, by peer; huey's and Procrastinate's are not stored and not added.

    Those on PostgreSQL take minutes for as many as a burst has: they only add, for as long as their stop-watch allows.
    """
    found = _measured("adding" if on == "postgres" else "burst", on).items()
    return {label: round(figures["adding"]["rate"]) for label, figures in found if "adding" in figures}


def worker_peers(on: str = "redis") -> dict[str, float]:
    """No-op tasks that one worker process got through a second, by peer."""
    return {label: round(figures["worker"]["rate"]) for label, figures in _measured("worker", on).items()}


@cache
def _measured(deed: str, on: str) -> Mapping[str, Mapping[str, Figures]]:
    peers = (peer for peer in PEERS if deed in peer.deeds and peer.on == on)
    return {peer.label: figures for peer in peers if (figures := _figures(peer, deed))}


def _figures(peer: Peer, deed: str) -> Mapping[str, Figures] | None:
    """What the peer's program says of one run on a server of its own; None: it said nothing."""
    try:
        python, began = _environment(peer), time.perf_counter()
        say(f"{peer.label}: {deed}")
        with _a_server(peer.on) as server:
            program = f"{__package__}.run_{peer.name}"
            # What a peer's own code deprecates is nobody's concern here.
            said = _run(python, "-W", "ignore", "-m", program, deed, server.url, str(peer.count), within=RUN_SECONDS)
        say(f"{peer.label}: {deed} took {time.perf_counter() - began:.0f} s in all")
    except subprocess.TimeoutExpired as error:
        why = f"no answer in {error.timeout:.0f} s"
    except subprocess.CalledProcessError as error:
        why = error.stderr.strip().rpartition("\n")[2]
    else:
        figures: Mapping[str, Figures] = json.loads(said)
        return figures
    say(f"{peer.label} was not measured ({deed}): {why}")
    return None


def _a_server(kind: str) -> AbstractContextManager[RedisServer | PostgresServer]:
    return a_postgres(fsync="on") if kind == "postgres" else a_redis()


def _environment(peer: Peer) -> Path:
    """The peer's interpreter, in an environment that is made again only when its requirements change."""
    folder = ENVIRONMENTS / peer.name
    python, made_of, wanted = folder / "bin" / "python", folder / "made-of.txt", peer.requirements.read_text()
    if not made_of.exists() or made_of.read_text() != wanted:
        say(f"{peer.label}: installing it (once)")
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", folder, within=INSTALL_SECONDS)
        options = ("--quiet", "--disable-pip-version-check", "--retries", "1", "--require-hashes")
        _run(python, "-m", "pip", "install", *options, "--requirement", peer.requirements, within=INSTALL_SECONDS)
        made_of.write_text(wanted)
    return python


def _run(*command: str | Path, within: float) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=within).stdout
