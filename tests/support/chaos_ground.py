"""Where a run takes place: which processes serve which store, how it is read, and what can go wrong with it."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from tests.support.chaos_control import FOLDER, LAUNCHER, LEASE, Controls
from tests.support.chaos_dump import Dump
from tests.support.chaos_plan import Kind, Trouble
from tests.support.service import Service

GRACE_SECONDS = 2
# Of those who share a server.
SCHEDULERS, WORKERS = 2, 3
# Eight processes that start at once on a busy machine.
READY_WITHIN_SECONDS = 90.0
LEASE_SECONDS = 3.0
# A task that has nothing to do for so long is at rest.
REST = timedelta(hours=1)

Deed = Callable[[Trouble], Awaitable[None]]


class Ground(Protocol):
    """A store and the processes over it, all of which are up from the beginning.

    `schedulers` fire, and serve the API; a child of each of `workers` runs handlers: on a file both are one process.
    Handlers are taken from a holder that is silent for `lease` seconds, and the API knows its clients as `asker`.
    """

    folder: Path
    controls: Controls
    schedulers: Sequence[Service]
    workers: Sequence[Service]
    lease: float
    asker: str

    @property
    def deeds(self) -> Mapping[Kind, Deed]:
        """The faults that the store and the machine can have; each returns when it is over."""

    def heal(self) -> None:
        """End whatever of `deeds` is under way."""

    async def is_undecided(self, until: int) -> bool:
        """True if a task is still to be looked at by this instant, microseconds since 1970."""

    async def is_open(self) -> bool:
        """True if an execution is not final."""

    async def restless(self) -> list[str]:
        """The ids of our tasks that are active, or will be by themselves."""

    async def dump(self) -> Dump:
        """What is in the store, which nobody writes to."""

    def is_sound(self) -> bool:
        """True if the store itself finds nothing wrong with what it keeps."""


Opening = Callable[[Path], AbstractAsyncContextManager[Ground]]


def services(ground: Ground) -> list[Service]:
    """Every process that is started by hand, the schedulers first."""
    return [*ground.schedulers, *(each for each in ground.workers if each not in ground.schedulers)]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The settings of every process of a run."""
    return {
        FOLDER: str(folder),
        "SCHEDULER_PROCESSORS": "tests.support.chaos_handlers:processors",
        "SCHEDULER_CONCURRENCY": "40",
        "SCHEDULER_GRACE": str(GRACE_SECONDS),
        **more,
    }


def a_cluster(folder: Path, **where: str) -> tuple[list[Service], list[Service]]:
    """Schedulers with dashboards, and workers, each with a folder of its own; `where` are the settings of the store."""
    token = secrets.token_hex(32)
    more = {**where, "SCHEDULER_ADMIN_TOKEN": token, LEASE: str(LEASE_SECONDS)}

    def a_service(name: str, roles: str) -> Service:
        home = folder / name
        home.mkdir()
        return Service(home, environment(folder, SCHEDULER_ROLES=roles, **more), LAUNCHER, token, READY_WITHIN_SECONDS)

    schedulers = [a_service(f"scheduler-{number + 1}", "scheduler,admin") for number in range(SCHEDULERS)]
    return schedulers, [a_service(f"worker-{number + 1}", "worker") for number in range(WORKERS)]


async def start(ground: Ground) -> None:
    """Start all of it: the first alone, which makes the store."""
    first, *others = services(ground)
    await first.start()
    async with asyncio.TaskGroup() as group:
        for each in others:
            group.create_task(each.start())


async def stop(ground: Ground) -> list[int]:
    """Stop all of it in order; the exit codes."""
    async with asyncio.TaskGroup() as group:
        endings = [group.create_task(each.stop()) for each in services(ground)]
    return [each.result() for each in endings]


async def end(ground: Ground) -> None:
    """End what is left of it."""
    for each in services(ground):
        if each.session is not None:
            await each.session.close()
        if each.process is not None and each.process.returncode is None:
            await each.kill()
