"""Two hundred tasks due every second, in the real service: how late their records are, and how late they start.

Lateness is the instant of the record (or of the claim) minus the instant the task was scheduled for, all by one clock.
"""

import asyncio
import sqlite3
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

from adapters.sql.store import open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.schedule import IntervalSchedule
from tests.support.builders import a_creation, a_definition
from tests.support.service import running

TASKS = 200
SECONDS = 15
CLAIM_MUST_MS = 50.0


def run() -> list[dict[str, Any]]:
    """One run of the service under a steady load."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_serve(Path(folder)))
        recorded, claimed = _lateness_ms(Path(folder) / "scheduler.db")
    return [
        lateness_row("200 due/s steady, SQLite: recorded", recorded, must=25.0, goal=10.0),
        lateness_row("200 due/s steady, SQLite: claimed by the worker", claimed, must=CLAIM_MUST_MS, goal=None),
    ]


async def _serve(folder: Path) -> None:
    async with open_sqlite_store(folder / "scheduler.db", SystemClock(), SystemEntropy()) as stores:
        until = await add_steady_tasks(stores)
    async with running(folder, SCHEDULER_CONCURRENCY="50"):
        await SystemClock().sleep_until(until)


async def add_steady_tasks(stores: Any) -> datetime:
    """TASKS tasks, one after the other within every second; the instant at which SECONDS of them are over."""
    clock = SystemClock()
    second = timedelta(seconds=1)
    policy = ExecutionPolicy(overlap=Overlap.ALLOW)
    start = clock.now() + 8 * second
    creations = [
        a_creation(
            a_definition(
                f"steady-{index}",
                schedule=IntervalSchedule(second, start + index * second / TASKS),
                task_type="chores",
                handler="nothing",
                policy=policy,
            ),
            at=clock.now(),
        )
        for index in range(TASKS)
    ]
    await stores.tasks.mutate(creations)
    return start + SECONDS * second


def _lateness_ms(path: Path) -> tuple[list[float], list[float]]:
    """Of the middle of the run: the first and the last second have start and end in them."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT scheduled_at, created_at, started_at FROM executions WHERE kind = 'auto' AND started_at NOT NULL"
            " ORDER BY scheduled_at"
        ).fetchall()
    middle = middle_of(rows)
    return [(row[1] - row[0]) / 1e3 for row in middle], [(row[2] - row[0]) / 1e3 for row in middle]


def middle_of(rows: list[Any]) -> list[Any]:
    """Those of the runs, by their instants, that lie between start and end of the service."""
    return rows[TASKS * 2 : -TASKS]


def lateness_row(name: str, lateness: list[float], *, must: float, goal: float | None) -> dict[str, Any]:
    """One row of the report, of milliseconds."""
    cuts = quantiles(lateness, n=100)
    return {
        "name": name,
        "value": cuts[98],
        "unit": "ms p99",
        "must": must,
        "goal": goal,
        "limit": None,
        "ratio": None,
        "peers": {},
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
    }
