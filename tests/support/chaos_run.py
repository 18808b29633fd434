"""One run of chaos from beginning to end: set up, load and faults, heal, quiesce, drain, stop.

The evidence lies in a folder: the ledger of the handlers, the journals of nemesis and clients, the logs, and the
store's file if it is one. Judging it is the checker's business and needs nothing else.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.support.chaos_client import Client
from tests.support.chaos_dump import Dump
from tests.support.chaos_ground import Ground, Opening, end, start, stop
from tests.support.chaos_nemesis import Nemesis, unleashed
from tests.support.chaos_plan import Trouble
from tests.support.chaos_watch import Life, Watch, left_over
from tests.support.repository import ROOT
from tests.support.service import eventually

CLIENTS = 3
CLIENT_PAUSE_SECONDS = 0.15
QUIET_WITHIN_SECONDS = 120.0


@dataclass(slots=True)
class Aftermath:
    """What only the harness can tell of a run: `marked_at` (stepped calendar) is what everything owed must reach.

    `lease` and `asker` are those of the ground (chaos_ground.py).
    """

    folder: Path
    lease: float = 30.0
    asker: str = "local"
    marked_at: int = 0
    codes: list[int] = field(default_factory=list)
    lives: dict[int, Life] = field(default_factory=dict)
    left_over: list[int] = field(default_factory=list)
    dump: Dump = field(default_factory=Dump)
    is_sound: bool = True


@dataclass(frozen=True, slots=True)
class Scene:
    """What a story is told with, on a ground where everything is up; `over` ends the clients' lives."""

    ground: Ground
    nemesis: Nemesis
    clients: Sequence[Client]
    over: asyncio.Event


Story = Callable[[Scene], Awaitable[None]]


def evidence_of(name: str) -> Path:
    """An empty folder for the evidence of a run."""
    folder = ROOT / "var" / "chaos" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def troubled(plan: tuple[Trouble, ...], *, with_poison: bool = False) -> Story:
    """Clients live while the nemesis carries out a plan."""
    return _lively(lambda nemesis: nemesis.carry_out(plan), with_poison=with_poison)


def held(plan: tuple[Trouble, ...], *, at_once: int) -> Story:
    """The same, but for every other `at_once` of the faults all firing is held."""

    async def carry_out(nemesis: Nemesis) -> None:
        for first in range(0, len(plan), at_once):
            is_held = first // at_once % 2 == 1
            async with nemesis.holding() if is_held else nullcontext():
                await nemesis.carry_out(plan[first : first + at_once])

    return _lively(carry_out)


def _lively(deeds: Callable[[Nemesis], Awaitable[None]], *, with_poison: bool = False) -> Story:
    async def story(scene: Scene) -> None:
        await scene.clients[0].settle_in(with_poison=with_poison)
        async with asyncio.TaskGroup() as load:
            for client in scene.clients:
                load.create_task(client.live(pause=CLIENT_PAUSE_SECONDS))
            await deeds(scene.nemesis)
            scene.over.set()

    return story


def in_turn(*stories: Story) -> Story:
    """One story after the other."""

    async def story(scene: Scene) -> None:
        for each in stories:
            await each(scene)

    return story


async def unleash(opening: Opening, folder: Path, seed: int, story: Story) -> Aftermath:
    """Lead a run through a story; every process has stopped when this returns."""
    async with opening(folder) as ground:
        aftermath = Aftermath(folder, ground.lease, ground.asker)
        watch, quiet = Watch(ground), asyncio.Event()
        try:
            async with unleashed(ground) as nemesis, asyncio.TaskGroup() as group:
                await start(ground)
                group.create_task(watch.look_on(quiet))
                scene = Scene(ground, nemesis, _clients(ground, seed, over := asyncio.Event()), over)
                await story(scene)
                await _come_to_rest(aftermath, scene)
                watch.look()
                aftermath.codes = [*nemesis.codes, *await stop(ground)]
                quiet.set()
        finally:
            await end(ground)
        aftermath.dump = await ground.dump()
        aftermath.is_sound = ground.is_sound()
    aftermath.lives = watch.lives
    aftermath.left_over = left_over(folder)
    return aftermath


def _clients(ground: Ground, seed: int, over: asyncio.Event) -> list[Client]:
    known: dict[str, str] = {}
    return [
        Client(ground, Random(f"{seed}/{number}"), f"client{number}", number, known, over) for number in range(CLIENTS)
    ]


async def _come_to_rest(aftermath: Aftermath, scene: Scene) -> None:
    """Heal; wait until everything owed by then is decided; pause all for good; wait until nothing is open."""
    ground = scene.ground
    scene.nemesis.heal()
    await scene.nemesis.raise_fallen()
    aftermath.marked_at = marked_at = ground.controls.wall()

    async def is_decided() -> bool:
        return not await ground.is_undecided(marked_at)

    async def is_done() -> bool:
        return not await ground.is_open()

    await eventually(is_decided, within=QUIET_WITHIN_SECONDS)
    scene.over.clear()
    for task_id in await ground.restless():
        await scene.clients[0].put_to_rest(task_id)
    await eventually(is_done, within=QUIET_WITHIN_SECONDS)
