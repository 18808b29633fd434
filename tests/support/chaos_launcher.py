"""`python -m tests.support.chaos_launcher`: the real service, with faults that only its inside can have.

What is changed is changed before the entrypoint runs: the calendar clock has the controls' offset (the stop-watch is
untouched), a leap of it is waited out for seconds instead of a minute (or a run would do little else), a process ends
itself at an armed store write, and the disk is full when the controls say so. The lease may be a short one, and nothing
is pruned for being too much, as the checker wants to see all of it. The worker child is started through here as well.
"""

import asyncio
import os
import runpy
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.redis.pruning import Limits
from adapters.redis.script import Script
from adapters.redis.server import Reply, Server
from adapters.sql.engine import Database
from adapters.system.clock import SystemClock
from application.scheduling.services import rescue_stuck, watch_clock
from application.scheduling.services.keep_claims import KeepClaims
from application.scheduling.services.perform_executions import PerformExecutions
from application.scheduling.services.rescue_stuck import RescueStuck
from entrypoints import service
from entrypoints.supervisor import Supervisor
from tests.support.chaos_control import FOLDER, LAUNCHER, LEASE, Cell, Controls
from tests.support.chaos_ledger import NEMESIS, append

SCHEDULER, WORKER = "entrypoints.scheduler", "entrypoints.worker"
# SQLite takes no smaller number than the pages there are, and no larger one than this.
PAGES_MIN, PAGES_MAX = 1, 0xFFFFFFFE
HOLD = timedelta(seconds=3)
KEPT_MAX = 1_000_000_000
STEPS = frozenset({"fire", "write", "claim", "release"})


def step_clock(controls: Controls) -> None:
    """Give the calendar clock of this process the controls' offset."""
    true_now = SystemClock.now

    @wraps(true_now)
    def now(self: SystemClock) -> datetime:
        return true_now(self) + timedelta(microseconds=controls[Cell.OFFSET])

    SystemClock.now = now  # type: ignore[method-assign]  # the clock under test


def haunt_writes(controls: Controls, cell: Cell, journal: Path) -> None:
    """End this process at an armed write, before or after its commit; refuse to grow while the disk is full."""
    true_writing = Database.writing

    @asynccontextmanager
    async def writing(self: Database, doing: str) -> AsyncIterator[AsyncConnection]:
        last = controls.counted_down(cell)
        async with true_writing(self, doing) as connection:
            if connection.dialect.name == "sqlite":
                pages = PAGES_MIN if controls[Cell.DISK_FULL] else PAGES_MAX
                await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            yield connection
            if last < 0:
                _die(journal, f"before the commit of {doing}")
        if last > 0:
            _die(journal, f"after the commit of {doing}")

    Database.writing = writing  # type: ignore[method-assign]  # the store under test


def haunt_scripts(controls: Controls, cell: Cell, journal: Path) -> None:
    """End this process at an armed script of those by which work moves, before it is sent or after its answer."""
    true_call = Server.call

    @wraps(true_call)
    async def call(self: Server, script: Script, *request: Any, **options: Any) -> Reply:
        last = controls.counted_down(cell) if script.name in STEPS else 0
        if last < 0:
            _die(journal, f"before the commit of {script.name}")
        reply = await true_call(self, script, *request, **options)
        if last > 0:
            _die(journal, f"after the commit of {script.name}")
        return reply

    Server.call = call  # type: ignore[method-assign]  # the store under test


def shorten_lease(lease: timedelta) -> None:
    """Have everybody judge silence by this lease, and look as much more often."""
    for kind in (RescueStuck, PerformExecutions, KeepClaims, Supervisor):
        _set_default(kind, "lease", lease)
    service.RESCUE_EVERY *= lease / rescue_stuck.LEASE


def keep_everything() -> None:
    """Have a store with limits of number keep what a run makes, however much of one task."""
    for name in ("of_task", "in_all", "changes_of_task"):
        _set_default(Limits, name, KEPT_MAX)


def _set_default(kind: type, name: str, value: object) -> None:
    """Give another default to a field of a dataclass."""
    make: Any = kind.__init__  # type: ignore[misc]  # of the class itself
    names = [each.name for each in signature(make).parameters.values() if each.default is not Parameter.empty]
    make.__defaults__ = tuple(
        value if each == name else default for each, default in zip(names, make.__defaults__, strict=True)
    )


def adopt_children() -> None:
    """Have the worker child started through this module."""
    true_exec = asyncio.create_subprocess_exec

    @wraps(true_exec)
    async def create(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        if command[1:3] == ("-m", WORKER):
            command = (command[0], "-m", LAUNCHER, *command[2:])
        return await true_exec(*command, **options)

    asyncio.create_subprocess_exec = create


def _die(journal: Path, where: str) -> None:
    append(journal, what="death", pid=os.getpid(), because=where)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Change what is to be changed and become the entrypoint."""
    environment = os.environ  # noqa: TID251 - the harness's own settings
    folder = Path(environment[FOLDER])
    module = SCHEDULER
    if sys.argv[1:2] == [WORKER]:
        module = sys.argv.pop(1)
    controls = Controls(folder)
    step_clock(controls)
    watch_clock.HOLD = HOLD
    cell = Cell.WORKER_WRITES if module == WORKER else Cell.SCHEDULER_WRITES
    # Who only watches over workers is not counted: hardly anything that it writes would ever come.
    if module == WORKER or "scheduler" in environment.get("SCHEDULER_ROLES", "scheduler"):
        haunt_writes(controls, cell, folder / NEMESIS)
        haunt_scripts(controls, cell, folder / NEMESIS)
    if LEASE in environment:
        shorten_lease(timedelta(seconds=float(environment[LEASE])))
    keep_everything()
    adopt_children()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
