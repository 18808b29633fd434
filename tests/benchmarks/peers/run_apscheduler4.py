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

from tests.benchmarks.peers.stopwatch import HandOvers, due_after_adding, each_second, main

handed_over = HandOvers()


async def noop() -> None:
    pass


def measure_burst(url: str, count: int) -> None:
    asyncio.run(_measure_burst(url, count))


async def _measure_burst(url: str, count: int) -> None:
    """The hand-over is the event of a job that was added to the store."""
    store = SQLAlchemyDataStore(create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://")))
    async with AsyncScheduler(store, role=SchedulerRole.scheduler) as scheduler:
        # It adds fewer a second than the others.
        due_at = due_after_adding(3 * count)
        hourly = IntervalTrigger(hours=1, start_time=datetime.fromtimestamp(due_at, UTC))
        began = time.perf_counter()
        for number in range(count):
            await scheduler.add_schedule(noop, hourly, id=f"task {number}")
        handed_over.expect(count, due_at, adding=each_second(count, began))
        scheduler.subscribe(_note, {JobAdded})
        await scheduler.start_in_background()
        await asyncio.Event().wait()


def _note(_: Event) -> None:
    handed_over()


if __name__ == "__main__":
    main({"burst": measure_burst})
