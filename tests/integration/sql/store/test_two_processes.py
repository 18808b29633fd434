"""Several processes on one file: each occurrence is committed by exactly one of them."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from adapters.sql.store import open_sqlite_store
from application.scheduling.ports.history import ExecutionFilter
from tests.support.builders import a_creation, a_definition
from tests.support.manual_clock import NOON, ManualClock
from tests.support.recorders import CountingEntropy
from tests.support.repository import ROOT

TASKS = 200
PROCESSES = 3

# Opens the store, says so, waits for the word to go, commits everything that is due, and says how much of it was its.
RACER = """
import asyncio, sys
from datetime import datetime
from pathlib import Path
from adapters.sql.store import open_sqlite_store
from application.scheduling.ports.task_store import Committed, Decision
from domain.scheduling.firing import fire
from domain.scheduling.sharing import EVERYTHING
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy

async def race(path, now):
    clock = ManualClock(now)
    async with open_sqlite_store(path, clock, CountingEntropy()) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        mine = 0
        while found := await store.tasks.due(EVERYTHING, until=now, limit=7):
            answers = await store.tasks.commit_firings([Decision(task, fire(task, now)) for task in found])
            mine += sum(isinstance(answer, Committed) for answer in answers)
        print(mine, flush=True)

asyncio.run(race(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])))
"""


async def _racer(path: Path, now: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", RACER, str(path), now, stdin=pipe, stdout=pipe, cwd=ROOT
    )


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode().strip()


async def test_processes_that_open_a_new_file_at_once_share_out_what_is_due(path: Path) -> None:
    now = NOON + timedelta(minutes=1)
    racers = [await _racer(path, now.isoformat()) for _ in range(PROCESSES)]
    assert [await _line(racer) for racer in racers] == ["ready"] * PROCESSES

    async with open_sqlite_store(path, ManualClock(), CountingEntropy()) as store:
        await store.tasks.mutate([a_creation(a_definition(f"task {number}")) for number in range(TASKS)])
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write(b"go\n")
        shares = [int(await _line(racer)) for racer in racers]
        page = await store.history.executions(ExecutionFilter(), limit=TASKS + 1, cursor=None)

    assert sum(shares) == TASKS
    assert len(page.executions) == TASKS
    assert [await racer.wait() for racer in racers] == [0] * PROCESSES
