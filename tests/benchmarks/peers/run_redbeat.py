"""Celery: its beat with the entries of RedBeat in Redis, and its worker; nothing that can be left out is done."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery, signals
from celery.beat import Service
from celery.schedules import schedule
from redbeat import RedBeatScheduler, RedBeatSchedulerEntry

from tests.benchmarks.peers.stopwatch import Countdown, HandOvers, due_after_adding, each_second, main

HOUR = timedelta(hours=1)
# A little faster here than one process without threads; processes of its own would count each for itself.
THREADS = 4
# Beat ends itself when its lock runs out, and of itself the lock is as short as five of its looks, here of a second.
LOCK_SECONDS = 300


def the_app(url: str) -> Celery:
    app = Celery("bench", broker=url)
    app.conf.update(
        redbeat_redis_url=url,
        redbeat_lock_timeout=LOCK_SECONDS,
        task_ignore_result=True,
        task_send_sent_event=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        worker_prefetch_multiplier=0,
        worker_redirect_stdouts=False,
        timezone="UTC",
    )
    return app


def measure_burst(url: str, count: int) -> None:
    """The hand-over is when beat has published the message."""
    app = the_app(url)
    app.task(name="noop")(_nothing)
    due_at = due_after_adding(count)
    last_run_at = datetime.fromtimestamp(due_at, UTC) - HOUR
    began = time.perf_counter()
    for number in range(count):
        hourly = schedule(HOUR, app=app)
        RedBeatSchedulerEntry(f"task {number}", "noop", hourly, last_run_at=last_run_at, app=app).save()
    handed_over = HandOvers()
    handed_over.expect(count, due_at, adding=each_second(count, began))

    def published(**_: Any) -> None:
        handed_over()

    signals.after_task_publish.connect(published)
    Service(app, max_interval=1, scheduler_cls=RedBeatScheduler).start()


def measure_worker(url: str, count: int) -> None:
    """Everything is in the queue before the worker starts."""
    app = the_app(url)
    countdown = Countdown(count)

    @app.task(name="noop")  # type: ignore[untyped-decorator]  # not installed where types are checked
    def noop() -> None:
        countdown()

    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(count):
            noop.apply_async(producer=producer)
    options = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
    app.Worker(pool="threads", concurrency=THREADS, loglevel="ERROR", quiet=True, **options).start()


def _nothing() -> None:
    pass


if __name__ == "__main__":
    main({"burst": measure_burst, "worker": measure_worker})
