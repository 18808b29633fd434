"""The maintenance tasks beside an application's tables on PostgreSQL: ten million log entries, eight million replies.

The log is cleaned while another client writes to it, a row at a time. The task works in a process of its own, whose
memory is a worker's that does nothing else. The limit is what the server does when it is asked for all of it in one
statement, on a log of the same make. `run(0.01)` is the short form.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

import asyncpg

from adapters.sql.content.postgres import open_postgres_content
from adapters.sql.postgres_address import parse_address
from adapters.system.clock import SystemClock
from application.fediverse.ports.content import ContentPorts
from application.fediverse.ports.instance_stats import Counting, Source
from application.fediverse.tasks.registration import TASK_TYPE, register
from application.scheduling.processors import Processors
from tests.benchmarks.bench_stored_tasks import observed_row
from tests.support.content import RecordedRun
from tests.support.piefed import DDL
from tests.support.postgres_servers import PostgresServer, a_postgres
from tests.support.repository import ROOT

ENTRIES = 10_000_000
REPLIES = 8_000_000
POSTS = 2_000_000
USERS = 1_000_000
INSTANCES = 5_000
KEPT = 10  # one entry of so many is too young to go
# As the specification measured its basis; what a machine has at its disk's mercy is the commit of every batch.
SERVER = {"fsync": "on", "shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min"}
LOG = """
    INSERT INTO activity_pub_log (direction, activity_id, activity_type, activity_json, result, created_at)
    SELECT CASE WHEN i % 3 = 0 THEN 'out' ELSE 'in' END, 'https://i.example/activities/' || i, 'Like',
           repeat('A like. ', 12), CASE WHEN i % 20 = 0 THEN 'failure' ELSE 'success' END,
           now() - CASE WHEN i <= {old} THEN interval '400 days' - i * interval '1 second' ELSE interval '1 day' END
    FROM generate_series(1, {entries}) i;
    ANALYZE activity_pub_log"""
CONTENT = """
    INSERT INTO instance (domain) SELECT 'i' || i FROM generate_series(1, {instances}) i;
    INSERT INTO "user" (instance_id, last_seen)
        SELECT 1 + i * i % {instances}, timestamp '2024-01-15' - i * interval '1 minute'
        FROM generate_series(1, {users}::bigint) i;
    INSERT INTO post (user_id, instance_id, title, body, deleted, posted_at)
        SELECT 1 + i % {users}, 1 + i * i % {instances}, 'A title', repeat('Text. ', 20), i % 20 = 0,
               timestamp '2024-01-01'
        FROM generate_series(1, {posts}::bigint) i;
    INSERT INTO post_reply (user_id, post_id, instance_id, body, deleted)
        SELECT 1 + i % {users}, 1 + i % {posts}, 1 + i * i % {instances}, repeat('Text. ', 10), i % 20 = 0
        FROM generate_series(1, {replies}::bigint) i;
    VACUUM ANALYZE;"""
INDEX = "CREATE INDEX ON post_reply (instance_id) WHERE deleted = false; VACUUM post_reply"


def run(scale: float = 1.0) -> list[dict[str, object]]:
    """Measure with so much of everything."""
    with a_postgres(**SERVER) as server:
        return [*_log_rows(server, scale), *_stats_rows(server, scale)]


def _log_rows(server: PostgresServer, scale: float) -> Iterator[dict[str, object]]:
    entries = round(ENTRIES * scale)
    old = entries - entries // KEPT
    server.database("batches")
    _command(server, "batches", DDL + LOG.format(entries=entries, old=old))
    _command(
        server, "postgres", "RESET ROLE; CREATE DATABASE whole OWNER scheduler TEMPLATE batches STRATEGY file_copy"
    )
    began, spent = time.perf_counter(), _spent(server)
    _command(server, "whole", "DELETE FROM activity_pub_log WHERE created_at < now() - interval '30 days'")
    whole, whole_cpu = old / (time.perf_counter() - began), _spent(server) - spent
    server.run("DROP DATABASE whole")
    spent = _spent(server)
    writer = AnotherWriter(server.url_of("batches"))
    figures = writer.beside(lambda: _observed(server, "batches", "cleanup_old_activities", {"pause_ms": 0}))
    assert figures["rows"]["activity_pub_log.deleted"] == old, figures
    name = f"log clean-up, {entries:,} entries"
    yield observed_row(name, old / figures["seconds"], "rows/s", 150_000 if scale == 1 else None, whole)
    cpu = _spent(server) - spent + figures["cpu_seconds"]
    yield observed_row(f"{name}, processor time", cpu / old * 1e6, "µs a row", None, whole_cpu / old * 1e6)
    batches = sorted(figures["batches_ms"])
    yield observed_row(f"{name}, batch p95", batches[len(batches) * 95 // 100], "ms", 100, None)
    waits = sorted(writer.latencies_ms)
    yield observed_row(f"{name}, another's insert p99", waits[len(waits) * 99 // 100], "ms", 50, None)
    yield observed_row(f"{name}, memory of the worker", figures["memory_mb"], "MB", 150, None)
    server.run("DROP DATABASE batches")


def _stats_rows(server: PostgresServer, scale: float) -> Iterator[dict[str, object]]:
    sizes = {"users": USERS, "posts": POSTS, "replies": REPLIES, "instances": INSTANCES}
    amounts = {name: max(round(size * scale), 50) for name, size in sizes.items()}
    server.database("stats")
    _command(server, "stats", DDL + CONTENT.format(**amounts))
    name = f"statistics over {amounts['replies']:,} replies"
    figures: dict[str, Any] = {}
    for told, script in (("", None), (", with the index", INDEX)):
        if script is not None:
            _command(server, "stats", script)
        figures = _observed(server, "stats", "update_instance_stats", {"pause_ms": 0})
        yield observed_row(f"{name}{told}", figures["counts"]["replies"], "s", 3.0, None)
        yield observed_row(f"{name}{told}, whole task", figures["seconds"], "s", None, None)
    yield observed_row(f"{name}, memory of the worker", figures["memory_mb"], "MB", 150, None)


def _command(server: PostgresServer, database: str, statements: str) -> None:
    """Run statements as the owner of the tables, as long as it takes."""

    async def carry_out() -> None:
        place: dict[str, Any] = {"host": str(server.folder), "port": server.port, "database": database}
        connection = await asyncpg.connect(**place, user="admin")
        await connection.execute("SET session_replication_role = replica; SET ROLE scheduler")
        for statement in filter(str.strip, statements.split(";")):
            await connection.execute(statement)
        await connection.close()

    asyncio.run(carry_out())


@dataclass
class AnotherWriter:
    """A client that adds an entry to the log every five milliseconds, and how long each took."""

    url: str
    latencies_ms: list[float] = field(default_factory=list)
    stop: Event = field(default_factory=Event)

    def beside(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What the work answers, beside which it writes."""
        thread = Thread(target=lambda: asyncio.run(self._write()))
        thread.start()
        try:
            return work()
        finally:
            self.stop.set()
            thread.join()

    async def _write(self) -> None:
        connection = await asyncpg.connect(self.url)
        while not self.stop.wait(0.005):
            began = time.perf_counter()
            await connection.execute("INSERT INTO activity_pub_log (direction, created_at) VALUES ('in', now())")
            self.latencies_ms.append((time.perf_counter() - began) * 1e3)
        await connection.close()


def _spent(server: PostgresServer) -> float:
    """The processor time that the server and its children that have ended have taken, in seconds (proc(5))."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _observed(server: PostgresServer, database: str, task: str, payload: dict[str, Any]) -> dict[str, Any]:
    """The figures of a process that runs the task."""
    place = [server.url_of(database), task, json.dumps(payload)]
    command = [sys.executable, "-m", "tests.benchmarks.bench_content", *place]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@dataclass
class Timed:
    """Ports of which two are timed from the outside."""

    content: ContentPorts
    batches_ms: list[float] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)

    async def delete_old(self, *arguments: Any) -> Any:
        """Time a batch, its commit included."""
        began = time.perf_counter()
        batch = await self.content.activity_log.delete_old(*arguments)
        self.batches_ms.append((time.perf_counter() - began) * 1e3)
        return batch

    async def count(self, source: Source, counting: Counting) -> Any:
        """Time the count of one source."""
        began = time.perf_counter()
        facts = await self.content.instance_stats.count(source, counting)
        self.counts[source] = time.perf_counter() - began
        return facts

    async def record(self, *arguments: Any) -> Any:
        """See the port."""
        return await self.content.instance_stats.record(*arguments)


async def _observe(url: str, task: str, payload: dict[str, Any]) -> dict[str, Any]:
    async with open_postgres_content(parse_address(url)) as content:
        timed = Timed(content)
        processors = Processors()
        register(processors, replace(content, activity_log=timed, instance_stats=timed), SystemClock())
        handler = processors.find(TASK_TYPE, task)
        assert handler is not None
        began, spent = time.perf_counter(), time.process_time()
        done: Any = await cast(
            "Any", handler.function(handler.payload(json.dumps(payload)), RecordedRun(task_name=task))
        )
        figures = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - spent}
    told = {"rows": done.facts["rows"], "batches_ms": timed.batches_ms, "counts": timed.counts}
    return {**figures, **told, "memory_mb": _peak_mb()}


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    url, task, payload = sys.argv[1:]
    print(json.dumps(asyncio.run(_observe(url, task, json.loads(payload)))))
