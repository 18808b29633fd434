"""How fast people see what there is: pages, lists and figures over 10,000 tasks and 1,000,000 executions in SQLite.

Every page is asked for over HTTP, from the service's own handlers, at the store's real size. The limit is a bare SELECT
of fifty tasks with their definitions by the driver alone, in the same run; each figure is the 95th percentile.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from statistics import quantiles

from aiohttp import ClientSession

from adapters.sql.store import SqlStore, open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.ports.history import TaskFilter, TaskOrder
from application.scheduling.services.statistics import ReadStatistics
from domain.scheduling.task import ScheduledTask
from entrypoints.admin import ServiceState, serve_admin
from entrypoints.container import Container
from entrypoints.hints import Hints
from entrypoints.metrics import ProcessMetrics
from entrypoints.settings import Settings
from tests.support.stock import stock

REPEATS, REPEATS_MIN = 40, 5
ASKED_SECONDS = 8.0
LIST_MUST_MS, PAGE_MUST_MS = 50.0, 150.0
TASKS = "scheduled-tasks"
API = f"api/{TASKS}"
# What is asked for, its address, and how many milliseconds 95 of 100 answers may take.
ADDRESSES = (
    ("API: 50 tasks", f"{API}?limit=50", LIST_MUST_MS),
    ("API: 50 of a type, by last run", f"{API}?limit=50&task_type=mail&sort=-last_run_at", LIST_MUST_MS),
    ("API: 50 that match a text", f"{API}?limit=50&q=task+042", LIST_MUST_MS),
    ("API: 50 of a tag, by next run", f"{API}?limit=50&tag=team-7&sort=next_run_at", LIST_MUST_MS),
    ("API: 50 executions", "api/executions?limit=50", LIST_MUST_MS),
    ("API: 50 dead letters", "api/dead-letters?limit=50", LIST_MUST_MS),
    ("API: statistics", "api/stats", PAGE_MUST_MS),
    ("page: overview", "", PAGE_MUST_MS),
    ("page: statistics", "statistics", PAGE_MUST_MS),
    ("page: task list", TASKS, LIST_MUST_MS),
    ("page: task list, text and order", f"{TASKS}?q=task+042&sort=-next_run_at", LIST_MUST_MS),
    ("page: a task", f"{TASKS}/{{task_id}}", PAGE_MUST_MS),
)

Ask = Callable[[], Awaitable[object]]


def run() -> list[dict[str, object]]:
    """Measure them all on one store."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        asyncio.run(stock(path))
        limit = _bare_select_ms(path)
        measured = asyncio.run(_measured(path))
    return [_row(name, must, limit, times) for name, must, times in measured]


def _row(name: str, must: float, limit: float, times: Sequence[float]) -> dict[str, object]:
    steps = quantiles(times, n=100, method="inclusive")
    p50, p95, p99 = steps[49], steps[94], steps[98]
    return {
        "name": name,
        "value": round(p95, 2),
        "unit": "ms, p95",
        "must": must,
        "goal": None,
        "limit": round(limit, 3),
        "ratio": round(p50 / limit, 2),
        "peers": {},
        "p50_ms": round(p50, 2),
        "p99_ms": round(p99, 2),
    }


def _bare_select_ms(path: Path) -> float:
    statement = (
        "SELECT * FROM tasks JOIN definitions ON definitions.task_id = tasks.id AND definitions.version = tasks.version"
        " WHERE deleted_at IS NULL ORDER BY tasks.name LIMIT 50"
    )
    with closing(sqlite3.connect(path)) as connection:
        times = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            connection.execute(statement).fetchall()
            times.append((time.perf_counter() - began) * 1e3)
    return sorted(times)[REPEATS // 2]


async def _measured(path: Path) -> list[tuple[str, float, list[float]]]:
    clock = SystemClock()
    async with open_sqlite_store(path, clock, SystemEntropy()) as stores:
        settings = Settings(scheduler_port=0, scheduler_store_path=path)
        container = Container(settings=settings, stores=stores, wakeup=Hints())
        read = ReadStatistics(stores.figures, stores.history, stores.membership, clock)
        task_ids = [task.id for task in await _some_tasks(stores)]
        figures: tuple[tuple[str, Ask, float], ...] = (
            ("figures: overview", read.overview, PAGE_MUST_MS),
            ("figures: heat map", lambda: read.heat_map("Europe/Berlin"), PAGE_MUST_MS),
            ("figures: by type", read.types, PAGE_MUST_MS),
            ("figures: 50 sparklines", lambda: read.sparklines(task_ids), LIST_MUST_MS),
            ("figures: durations of a task", lambda: read.measured(task_ids[0]), LIST_MUST_MS),
            ("figures: tasks at one minute", lambda: read.crowd(clock.now()), LIST_MUST_MS),
        )
        rows = [(name, must, await answer_times(ask)) for name, ask, must in figures]
        state = ServiceState(lambda: True, lambda: None, ProcessMetrics(container.telling(), container.measure_store()))
        async with serve_admin(settings, container, state) as base, ClientSession() as session:
            for name, address, must in ADDRESSES:
                ask = asking(session, base + address.format(task_id=task_ids[0]))
                rows.append((name, must, await answer_times(ask)))
    return rows


async def _some_tasks(stores: SqlStore) -> Sequence[ScheduledTask]:
    page = await stores.history.tasks(TaskFilter(), order=TaskOrder.NAME, descending=False, limit=50, cursor=None)
    return page.tasks


def asking(session: ClientSession, address: str) -> Ask:
    """Ask for an address, read the answer, and see that it is one."""

    async def ask() -> None:
        async with session.get(address) as response:
            await response.read()
            assert response.status == 200, (address, response.status)

    return ask


async def answer_times(ask: Ask) -> list[float]:
    """Milliseconds of each of `REPEATS` answers, after one that fills the caches; of fewer if they are slow."""
    await ask()
    times, since = list[float](), time.perf_counter()
    while len(times) < REPEATS and (len(times) < REPEATS_MIN or time.perf_counter() - since < ASKED_SECONDS):
        began = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - began) * 1e3)
    return times
