"""How many no-op executions one worker gets through: claim, call, settle, on SQLite with synchronous=FULL.

The loops are those of the worker process, without the process: what is measured is our code and the file. The limit is
the same work without a handler, a claim and a settlement at a time as large as the batches the worker makes.
"""

import asyncio
import tempfile
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.sql.store import open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.ports.execution_store import Settlement
from application.scheduling.ports.task_store import Applied
from application.scheduling.processors import Processors
from application.scheduling.services.perform_executions import PerformExecutions
from application.scheduling.services.run_execution import RunExecution
from application.scheduling.services.settle_execution import SettleExecution
from domain.scheduling.change import ChangeAction, Via
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.outcome import Succeeded
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.runs import run_now
from entrypoints.hints import Hints
from entrypoints.loop import repeat
from tests.support.builders import a_change, a_creation, a_definition
from tests.support.recorders import RecordingObserver

EXECUTIONS = 5_000
BATCH = 500
TASKS = 500


def run() -> list[dict[str, Any]]:
    """Measure at the default concurrency and at a hundred, beside the bare store."""
    limit = asyncio.run(_bare())
    return [_row(concurrency, asyncio.run(_on_sqlite(concurrency)), limit) for concurrency in (5, 100)]


async def _on_sqlite(concurrency: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite_store(Path(folder) / "store.db", SystemClock(), SystemEntropy()) as stores:
            return await worker_rate(concurrency, stores)


def _row(concurrency: int, rate: float, limit: float) -> dict[str, Any]:
    return {
        "name": f"worker, no-op handler, SQLite, concurrency {concurrency}",
        "value": rate,
        "unit": "executions/s",
        "must": None,
        "goal": None,
        "limit": limit,
        "ratio": rate / limit,
        "peers": {},
        "p50_ms": None,
        "p99_ms": None,
    }


async def fill(stores: Any, count: int) -> None:
    """EXECUTIONS manual executions of `count` tasks, pending."""
    clock = SystemClock()
    policy = ExecutionPolicy(overlap=Overlap.ALLOW)
    creations = [
        a_creation(a_definition(f"noop-{index}", task_type="bench", handler="noop", policy=policy), at=clock.now())
        for index in range(count)
    ]
    tasks = [answer.task for answer in await stores.tasks.mutate(creations) if isinstance(answer, Applied)]
    for round_ in range(EXECUTIONS // count):
        change = a_change(ChangeAction.RUN, at=clock.now(), via=Via.SYSTEM)
        answers = await stores.tasks.mutate([run_now(task, change, key=f"{round_}") for task in tasks])
        tasks = [answer.task for answer in answers if isinstance(answer, Applied)]


async def _bare() -> float:
    entropy = SystemEntropy()
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite_store(Path(folder) / "store.db", SystemClock(), entropy) as stores:
            await fill(stores, TASKS)
            began, done = time.perf_counter(), 0
            while claims := await stores.executions.claim(
                NodeId("bench"), [ClaimToken(entropy.token()) for _ in range(BATCH)]
            ):
                await stores.executions.settle(
                    [Settlement(claim.execution.id, claim.token, Succeeded()) for claim in claims]
                )
                done += len(claims)
            return done / (time.perf_counter() - began)


async def worker_rate(concurrency: int, stores: Any, *, tasks: int = TASKS) -> float:
    """Executions a second, all pending beforehand in this store, as many of each of so many tasks."""
    processors = Processors()
    done = asyncio.Event()
    count = 0

    @processors.task("bench", "noop")
    async def noop(payload: Mapping[str, Any], run: object) -> None:
        nonlocal count
        count += 1
        if count == EXECUTIONS:
            done.set()

    clock, entropy, observer = SystemClock(), SystemEntropy(), RecordingObserver()
    await fill(stores, tasks)
    perform = PerformExecutions(
        executions=stores.executions,
        run_execution=RunExecution(processors, clock),
        settle_execution=SettleExecution(stores.executions, clock, Hints(), observer),
        clock=clock,
        entropy=entropy,
        observer=observer,
        worker_id=NodeId("bench"),
        concurrency=concurrency,
    )
    began = time.perf_counter()
    await _work(perform, done, observer)
    return EXECUTIONS / (time.perf_counter() - began)


async def _work(perform: PerformExecutions, done: asyncio.Event, observer: RecordingObserver) -> None:
    """The two loops of entrypoints/worker.py, until every execution has ended and is settled."""

    async def settle() -> timedelta:
        return timedelta(0) if await perform.settle_once() else timedelta(seconds=1)

    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:

        async def claim() -> timedelta:
            return timedelta(0) if await perform.claim_once(group) else timedelta(seconds=1)

        group.create_task(repeat(claim, name="claim", stop=done, observer=observer, wake=perform.hands_free))
        group.create_task(repeat(settle, name="settle", stop=stop, observer=observer, wake=perform.something_ended))
        await done.wait()
        while len(perform.live):  # noqa: ASYNC110 - what is held is shared with a thread and has no event
            await asyncio.sleep(0.001)
        stop.set()
