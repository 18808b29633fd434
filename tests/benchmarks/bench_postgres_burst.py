"""Ten thousand tasks due at one instant in PostgreSQL (fsync on): what we reach, the machine allows, and others reach.

Ours are the processes of the service in the scheduler's role, one and then two, as they are started in life. How late
they are is seen from outside: a task is dispatched once it waits for its instant no more, and how many still do so
is asked every few milliseconds.

The limit is a loop of one statement a batch, which locks each task, compares it with what was read, writes it back with
its next instant and inserts an execution, in a transaction of its own; nothing is decided, recorded or translated.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from adapters.sql.postgres_address import address_of
from adapters.sql.store.postgres_opening import open_postgres_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from domain.scheduling.identifiers import microseconds
from domain.scheduling.schedule import IntervalSchedule
from tests.benchmarks.bench_redis_burst import BURSTS, QUIET, a_scheduler, add_tasks
from tests.benchmarks.bench_sqlite_burst import ROUNDS, TASKS, row
from tests.benchmarks.peers.measured import burst_peers
from tests.benchmarks.progress import say
from tests.support.builders import DAY
from tests.support.postgres_servers import a_postgres

BATCH = 500
MUST, GOAL = 15_000, 40_000
LOOK_SECONDS = 0.005
FILL_WITHIN = tuple(timedelta(seconds=seconds) for seconds in (6, 12, 24))

BARE_SCHEMA = """
CREATE TABLE bare_tasks (id text PRIMARY KEY, version bigint, open_seq bigint, look_at bigint, payload text);
CREATE INDEX ON bare_tasks (look_at, id);
CREATE TABLE bare_executions (id text PRIMARY KEY, task_id text, state text, available_at bigint);
CREATE INDEX ON bare_executions (available_at, id) WHERE state = 'pending';
"""
COMMIT = """
WITH given AS (SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS given (id, version, open_seq)),
same AS MATERIALIZED (SELECT id FROM bare_tasks JOIN given USING (id, version, open_seq) ORDER BY id FOR NO KEY UPDATE),
born AS (INSERT INTO bare_executions SELECT id || $4::bigint, id, 'pending', $4 FROM same)
UPDATE bare_tasks SET look_at = $4 + 1, open_seq = open_seq + 1 FROM same WHERE bare_tasks.id = same.id
"""
DUE = "SELECT id, version, open_seq, payload FROM bare_tasks WHERE look_at <= $1 ORDER BY look_at, id LIMIT $2"


def run() -> list[dict[str, object]]:
    """Each figure is the median of its bursts; each peer has one."""
    say("the limit: one statement a batch")
    with a_postgres(fsync="on") as server:
        limit = asyncio.run(bare_rate(server.url))
    late = {schedulers: asyncio.run(_late(schedulers)) for schedulers in (1, 2)}
    rates = {schedulers: TASKS / each[-1] * 1e3 for schedulers, each in late.items()}
    one, two = "10,000 tasks due at one instant, PostgreSQL", "the same, two schedulers (limit: one)"
    return [
        row(one, rates[1], "tasks/s", MUST, GOAL, limit, late[1], burst_peers("postgres")),
        row(two, rates[2], "tasks/s", round(rates[1]), None, rates[1], late[2]),
    ]


async def _late(schedulers: int) -> Sequence[float]:
    """How many milliseconds late each task of the median burst was dispatched, ascending."""
    bursts = list[list[float]]()
    for number in range(BURSTS):
        say(f"ours, {schedulers} scheduler(s): burst {number + 1} of {BURSTS}")
        bursts.append(await _burst_of(schedulers))
    return sorted(bursts, key=lambda each: each[-1])[BURSTS // 2]


async def _burst_of(schedulers: int) -> list[float]:
    """One burst; on a busy machine again with more time to prepare it, until there was enough."""
    for within in FILL_WITHIN:
        if (late := await _burst_within(within, schedulers)) is not None:
            return late
        say(f"everything was not ready {within.seconds} s before it was due: once more")
    raise AssertionError("the machine is too busy")


async def _burst_within(within: timedelta, schedulers: int) -> list[float] | None:
    """A burst on a server of its own, as each peer has one: none finds the disk busy with what others wrote.

    None: so long before its instant not everything was ready.
    """
    with a_postgres(fsync="on") as server, tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as serving:
            stores = await serving.enter_async_context(open_postgres_store(address_of(server.url), SystemEntropy()))
            for number in range(schedulers):
                home = Path(folder) / str(number)
                home.mkdir()
                await serving.enter_async_context(a_scheduler(home, {"DATABASE_URL": server.url}))
            clock = SystemClock()
            due_at = clock.now() + within
            await add_tasks(stores, "burst", IntervalSchedule(DAY, due_at))
            # So long must the schedulers have nothing else to do.
            return await _watched(server.url, clock, due_at) if clock.now() < due_at - QUIET else None


async def _watched(url: str, clock: SystemClock, due_at: Any) -> list[float]:
    observer = await asyncpg.connect(url)
    waiting = await observer.prepare("SELECT count(*) FROM scheduler.tasks WHERE look_at <= $1")
    # In the last moment they are read and decided already.
    await clock.sleep_until(due_at - timedelta(milliseconds=1))
    late: list[float] = []
    while len(late) < TASKS:
        left = await waiting.fetchval(microseconds(due_at))
        late += [(clock.now() - due_at) / timedelta(milliseconds=1)] * (TASKS - left - len(late))
        await asyncio.sleep(LOOK_SECONDS)
    await observer.close()
    return late


async def bare_rate(url: str) -> float:
    """Tasks a second if nothing is checked, decided or translated: asyncpg and the server alone."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(BARE_SCHEMA)
        rows = [(f"task-{number:032x}", 1, 0, 0, "x" * 150) for number in range(TASKS)]
        await connection.copy_records_to_table("bare_tasks", records=rows)
        return median([await _bare_burst(connection, due=number) for number in range(ROUNDS)])
    finally:
        await connection.close()


async def _bare_burst(connection: Any, *, due: int) -> float:
    began, moved = time.perf_counter(), 0
    while found := await connection.fetch(DUE, due, BATCH):
        ids, versions, sequences, _ = zip(*found, strict=True)
        moved += int((await connection.execute(COMMIT, ids, versions, sequences, due)).split()[-1])
    assert moved == TASKS
    return TASKS / (time.perf_counter() - began)
