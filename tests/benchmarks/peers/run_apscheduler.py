"""APScheduler 3: jobs in its Redis store, called in its own process, as it has no workers; nothing is too late for it.

Coroutines on the event loop are its faster way; in threads it calls earlier jobs earlier, and the last one later.
"""

import asyncio
import time
from datetime import UTC, datetime

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.redis import RedisJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from tests.benchmarks.peers.stopwatch import HandOvers, due_after_adding, each_second, main

handed_over = HandOvers()


async def noop() -> None:
    handed_over()


def measure_burst(url: str, count: int) -> None:
    asyncio.run(_measure_burst(url, count))


async def _measure_burst(url: str, count: int) -> None:
    """The hand-over is the call of the job's function."""
    port = int(url.rpartition(":")[2].partition("/")[0])
    scheduler = AsyncIOScheduler(
        jobstores={"default": RedisJobStore(host="127.0.0.1", port=port)},
        executors={"default": AsyncIOExecutor()},
        job_defaults={"misfire_grace_time": None},
        timezone=UTC,
    )
    scheduler.start(paused=True)
    due_at = due_after_adding(count)
    hourly = IntervalTrigger(hours=1, start_date=datetime.fromtimestamp(due_at, UTC), timezone=UTC)
    began = time.perf_counter()
    for number in range(count):
        scheduler.add_job(noop, hourly, id=f"task {number}")
    handed_over.expect(count, due_at, adding=each_second(count, began))
    scheduler.resume()
    await asyncio.Event().wait()


if __name__ == "__main__":
    main({"burst": measure_burst})
