"""The tasks of a chaos run: every kind of schedule, policy and handler, as often as the product allows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from tests.support.chaos_handlers import TYPE

OVERLAPS = ("skip", "queue_one", "cancel_previous", "allow")
MISFIRES = ("latest", "earliest", "all", "skip")
SCHEDULES = (
    ("cron", "* * * * * *", "UTC"),
    ("cron", "*/2 * * * * *", "Europe/Berlin"),
    ("cron", "5-55/5,7 * * * * *", "America/St_Johns"),
    ("interval", "1s", "UTC"),
    ("interval", "2s", "UTC"),
    ("interval", "3s", "Asia/Kathmandu"),
)
QUICKLY = {"kind": "fixed", "initial": "1s"}

Body = dict[str, Any]


def tasks(folder: Path) -> Iterator[Body]:
    """What there is from the beginning."""
    for index, overlap in enumerate(OVERLAPS):
        schedule, other = SCHEDULES[index], SCHEDULES[-1 - index]
        yield a_task(folder, f"quick {overlap}", schedule, policy={"overlap": overlap})
        yield a_task(folder, f"long {overlap}", schedule, seconds=2.6, policy={"overlap": overlap})
        yield a_task(folder, f"thread {overlap}", other, "thread", seconds=1.4, policy={"overlap": overlap})
    for misfire in MISFIRES:
        policy = {"misfire": misfire, "overlap": "allow", "catch_up_max": 10}
        yield a_task(folder, f"misfire {misfire}", ("cron", "*/2 * * * * *", "UTC"), policy=policy)
        yield a_task(
            folder, f"misfire {misfire}, one at a time", ("interval", "1s", "UTC"), policy={"misfire": misfire}
        )
    yield a_task(folder, "grace", ("cron", "* * * * * *", "UTC"), policy={"grace": "2s", "misfire": "earliest"})
    yield a_task(folder, "jitter", ("interval", "3s", "UTC"), policy={"jitter": "2s"})
    yield a_task(folder, "jitter, every second", ("cron", "* * * * * *", "UTC"), policy={"jitter": "1s"})
    yield a_task(folder, "limited", ("interval", "1s", "UTC"), policy={"max_runs": 7})
    yield a_task(folder, "blocking", ("interval", "4s", "UTC"), "block", seconds=0.3)
    yield a_task(folder, "flaky", ("interval", "3s", "UTC"), failures=2, policy={"overlap": "queue_one"})
    yield a_task(folder, "flaky beside itself", ("interval", "2s", "UTC"), failures=1, policy={"overlap": "allow"})
    yield a_task(folder, "doomed", ("interval", "2s", "UTC"), failures=9, max_retries=1, policy={"fail_after": None})
    yield a_task(folder, "doomed and stopped", ("interval", "1s", "UTC"), failures=9, max_retries=0)
    yield a_task(folder, "too slow", ("interval", "5s", "UTC"), seconds=30, max_retries=0, policy=_too_slow())


def a_task(
    folder: Path,
    name: str,
    schedule: tuple[str, str, str],
    handler: str = "wait",
    *,
    seconds: float = 0.0,
    failures: int = 0,
    max_retries: int = 2,
    policy: Body | None = None,
) -> Body:
    """One task as the API wants it."""
    schedule_type, text, timezone = schedule
    return {
        "name": name,
        "task_type": TYPE,
        "handler": handler,
        "schedule_type": schedule_type,
        "schedule": text,
        "timezone": timezone,
        "max_retries": max_retries,
        "payload": {"folder": str(folder), "seconds": seconds, "failures": failures},
        "policy": {"backoff": QUICKLY, **(policy or {})},
    }


def another_task(folder: Path, name: str, random: Random, now_seconds: int) -> Body:
    """One that somebody thinks of meanwhile: one-time, soon or in the past, or any schedule with any overlap."""
    if random.random() < 0.5:
        return a_task(folder, name, random.choice(SCHEDULES), policy={"overlap": random.choice(OVERLAPS)})
    at = now_seconds + random.randint(-3, 4)
    body = a_task(folder, name, ("one_time", iso(at), "UTC"), failures=random.randint(0, 1))
    return {**body, "if_past": "run_now"}


def a_poison(folder: Path, now_seconds: int) -> Body:
    """A task whose one execution ends every process that runs it."""
    return a_task(folder, "poison", ("one_time", iso(now_seconds + 1), "UTC"), "poison")


def iso(seconds: int) -> str:
    """A calendar instant as text."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _too_slow() -> Body:
    return {"timeout": "1s", "fail_after": None}
