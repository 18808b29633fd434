"""A hundred thousand stored tasks in SQLite: what it costs to have them, while nothing is due.

Measured in a process of its own: the time to open the store, the processor's time an idle scheduler spends on looking
(twice a second, as design and protocol have it), the memory, the size of the file, and a page of the list.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from adapters.sql.store import SqlStore, open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.ports.history import TaskFilter, TaskOrder
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.sharing import EVERYTHING
from tests.support.builders import a_creation, a_definition
from tests.support.repository import ROOT

TASKS = 100_000
CHUNK = 5_000
LOOKS = 200
LOOKS_PER_SECOND = 2
PAGES = 20
PAGE = 50


def run() -> list[dict[str, object]]:
    """Measure an empty store and a full one; the limit of each figure is that of the empty store."""
    with tempfile.TemporaryDirectory() as folder:
        empty, full = Path(folder) / "empty.db", Path(folder) / "full.db"
        asyncio.run(_filled(empty, 0))
        asyncio.run(_filled(full, TASKS))
        none, all_ = _observed(empty), _observed(full)
        size = full.stat().st_size / TASKS
    return [
        observed_row("open the store, 100,000 tasks", all_["open_s"], "s", 2.0, none["open_s"]),
        observed_row("idle looks, 100,000 tasks", all_["idle_percent"], "% of a core", 1.0, none["idle_percent"]),
        observed_row("memory, 100,000 tasks", all_["memory_mb"], "MB", None, none["memory_mb"]),
        observed_row("bytes a stored task, SQLite", size, "bytes", None, None),
        observed_row("page of 50 among 100,000 tasks", all_["page_ms"], "ms", None, none["page_ms"]),
    ]


def observed_row(name: str, value: float, unit: str, must: float | None, limit: float | None) -> dict[str, object]:
    """One row of the report."""
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "must": must,
        "goal": None,
        "limit": None if limit is None else round(limit, 3),
        "ratio": None if not limit else round(value / limit, 2),
        "peers": {},
        "p50_ms": None,
        "p99_ms": None,
    }


async def _filled(path: Path, count: int) -> None:
    async with open_sqlite_store(path, SystemClock(), SystemEntropy()) as store:
        await add_stored_tasks(store, count)


async def add_stored_tasks(store: Any, count: int) -> None:
    """So many tasks, each due once a year."""
    clock, entropy = SystemClock(), SystemEntropy()
    for start in range(0, count, CHUNK):
        schedules = [CronSchedule(f"{number % 60} {number % 24} 1 1 *") for number in range(start, start + CHUNK)]
        await store.tasks.mutate(
            [
                a_creation(
                    a_definition(f"task {start + number}", schedule=schedule, payload_json='{"days_to_keep":30}'),
                    at=clock.now(),
                    task_id=entropy.identifier(),
                )
                for number, schedule in enumerate(schedules)
            ]
        )


def _observed(path: Path) -> dict[str, float]:
    """The figures of a process that opens the store and looks."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_stored_tasks", str(path)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


async def _observe(path: Path) -> dict[str, float]:
    clock = SystemClock()
    began = time.perf_counter()
    async with open_sqlite_store(path, clock, SystemEntropy()) as store:
        opened = time.perf_counter() - began
        look = await look_seconds(store, time.process_time)
        # Before the pages, which an idle scheduler does not read.
        memory = _resident_mb()
        return {
            "open_s": opened,
            "idle_percent": look * LOOKS_PER_SECOND * 100,
            "memory_mb": memory,
            "page_ms": median([await _page_ms(store) for _ in range(PAGES)]),
        }


async def look_seconds(store: Any, spent: Callable[[], float]) -> float:
    """What one look takes on average of what `spent` tells, in seconds."""
    await _look(store)
    before = spent()
    for _ in range(LOOKS):
        await _look(store)
    return (spent() - before) / LOOKS


async def _look(store: Any) -> None:
    """What the scheduler asks when it wakes and nothing is due."""
    clock = SystemClock()
    await store.executions.release_due(CHUNK)
    await store.tasks.due(EVERYTHING, until=clock.now() + timedelta(milliseconds=50), limit=CHUNK)
    await store.tasks.next_look_at(EVERYTHING)


async def _page_ms(store: SqlStore) -> float:
    began = time.perf_counter()
    page = await store.history.tasks(
        TaskFilter(), order=TaskOrder.NEXT_RUN_AT, descending=False, limit=PAGE, cursor=None
    )
    assert page.total in (0, TASKS)
    return (time.perf_counter() - began) * 1e3


def _resident_mb() -> float:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096 / 2**20


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_observe(Path(sys.argv[1])))))
