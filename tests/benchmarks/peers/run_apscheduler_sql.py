"""APScheduler 3: schedules in its SQL store, added one by one while the scheduler is paused.

It writes jobs back as it goes through those that are due, all in one transaction of its own each, and calls them in
the loop at the end of the pass.
"""

import asyncio
import time
from datetime import UTC, datetime

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from tests.benchmarks.peers.stopwatch import HandOvers, due_after_adding, each_second, for_a_while, main, report

handed_over = HandOvers()


async def noop() -> None:
    handed_over()


def measure_burst(url: str, count: int) -> None:
    asyncio.run(_measure_burst(url, count))


async def _measure_burst(url: str, count: int) -> None:
    """The hand-over is the call of the job's function."""
    scheduler = _paused(url)
    # Each is a transaction, which a slow disk makes long.
    due_at = due_after_adding(2 * count)
    hourly = IntervalTrigger(hours=1, start_date=datetime.fromtimestamp(due_at, UTC), timezone=UTC)
    began = time.perf_counter()
    for number in range(count):
        scheduler.add_job(noop, hourly, id=f"task {number}")
    handed_over.expect(count, due_at, adding=each_second(count, began))
    scheduler.resume()
    await asyncio.Event().wait()


def measure_adding(url: str, count: int) -> None:
    asyncio.run(_measure_adding(url, count))


async def _measure_adding(url: str, count: int) -> None:
    scheduler, hourly = _paused(url), IntervalTrigger(hours=1, timezone=UTC)
    added, began = 0, time.perf_counter()
    for added in for_a_while(count):
        scheduler.add_job(noop, hourly, id=f"task {added}")
    report({"adding": each_second(added + 1, began)})


def _paused(url: str) -> AsyncIOScheduler:
    scheduler = AsyncIOScheduler(
        jobstores={"default": SQLAlchemyJobStore(url.replace("postgresql://", "postgresql+psycopg://"))},
        executors={"default": AsyncIOExecutor()},
        job_defaults={"misfire_grace_time": None},
        timezone=UTC,
    )
    scheduler.start(paused=True)
    return scheduler


if __name__ == "__main__":
    main({"burst": measure_burst, "adding": measure_adding})
