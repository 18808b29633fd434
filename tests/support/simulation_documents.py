"""The tasks of a simulation as people write them: every kind of schedule, every policy, most of them unwise."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from random import Random
from typing import Any

from domain.scheduling.policy import Misfire, Overlap
from tests.support.checker_secrets import CANARY
from tests.support.simulation_handlers import DEEDS

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns")
CRONS = (
    "*/30 * * * *",
    "7,37 * * * *",
    "0 * * * *",
    "15 */2 * * *",
    "30 2 * * *",
    "30 1 * * *",
    "0 2,3 * * *",
    "5 0-6 * * *",
    "*/20 9-17 * * *",
    "0 12 * * MON-SUN",
)
INTERVALS = ("11m", "17m", "29m", "30m", "1h", "95m", "3h")
ON_THE_BRINK = 3
POLICIES = tuple(product(Misfire, Overlap))


def documents(dice: Random, count: int, now: datetime) -> Iterator[dict[str, Any]]:
    """So many tasks, as the API takes them; every pair of misfire and overlap is among them."""
    for number in range(count):
        misfire, overlap = POLICIES[number % len(POLICIES)]
        yield {
            "name": f"task-{number}",
            "task_type": "absent" if number == 7 else dice.choice(("mail", "mail", "mail", "rare")),
            "payload": a_payload(dice),
            "max_retries": dice.choice((0, 1, 3)),
            "policy": a_policy(dice, now) | {"misfire": misfire.value, "overlap": overlap.value},
            **a_schedule(dice, now),
            **(_on_the_brink() if number >= count - ON_THE_BRINK else {}),
        }


def _on_the_brink() -> dict[str, Any]:
    """A task that is stopped by its failing execution at the very moment the next one is decided."""
    return {
        "schedule_type": "interval",
        "schedule": "11m",
        "timezone": "UTC",
        "payload": {"do": "brink", "password": CANARY},
        "policy": {"overlap": "allow", "fail_after": 1, "timeout": "15m"},
    }


def external(dice: Random, number: int) -> dict[str, Any]:
    """A task whose executions are only delivered."""
    return {
        "name": f"external-{number}",
        "task_type": "foreign",
        "schedule_type": "interval",
        "schedule": dice.choice(INTERVALS),
        "payload": a_payload(dice),
        "policy": {"misfire": dice.choice(tuple(Misfire)).value, "overlap": Overlap.ALLOW.value},
    }


def prompt(dice: Random, name: str, end: datetime) -> dict[str, Any]:
    """A task that is often due, fails often and is soon tried again."""
    return {
        "name": name,
        "task_type": "mail",
        "schedule_type": "interval",
        "schedule": f"{dice.choice((5, 10, 15))}s",
        "payload": {"do": dice.choice(("ok", "flaky", "fail")), "password": CANARY},
        "max_retries": 3,
        "policy": {
            "overlap": dice.choice(tuple(Overlap)).value,
            "backoff": {"kind": "fixed", "initial": "5s"},
            "fail_after": None,
            "end_at": end.isoformat(),
        },
    }


def a_payload(dice: Random) -> dict[str, Any]:
    """What to do, and a secret that nobody must ever see again."""
    return {"do": dice.choice(DEEDS), "password": CANARY}


def a_schedule(dice: Random, now: datetime) -> dict[str, Any]:
    """Some schedule that begins soon."""
    match dice.choice(("cron", "cron", "interval", "interval", "one_time")):
        case "cron":
            return {"schedule_type": "cron", "schedule": dice.choice(CRONS), "timezone": dice.choice(ZONES)}
        case "interval":
            return {"schedule_type": "interval", "schedule": dice.choice(INTERVALS), "timezone": "UTC"}
    at = now + timedelta(minutes=dice.uniform(5, 900))
    return {"schedule_type": "one_time", "schedule": at.isoformat(), "timezone": "UTC"}


def a_policy(dice: Random, now: datetime) -> dict[str, Any]:
    """Everything but misfire and overlap."""
    kind = dice.choice(("fixed", "linear", "exponential", "list"))
    backoff: dict[str, Any] = {"kind": kind, "initial": "20s", "cap": "5m"}
    return {
        "backoff": backoff | ({"delays": ["5s", "40s"]} if kind == "list" else {}),
        "timeout": dice.choice(("30s", "2m", "15m")),
        "grace": dice.choice((None, None, "1s", "90s", "20m")),
        "jitter": dice.choice(("0s", "0s", "40s", "10m")),
        "max_runs": dice.choice((None, None, None, None, 6)),
        "end_at": dice.choice((None,) * 6 + ((now + timedelta(hours=dice.uniform(2, 20))).isoformat(),)),
        "fail_after": dice.choice((None, 1, 3, 3)),
        "catch_up_max": dice.choice((2, 100)),
    }


def a_patch(dice: Random, now: datetime, *, reschedule: bool) -> dict[str, Any]:
    """A change of the schedule, or of something that leaves it alone."""
    if reschedule:
        return a_schedule(dice, now)
    misfire, overlap = dice.choice(POLICIES)
    change = {"misfire": misfire.value, "overlap": overlap.value}
    match dice.choice(("payload", "policy", "policy", "policy", "all")):
        case "payload":
            return {"payload": a_payload(dice)}
        case "policy":
            return {"policy": change}
    return {"policy": change | a_policy(dice, now)}
