"""APScheduler 4, an alpha since 2021: schedules in its SQL data store, added one by one; it starts when all are there.

In the role of a scheduler it makes jobs, a transaction each, and runs none.
"""

import asyncio
import time
from datetime import UTC, datetime

from apscheduler import AsyncScheduler, Event, JobAdded, SchedulerRole
from apscheduler.datastores.sqlalchemy import SQLAlchemyDataStore
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.ext.asyncio import create_async_engine

from tests.benchmarks.peers.stopwatch import (
    Figures,
    HandOvers,
    due_after_adding,
    each_second,
    for_a_while,
    main,
    report,
)

# So many are added first to see how long the others will take, which a slow disk makes very long; they aren't due.
TRIED = 30
LATER_SECONDS = 3_600
handed_over = HandOvers()


async def noop() -> None:
    pass


def measure_burst(url: str, count: int) -> None:
    asyncio.run(_measure_burst(url, count))


async def _measure_burst(url: str, count: int) -> None:
    """The hand-over is the event of a job that was added to the store."""
    async with _scheduler(url) as scheduler:
        pace = await _add(scheduler, TRIED, due_at=time.time() + LATER_SECONDS)
        due_at = due_after_adding(count, at=pace["rate"] / 2)
        adding = await _add(scheduler, count, due_at)
        handed_over.expect(count, due_at, adding=adding)
        scheduler.subscribe(_note, {JobAdded})
        await scheduler.start_in_background()
        await asyncio.Event().wait()


def measure_adding(url: str, count: int) -> None:
    asyncio.run(_measure_adding(url, count))


async def _measure_adding(url: str, count: int) -> None:
    async with _scheduler(url) as scheduler:
        hourly = IntervalTrigger(hours=1, start_time=datetime.fromtimestamp(time.time() + LATER_SECONDS, UTC))
        added, began = 0, time.perf_counter()
        for added in for_a_while(count):
            await scheduler.add_schedule(noop, hourly, id=f"task {added}")
        report({"adding": each_second(added + 1, began)})


def _scheduler(url: str) -> AsyncScheduler:
    store = SQLAlchemyDataStore(create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://")))
    return AsyncScheduler(store, role=SchedulerRole.scheduler)


async def _add(scheduler: AsyncScheduler, count: int, due_at: float) -> Figures:
    """Schedules that are due together; how many came to be a second."""
    first = datetime.fromtimestamp(due_at, UTC)
    began = time.perf_counter()
    for number in range(count):
        # A trigger remembers how far it has come, so each schedule has its own.
        hourly = IntervalTrigger(hours=1, start_time=first)
        await scheduler.add_schedule(noop, hourly, id=f"task {number} of {count}")
    return each_second(count, began)


def _note(_: Event) -> None:
    handed_over()


if __name__ == "__main__":
    main({"burst": measure_burst, "adding": measure_adding})
