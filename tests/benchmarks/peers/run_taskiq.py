"""Taskiq: schedules in its list source, messages in its list broker, all in Redis, on uvloop; no results are stored."""

import time
from math import floor
from typing import Any

import uvloop
from taskiq import ScheduledTask, TaskiqScheduler
from taskiq.api import run_receiver_task, run_scheduler_task
from taskiq_redis import ListQueueBroker, ListRedisScheduleSource

from tests.benchmarks.peers.stopwatch import Countdown, Figures, HandOvers, each_second, main

# The fastest of 1 to 50 connections, and of 1 to 1,000 at once.
CONNECTIONS = 5
CONCURRENCY = 100
# On a busy machine the client's own (5 s for an answer, 20 s for a connection) lose messages of a burst.
PATIENCE = {"socket_timeout": 60, "socket_connect_timeout": 60, "timeout": 60}


class TimedSource(ListRedisScheduleSource):  # type: ignore[misc]  # not installed where types are checked
    """Stamps each message that is in Redis."""

    def __init__(self, url: str) -> None:
        super().__init__(url, max_connection_pool_size=CONNECTIONS, buffer_size=1_000)
        self.handed_over = HandOvers()
        self.adding: Figures = {}

    async def get_schedules(self) -> Any:
        """An interval that never ran is due at the whole second after it was loaded."""
        schedules = await super().get_schedules()
        self.handed_over.expect(len(schedules), floor(time.time()) + 1, adding=self.adding)
        return schedules

    async def post_send(self, task: Any) -> None:
        self.handed_over()


def measure_burst(url: str, count: int) -> None:
    uvloop.run(_measure_burst(url, count))


def measure_worker(url: str, count: int) -> None:
    uvloop.run(_measure_worker(url, count))


async def _measure_burst(url: str, count: int) -> None:
    broker = ListQueueBroker(url, max_connection_pool_size=CONNECTIONS, **PATIENCE)
    source = TimedSource(url)
    broker.task(task_name="noop")(_nothing)
    began = time.perf_counter()
    for number in range(count):
        hourly = ScheduledTask(
            task_name="noop", labels={}, args=[], kwargs={}, schedule_id=f"task {number}", interval=3600
        )
        await source.add_schedule(hourly)
    source.adding = each_second(count, began)
    await run_scheduler_task(TaskiqScheduler(broker, [source]), run_startup=True)


async def _measure_worker(url: str, count: int) -> None:
    """Everything is in the queue before the worker starts."""
    broker = ListQueueBroker(url, max_connection_pool_size=CONNECTIONS)
    countdown = Countdown(count)

    async def noop() -> None:
        countdown()

    task = broker.task(task_name="noop")(noop)
    await broker.startup()
    for _ in range(count):
        await task.kiq()
    await run_receiver_task(broker, max_async_tasks=CONCURRENCY)


async def _nothing() -> None:
    pass


if __name__ == "__main__":
    main({"burst": measure_burst, "worker": measure_worker})
