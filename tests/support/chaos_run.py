"""One run of chaos from beginning to end: set up, load and faults, heal, quiesce, drain, stop.

The evidence lies in a folder: the store's file, the ledger of the handlers, the journals of nemesis and clients, the
service's log. Judging it is the checker's business and needs nothing else.
"""

import asyncio
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.support.chaos_client import Client
from tests.support.chaos_control import Controls
from tests.support.chaos_launcher import FOLDER, MODULE
from tests.support.chaos_nemesis import GRACE_SECONDS, Nemesis, unleashed
from tests.support.chaos_plan import Trouble
from tests.support.chaos_watch import Life, Watch, left_over
from tests.support.repository import ROOT
from tests.support.service import Service, eventually

CLIENTS = 3
CLIENT_PAUSE_SECONDS = 0.15
QUIET_WITHIN_SECONDS = 120.0
STORE = "scheduler.db"
_OPEN = "SELECT count(*) FROM executions WHERE state IN ('waiting', 'pending', 'running', 'retry_wait')"
_OWED = "SELECT count(*) FROM tasks WHERE status = 'active' AND deleted_at IS NULL AND look_at <= ?"
# A pause that ends by itself is no rest: its task would begin again while the run waits for its last execution.
_RESTLESS = (
    "SELECT id FROM tasks WHERE deleted_at IS NULL AND task_type = 'chaos'"
    " AND (status = 'active' OR (status = 'paused' AND look_at IS NOT NULL))"
)


@dataclass(slots=True)
class Aftermath:
    """What only the harness can tell of a run: `marked_at` (stepped calendar) is what everything owed must reach."""

    folder: Path
    marked_at: int = 0
    healed: float = 0.0
    codes: list[int] = field(default_factory=list)
    lives: dict[int, Life] = field(default_factory=dict)
    left_over: list[int] = field(default_factory=list)


def evidence_of(name: str) -> Path:
    """An empty folder for the evidence of a run."""
    folder = ROOT / "var" / "chaos" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


async def unleash(folder: Path, seed: int, plan: tuple[Trouble, ...], *, with_poison: bool = False) -> Aftermath:
    """Lead a run through a plan; the service has stopped when this returns."""
    controls, aftermath = Controls(folder), Aftermath(folder)
    service = Service(folder, _environment(folder), MODULE)
    over, quiet, known = asyncio.Event(), asyncio.Event(), dict[str, str]()
    clients = [
        Client(service, controls, folder, Random(f"{seed}/{number}"), f"client{number}", known, over)
        for number in range(CLIENTS)
    ]
    watch = Watch(service, folder)
    try:
        async with unleashed(service, controls, folder) as nemesis, asyncio.TaskGroup() as group:
            await service.start()
            group.create_task(watch.look_on(quiet))
            await clients[0].settle_in(with_poison=with_poison)
            async with asyncio.TaskGroup() as load:
                for client in clients:
                    load.create_task(client.live(pause=CLIENT_PAUSE_SECONDS))
                await nemesis.carry_out(plan)
                over.set()
            await _come_to_rest(aftermath, nemesis, clients[0], controls)
            watch.look()
            aftermath.codes = [*nemesis.codes, await service.stop()]
            quiet.set()
    finally:
        await _end(service)
    aftermath.lives = watch.lives
    aftermath.left_over = left_over(folder)
    return aftermath


async def _come_to_rest(aftermath: Aftermath, nemesis: Nemesis, client: Client, controls: Controls) -> None:
    """Heal; wait until everything owed by then is decided; pause all for good; wait until nothing is open."""
    nemesis.heal()
    await nemesis.raise_fallen()
    aftermath.healed, aftermath.marked_at = time.monotonic(), controls.wall()
    path = aftermath.folder / STORE
    await eventually(lambda: not _count(path, _OWED, aftermath.marked_at), within=QUIET_WITHIN_SECONDS)
    client.over.clear()
    for task_id in _column(path, _RESTLESS):
        await client.put_to_rest(task_id)
    await eventually(lambda: not _count(path, _OPEN), within=QUIET_WITHIN_SECONDS)


async def _end(service: Service) -> None:
    if service.session is not None:
        await service.session.close()
    if service.process is not None and service.process.returncode is None:
        await service.kill()


def _environment(folder: Path) -> dict[str, str]:
    return {
        FOLDER: str(folder),
        "SCHEDULER_PROCESSORS": "tests.support.chaos_handlers:processors",
        "SCHEDULER_CONCURRENCY": "40",
        "SCHEDULER_GRACE": str(GRACE_SECONDS),
    }


def _column(path: Path, question: str, *parameters: int) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(question, parameters)]


def _count(path: Path, question: str, *parameters: int) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(question, parameters).fetchone()[0])
