"""Procrastinate: periodic tasks, which stand in the program's code alone, and its worker, which keeps no ended job."""

import asyncio
import time
from typing import Any

from procrastinate import App, PsycopgConnector, jobs
from procrastinate.periodic import PeriodicDeferrer

from tests.benchmarks.peers.stopwatch import Countdown, HandOvers, main

CONCURRENCY = 100
DEFERRED_AT_ONCE = 1_000
handed_over = HandOvers()


def measure_burst(url: str, count: int) -> None:
    asyncio.run(_measure_burst(url, count))


async def _measure_burst(url: str, count: int) -> None:
    """The deferrer's first look is due when it is made; a job is handed over when the deferrer comes to the next."""
    app = App(connector=PsycopgConnector(conninfo=url), periodic_defaults={"max_delay": 3_600})
    for number in range(count):
        app.periodic(cron="0 * * * *", periodic_id=str(number))(app.task(name=f"task {number}")(_nothing))
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        deferrer = PeriodicDeferrer(app.periodic_registry, max_delay=3_600)
        due = list(deferrer.get_previous_tasks(at=time.time()))
        handed_over.expect(count, time.time())
        for each in due:
            await deferrer.defer_jobs([each])
            handed_over()


def measure_worker(url: str, count: int) -> None:
    asyncio.run(_measure_worker(url, count))


async def _measure_worker(url: str, count: int) -> None:
    """Everything is in the queue before the worker starts."""
    app = App(connector=PsycopgConnector(conninfo=url))
    called = Countdown(count)

    @app.task(name="noop")  # type: ignore[untyped-decorator]  # not installed where types are checked
    async def noop() -> None:
        called()

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for first in range(0, count, DEFERRED_AT_ONCE):
            await noop.batch_defer_async(*[{} for _ in range(first, min(first + DEFERRED_AT_ONCE, count))])
        await app.run_worker_async(
            concurrency=CONCURRENCY, delete_jobs=jobs.DeleteJobCondition.ALWAYS, install_signal_handlers=False
        )


async def _nothing(timestamp: int, **_: Any) -> None:
    pass


if __name__ == "__main__":
    main({"burst": measure_burst, "worker": measure_worker})
