"""A burst: many tasks due at one instant, and in the middle of it a scheduler and a worker die."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta

from domain.scheduling.identifiers import instant_of
from domain.scheduling.mutation import Mutation
from domain.scheduling.schedule import IntervalSchedule
from tests.support.builders import a_creation, a_definition
from tests.support.chaos_control import MICROSECONDS, Controls
from tests.support.chaos_ground import Ground
from tests.support.chaos_handlers import TYPE
from tests.support.chaos_ledger import LEDGER
from tests.support.chaos_on_postgres import PostgresGround
from tests.support.chaos_on_redis import RedisGround
from tests.support.chaos_plan import IN_A_BURST, Trouble
from tests.support.chaos_run import Scene, Story
from tests.support.service import eventually

# The schedulers read ahead of the instant and write at it.
ARMED_BEFORE_SECONDS = 0.05
# Before the instant everything must be stored.
LEAD_SECONDS = 3.0
STORED_PER_SECOND = 1_000
STARTED_WITHIN_SECONDS = 60.0
# So that whoever is killed has something in its hands.
BUSY_SECONDS = 0.2


def burst(count: int) -> Story:
    """So many yearly tasks; a scheduler dies at the instant (IN_A_BURST), a worker when a tenth has begun."""

    async def story(scene: Scene) -> None:
        ground = scene.ground
        assert isinstance(ground, RedisGround | PostgresGround)
        at = ground.controls.wall() + round((LEAD_SECONDS + count / STORED_PER_SECOND) * MICROSECONDS)
        await ground.add(list(_creations(ground, count, at)))
        left = _seconds_until(at, ground.controls)
        assert left > ARMED_BEFORE_SECONDS, "the tasks were stored too late to be a burst"
        await asyncio.sleep(left - ARMED_BEFORE_SECONDS)
        death, killing = IN_A_BURST
        async with asyncio.TaskGroup() as both:
            both.create_task(scene.nemesis.strike(death))
            both.create_task(_strike_amid(scene, killing, count // 10))

    return story


async def _strike_amid(scene: Scene, trouble: Trouble, begun: int) -> None:
    """Strike as soon as so many handlers have begun."""
    ledger = scene.ground.folder / LEDGER

    def is_amid() -> bool:
        return ledger.exists() and ledger.read_bytes().count(b'"what":"start"') >= begun

    await eventually(is_amid, within=STARTED_WITHIN_SECONDS)
    await scene.nemesis.strike(trouble)


def _creations(ground: Ground, count: int, at: int) -> Iterator[Mutation]:
    payload = json.dumps({"folder": str(ground.folder), "seconds": BUSY_SECONDS})
    yearly = IntervalSchedule(timedelta(days=365), instant_of(at))
    now = instant_of(ground.controls.wall())
    for number in range(count):
        definition = a_definition(
            f"burst {number}", schedule=yearly, task_type=TYPE, handler="wait", payload_json=payload
        )
        yield a_creation(definition, at=now, task_id=f"{number:032x}")


def _seconds_until(at: int, controls: Controls) -> float:
    return (at - controls.wall()) / MICROSECONDS
