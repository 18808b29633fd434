"""How fast the API lists fifty tasks: among ten thousand in every store, and among a million in PostgreSQL.

The service's own handlers are asked over HTTP, every question on every store: plain, filtered, searched, sorted, and
page after page by cursor. A row's figure is its slowest question's 95th percentile, and beside it stand those of each.
The million are copies of the ten thousand under names of their own, made by the server.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from aiohttp import ClientSession
from sqlalchemy import Table

from adapters.redis.opening import address_of as redis_address_of
from adapters.redis.opening import open_redis_store
from adapters.sql.postgres_address import address_of
from adapters.sql.store import open_postgres_store, open_sqlite_store
from adapters.sql.store.tables import definitions, tasks
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from entrypoints.admin import ServiceState, serve_admin
from entrypoints.container import Container
from entrypoints.hints import Hints
from entrypoints.metrics import ProcessMetrics
from entrypoints.settings import Settings
from tests.benchmarks.bench_pages import API, Ask, answer_times, asking
from tests.benchmarks.progress import say
from tests.support.postgres_servers import PostgresServer, a_postgres
from tests.support.redis_servers import a_redis
from tests.support.stock import TASKS, add_stock_tasks

MUST_MS, MUST_OF_MILLION_MS = 50.0, 150.0
COPIES = 99
COPY_SECONDS = 300.0
QUESTIONS = {
    "plain": f"{API}?limit=50",
    "of a status": f"{API}?limit=50&status=active",
    "of a type": f"{API}?limit=50&task_type=mail",
    "of a tag": f"{API}?limit=50&tag=team-7",
    "that match a text": f"{API}?limit=50&q=task+042",
    "by next run": f"{API}?limit=50&sort=next_run_at",
    "by last change": f"{API}?limit=50&sort=-updated_at",
}
PAGES = {"page: overview": "", "page: task list": "scheduled-tasks"}
EACH_PAGE = "page after page"
COPIED_ID = "md5({id} || ' ' || each)"

Opening = AbstractAsyncContextManager[Any]
Times = Mapping[str, list[float]]


def run() -> list[dict[str, object]]:
    """Every store in turn."""
    return [
        *_rows("SQLite", "10,000", MUST_MS, asyncio.run(_on_sqlite())),
        *_rows("Redis", "10,000", MUST_MS, asyncio.run(_on_redis())),
        *_on_postgres(),
    ]


def _rows(store: str, count: str, must: float, times: Times) -> Iterator[dict[str, object]]:
    lists = {question: each for question, each in times.items() if question not in PAGES}
    yield _row(f"API: 50 tasks among {count}, {store}, the slowest question", must, lists)
    for page in PAGES:
        yield _row(f"{page}, {count} tasks, {store}", MUST_OF_MILLION_MS, {page: times[page]})


def _row(name: str, must: float, times: Times) -> dict[str, object]:
    percentiles = {question: quantiles(each, n=100, method="inclusive") for question, each in times.items()}
    p95 = {question: round(each[94], 1) for question, each in percentiles.items()}
    slowest = percentiles[max(p95, key=p95.__getitem__)]
    return {
        "name": name,
        "value": round(slowest[94], 1),
        "unit": "ms, p95",
        "must": must,
        "goal": None,
        "limit": None,
        "ratio": None,
        "peers": p95 if len(p95) > 1 else {},
        "p50_ms": round(slowest[49], 1),
        "p99_ms": round(slowest[98], 1),
    }


async def _on_sqlite() -> Times:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        return await _filled_and_asked("SQLite", open_sqlite_store(path, SystemClock(), SystemEntropy()))


async def _on_redis() -> Times:
    with a_redis() as server:
        return await _filled_and_asked("Redis", open_redis_store(redis_address_of(server.url), SystemEntropy()))


def _on_postgres() -> Iterator[dict[str, object]]:
    with a_postgres(fsync="on") as server:
        yield from _rows("PostgreSQL", "10,000", MUST_MS, asyncio.run(_few(server)))
        say("PostgreSQL: making a million tasks")
        # psql carries out each line for itself, and VACUUM stands in no transaction.
        server.run(_copying(), within=COPY_SECONDS)
        yield from _rows("PostgreSQL", "1,000,000", MUST_OF_MILLION_MS, asyncio.run(_many(server)))


async def _few(server: PostgresServer) -> Times:
    return await _filled_and_asked("PostgreSQL", open_postgres_store(address_of(server.url), SystemEntropy()))


async def _many(server: PostgresServer) -> Times:
    async with open_postgres_store(address_of(server.url), SystemEntropy()) as stores:
        return await _asked("PostgreSQL, a million", stores)


async def _filled_and_asked(store: str, opening: Opening) -> Times:
    async with opening as stores:
        await add_stock_tasks(stores.tasks, TASKS, SystemClock().now())
        return await _asked(store, stores)


async def _asked(store: str, stores: Any) -> Times:
    """Milliseconds of every answer, by question."""
    # As on one machine, where nobody has to sign in: who asks costs no store's call.
    settings = Settings(scheduler_port=0, scheduler_store_path=Path("unused"))
    container = Container(settings=settings, stores=stores, wakeup=Hints())
    state = ServiceState(lambda: True, lambda: None, ProcessMetrics(container.telling(), container.measure_store()))
    times = dict[str, list[float]]()
    async with serve_admin(settings, container, state) as base, ClientSession() as session:
        asked = {name: asking(session, base + address) for name, address in {**QUESTIONS, **PAGES}.items()}
        for question, ask in {**asked, EACH_PAGE: _turning(session, base + API)}.items():
            times[question] = await answer_times(ask)
            say(f"{store}, {question}: median {median(times[question]):.1f} ms of {len(times[question])} answers")
    return times


def _turning(session: ClientSession, address: str) -> Ask:
    """Ask for the page behind the last one."""
    behind: str | None = None

    async def turn() -> None:
        nonlocal behind
        asked = {"limit": "50"} if behind is None else {"limit": "50", "cursor": behind}
        async with session.get(address, params=asked) as response:
            assert response.status == 200, (address, response.status)
            behind = (await response.json())["next_cursor"]

    return turn


def _copying() -> str:
    """SQL that puts copies of all tasks and their definitions beside them."""
    name = "'copy ' || each || ' ' || "
    later = {column: f"{column} + each * 1000003" for column in ("next_run_at", "look_at")}
    of_tasks = {"id": COPIED_ID.format(id="id"), "name": f"{name}name", **later}
    of_definitions = {"task_id": COPIED_ID.format(id="task_id"), "name": f"{name}name"}
    of_definitions["search_text"] = f"{name}search_text"
    copied = (_copying_rows(tasks, of_tasks), _copying_rows(definitions, of_definitions))
    # No trigger tells or checks anything; and planners know what is there, as they would by autovacuum.
    return f"SET session_replication_role = replica; {' '.join(copied)} VACUUM ANALYZE; CHECKPOINT;"


def _copying_rows(table: Table, changed: Mapping[str, str]) -> str:
    values = ", ".join(changed.get(column.name, column.name) for column in table.columns)
    name = f"scheduler.{table.name}"
    return f"INSERT INTO {name} SELECT {values} FROM {name}, generate_series(1, {COPIES}) AS each;"
