"""Ten thousand tasks due at one instant, in SQLite with synchronous=FULL: how fast they are committed, and how late.

Through the ports, as the scheduler does it but for deciding ahead: `due`, `fire`, `commit_firings` in batches. Beside
it, in the same run, the bare limit: stdlib `sqlite3` that selects, updates and inserts comparable rows with
`executemany`, under the same indexes and as many to a transaction; and the time of one fdatasync of this disk. A third
row is what follows: the executions claimed and settled, a hundred at a time.
"""

import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from uuid import uuid4

from adapters.sql.store import SqlStore, open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.ports.execution_store import Settled, Settlement
from application.scheduling.ports.task_store import Applied, Committed, Decision
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.outcome import Succeeded
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import ScheduledTask
from tests.support.builders import a_creation, a_definition

TASKS = 10_000
BATCH = 1_000
CLAIMED_AT_ONCE = 100
ROUNDS = 5
MUST, GOAL = 10_000, 30_000
MUST_RUN = 3_000
SYNCS = 50


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst: tasks a second in all and by step, and how late each task was committed, in milliseconds."""

    rate: float
    due_us: float
    fire_us: float
    commit_us: float
    lateness_ms: Sequence[float]


class ShiftedClock(SystemClock):
    """The machine's clock, set forward to each burst, so that none has to be waited for."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self._ahead

    def set_to(self, instant: datetime) -> None:
        self._ahead += instant - self.now()


def run() -> list[dict[str, object]]:
    """Measure bursts and what follows them; each figure is the median of `ROUNDS` rounds."""
    with tempfile.TemporaryDirectory() as folder:
        sync_ms = fdatasync_ms(Path(folder))
        limit = median(bare_rate(Path(folder) / f"bare{number}.db") for number in range(ROUNDS))
        bursts, run_rates = asyncio.run(measured(Path(folder) / "store.db"))
    burst = sorted(bursts, key=lambda each: each.rate)[ROUNDS // 2]
    late = sorted(burst.lateness_ms)
    told = {
        "µs a task to read": round(burst.due_us, 1),
        "µs to decide": round(burst.fire_us, 1),
        "µs to commit": round(burst.commit_us, 1),
        "decided ahead, tasks/s": round(1e6 / burst.commit_us),
        "one fdatasync, ms": round(sync_ms, 3),
    }
    return [
        row("10,000 tasks due at one instant, SQLite FULL", burst.rate, "tasks/s", MUST, GOAL, limit, late, told),
        row("no-op executions claimed and settled, SQLite FULL", median(run_rates), "executions/s", MUST_RUN, None),
    ]


def row(
    name: str,
    value: float,
    unit: str,
    must: float | None,
    goal: float | None,
    limit: float | None = None,
    late: Sequence[float] = (),
    peers: dict[str, float] | None = None,
) -> dict[str, object]:
    """One row of `var/bench.json`; `ratio` is how much of the limit we reach."""
    return {
        "name": name,
        "value": round(value),
        "unit": unit,
        "must": must,
        "goal": goal,
        "limit": None if limit is None else round(limit),
        "ratio": None if limit is None else round(value / limit, 2),
        "peers": peers or {},
        "p50_ms": round(late[len(late) // 2], 1) if late else None,
        "p99_ms": round(late[len(late) * 99 // 100], 1) if late else None,
    }


async def measured(path: Path) -> tuple[list[Burst], list[float]]:
    clock = ShiftedClock()
    async with open_sqlite_store(path, clock, SystemEntropy()) as store:
        await add_tasks(store, clock)
        bursts, run_rates = [], []
        for _ in range(ROUNDS):
            bursts.append(await burst_of(store, clock))
            run_rates.append(await run_rate(store))
    return bursts, run_rates


async def add_tasks(store: SqlStore, clock: ShiftedClock) -> None:
    """Tasks that are due together every hour, with ids as random as in life."""
    entropy, hourly = SystemEntropy(), CronSchedule("0 * * * *", "Europe/Berlin")
    mutations = [
        a_creation(
            a_definition(f"task {number}", schedule=hourly, payload_json='{"days_to_keep":30}'),
            at=clock.now(),
            task_id=entropy.identifier(),
        )
        for number in range(TASKS)
    ]
    answers = await store.tasks.mutate(mutations)
    assert all(isinstance(each, Applied) for each in answers)


async def burst_of(store: SqlStore, clock: ShiftedClock) -> Burst:
    """Read, decide and commit everything from the instant at which it is due."""
    due_at = await store.tasks.next_look_at(EVERYTHING)
    assert due_at is not None
    clock.set_to(due_at)
    began = time.perf_counter()
    found = await store.tasks.due(EVERYTHING, until=clock.now(), limit=TASKS)
    read = time.perf_counter()
    now = clock.now()
    decisions = [Decision(task, fire(task, now)) for task in found if isinstance(task, ScheduledTask)]
    decided = time.perf_counter()
    lateness: list[float] = []
    for start in range(0, TASKS, BATCH):
        answers = await store.tasks.commit_firings(decisions[start : start + BATCH])
        assert all(isinstance(each, Committed) for each in answers)
        lateness += [(clock.now() - due_at) / timedelta(milliseconds=1)] * len(answers)
    ended = time.perf_counter()
    assert len(lateness) == TASKS
    each_us = 1e6 / TASKS
    return Burst(
        TASKS / (ended - began),
        (read - began) * each_us,
        (decided - read) * each_us,
        (ended - decided) * each_us,
        lateness,
    )


async def run_rate(store: SqlStore) -> float:
    """Claim and settle every execution of a burst."""
    entropy, worker, done = SystemEntropy(), NodeId("worker"), 0
    began = time.perf_counter()
    while claims := await store.executions.claim(worker, [ClaimToken(entropy.token()) for _ in range(CLAIMED_AT_ONCE)]):
        ends = [Settlement(claim.execution.id, claim.token, Succeeded()) for claim in claims]
        answers = await store.executions.settle(ends)
        assert all(isinstance(each, Settled) for each in answers)
        done += len(claims)
    assert done == TASKS
    return done / (time.perf_counter() - began)


def bare_rate(path: Path) -> float:
    """Tasks a second if nothing is checked, decided or translated: the driver and SQLite alone."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(BARE_SCHEMA)
        ids = [str(uuid4()) for _ in range(TASKS)]
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO tasks VALUES (?, 'task', 'active', 1, 0, 60, 60, 60, 0, 0)", zip(ids))
        connection.execute("COMMIT")
        began = time.perf_counter()
        for start in range(0, TASKS, BATCH):
            bare_batch(connection, ids[start : start + BATCH])
        return TASKS / (time.perf_counter() - began)


def bare_batch(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for id_ in ids:
        connection.execute("SELECT version, decided_until, open_seq FROM tasks WHERE id = ?", (id_,)).fetchone()
    advanced = [(60, 120, 120, 120, 1, id_) for id_ in ids]
    connection.executemany(
        "UPDATE tasks SET decided_until = ?, nominal_at = ?, run_at = ?, look_at = ?, open_seq = ? WHERE id = ?",
        advanced,
    )
    born = [(f"{60:014x}{id_[:18]}", id_, "task", "auto", "60", 1, "pending", 60, 60, 60, 60) for id_ in ids]
    connection.executemany(f"INSERT INTO executions VALUES ({', '.join('?' * 11)})", born)
    connection.execute("COMMIT")


BARE_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE tasks (id TEXT PRIMARY KEY, name TEXT, status TEXT, version INTEGER, decided_until INTEGER,
    nominal_at INTEGER, run_at INTEGER, look_at INTEGER, open_seq INTEGER, run_count INTEGER);
CREATE INDEX look ON tasks (look_at, id) WHERE look_at IS NOT NULL;
CREATE TABLE executions (id TEXT PRIMARY KEY, task_id TEXT, task_type TEXT, kind TEXT, key TEXT, version INTEGER,
    state TEXT, scheduled_at INTEGER, created_at INTEGER, available_at INTEGER, nominal_at INTEGER);
CREATE INDEX open ON executions (task_id, id) WHERE state IN ('waiting', 'pending', 'running', 'retry_wait');
CREATE INDEX pending ON executions (available_at, id, task_type) WHERE state = 'pending';
"""


def fdatasync_ms(folder: Path) -> float:
    """The median time to bring one page to the disk."""
    times = []
    descriptor = os.open(folder / "sync", os.O_CREAT | os.O_RDWR)
    for number in range(SYNCS):
        os.pwrite(descriptor, b"\0" * 4096, number * 4096)
        began = time.perf_counter()
        os.fdatasync(descriptor)
        times.append((time.perf_counter() - began) * 1e3)
    os.close(descriptor)
    return median(times)
