"""huey: periodic tasks, which stand in the program's code alone, and its consumer's threads; no results are stored."""

import threading
import time
from typing import Any

from huey import Huey, crontab
from huey.consumer import Scheduler
from huey.storage import RedisStorage

from tests.benchmarks.peers.stopwatch import Countdown, HandOvers, main

# The fastest of 1 to 4 threads.
WORKERS = 4


class TimedStorage(RedisStorage):  # type: ignore[misc]  # huey has no types
    """Stamps each task that is in Redis."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.handed_over = HandOvers()

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        super().enqueue(data, priority)
        self.handed_over()


def measure_burst(url: str, count: int) -> None:
    """The scheduler's first look is due when it is made; a schedule is a decorated function, and nothing is added."""
    huey = Huey("bench", storage_class=TimedStorage, results=False, url=url)
    for number in range(count):
        huey.periodic_task(crontab(minute="*"), name=f"task {number}")(_nothing)
    scheduler = Scheduler(huey, threading.Event(), interval=1, periodic=True)
    huey.storage.handed_over.expect(count, time.time())
    scheduler.loop()


def measure_worker(url: str, count: int) -> None:
    """Everything is in the queue before the consumer starts."""
    huey = Huey("bench", storage_class=RedisStorage, results=False, url=url)
    noop = huey.task(name="noop")(Countdown(count).__call__)
    for _ in range(count):
        noop()
    huey.create_consumer(workers=WORKERS, periodic=False).start()
    threading.Event().wait()


def _nothing() -> None:
    pass


if __name__ == "__main__":
    main({"burst": measure_burst, "worker": measure_worker})
