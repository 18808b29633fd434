"""A service moves from a file to Redis, to PostgreSQL and back, and no occurrence is lost or decided twice."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp

import pytest

from adapters.sql.store import SqlStore, open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.ports.task_store import Applied
from domain.scheduling.execution import ExecutionKind
from domain.scheduling.schedule import IntervalSchedule
from domain.scheduling.task import ScheduledTask
from tests.support.builders import a_creation, a_definition
from tests.support.chores import entries
from tests.support.postgres_servers import a_postgres
from tests.support.redis_servers import a_redis
from tests.support.repository import ROOT
from tests.support.service import Service, eventually

pytestmark = [pytest.mark.redis, pytest.mark.postgres, pytest.mark.timeout(300)]
SECOND = timedelta(seconds=1)
TASKS = 5
WAIT_SECONDS = 60


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[Service]:
    """Scheduler and worker on a store, until the context ends: stopped as by whoever is told to."""
    service = Service(Path(mkdtemp()), {"SCHEDULER_ROLES": "scheduler,worker", **environment})
    await service.start()
    try:
        yield service
    finally:
        assert await service.stop() == 0


async def copying(source: str, target: str) -> asyncio.subprocess.Process:
    """The command, begun."""
    command = ("-m", "entrypoints.cli.main", "store", "copy", "--from", source, "--to", target)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # noqa: TID251 - of the tests themselves
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def said(process: asyncio.subprocess.Process, words: str) -> None:
    """Return when the command says these words."""
    assert process.stderr is not None
    lines = []
    async with asyncio.timeout(WAIT_SECONDS):
        while words not in (line := (await process.stderr.readline()).decode()):
            lines.append(line)
            assert line, lines


async def moved(source: str, target: str, environment: dict[str, str], ledger: Path, *, killed: bool = False) -> None:
    """Serve the source, copy it meanwhile, and stop the service when the command says so."""
    async with serving(environment):
        before = len(entries(ledger, "end"))
        await eventually(lambda: len(entries(ledger, "end")) >= before + TASKS)
        process = await copying(source, target)
        if killed:
            await said(process, "Now stop every service")
            process.kill()
            await process.wait()
            process = await copying(source, target)
        await said(process, "Now stop every service")
    async with asyncio.timeout(WAIT_SECONDS):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert "Now serve " in out.decode()


# The copies between every pair of stores are in the conformance suite; this is the whole way, with processes.
@pytest.mark.soak
async def test_a_service_moves_through_every_kind_of_store(tmp_path: Path) -> None:
    first, last, ledger = tmp_path / "first.db", tmp_path / "last.db", tmp_path / "ledger"
    payload = f'{{"ledger": "{ledger}"}}'
    schedule = IntervalSchedule(SECOND)
    async with open_sqlite_store(first, SystemClock(), SystemEntropy()) as store:
        definitions = [
            a_definition(f"task {number}", schedule=schedule, task_type="chores", handler="wait", payload_json=payload)
            for number in range(TASKS)
        ]
        answers = await store.tasks.mutate([a_creation(each, at=SystemClock().now()) for each in definitions])
        begun = [answer.task for answer in answers if isinstance(answer, Applied)]
    with a_redis() as redis, a_postgres() as postgres:
        urls = [f"sqlite:///{first}", redis.url, postgres.url, f"sqlite:///{last}"]
        on_postgres = {"DATABASE_URL": postgres.url, "SCHEDULER_STORE": "postgres"}
        environments = [{"SCHEDULER_STORE_PATH": str(first)}, {"REDIS_URL": redis.url}, on_postgres]
        for place, environment in enumerate(environments):
            await moved(urls[place], urls[place + 1], environment, ledger, killed=place == 0)
        refused = await _refused({"SCHEDULER_STORE_PATH": str(first)})
    async with serving({"SCHEDULER_STORE_PATH": str(last)}):
        before = len(entries(ledger, "end"))
        await eventually(lambda: len(entries(ledger, "end")) >= before + TASKS)

    assert f"was moved to {redis.url}: serve that one" in refused
    async with open_sqlite_store(last, SystemClock(), SystemEntropy()) as store:
        for task in begun:
            await _check_decided_once(store, task)
    ended = Counter(entry["execution"] for entry in entries(ledger, "end"))
    assert set(ended.values()) == {1}


async def _refused(environment: dict[str, str]) -> str:
    """What a service says that must not serve this store."""
    service = Service(Path(mkdtemp()), environment)
    await service.launch()
    assert await service.ended() == 5
    return service.log()


async def _check_decided_once(store: SqlStore, begun: ScheduledTask) -> None:
    """Every second since a task was made ran, or lies in one Skip."""
    task = await store.tasks.get(begun.id)
    assert isinstance(task, ScheduledTask)
    page = await store.history.executions(ExecutionFilter(task_id=task.id), limit=1_000, cursor=None)
    runs = [each.execution.nominal_at for each in page.executions if each.execution.kind is ExecutionKind.AUTO]
    decided = Counter(runs)
    for skip in await store.history.skips(task.id, limit=1_000):
        decided.update(skip.first_at + place * SECOND for place in range((skip.last_at - skip.first_at) // SECOND + 1))
    first = begun.next_occurrence
    assert first is not None
    due = [first.nominal_at + place * SECOND for place in range((task.decided_until - first.nominal_at) // SECOND + 1)]
    assert decided == Counter(due)
