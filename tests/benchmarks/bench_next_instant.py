"""How long the next instant of a cron expression takes: warm and cold, beside croniter and cronsim in the same run.

*Warm*: the expression was compiled before. Measured walking from one occurrence to the next, so that no remembered
answer helps, and, as `repeated`, asking again from the same moment, as thousands of tasks due together do. *Cold*: the
expression is new to the process; it is read, compiled and asked once. Peers: cold constructs and asks; warm asks an
object that exists (croniter), or the next step of a running iterator (cronsim, which can do nothing else).
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import fmean

from croniter import croniter
from cronsim import CronSim

from domain.scheduling.cron.compiled import compiled_cron
from domain.scheduling.cron.expression import parse
from domain.scheduling.cron.zone import zone, zone_clock
from domain.scheduling.schedule import CronSchedule

MUST_WARM_US, GOAL_WARM_US = 3.0, 1.0
MUST_COLD_US = 60.0
MUST_REBUILD_US = 2.0
MUST_COUNT_MS = 20.0

START = datetime(2026, 3, 17, 11, 23, 45, tzinfo=UTC)
HORIZON = START + timedelta(days=365 * 60)
EXPRESSIONS = ("*/5 * * * *", "0 2 * * *", "0 3 * * 0", "30 2 * * 1-5", "0 0 1 * *", "*/10 * * * * *")
ZONES = ("UTC", "Europe/Berlin")
ROUNDS, CALLS = 7, 400

Ask = Callable[[], object]


def run() -> list[dict[str, object]]:
    """Measure every row; each value is the mean over expressions and zones of the best of `ROUNDS` rounds."""
    questions = [(text, key) for text in EXPRESSIONS for key in ZONES]
    warm_peers = {
        "croniter": mean_of(warm_croniter, questions),
        "cronsim": mean_of(warm_cronsim, questions),
    }
    cold_peers = {
        "croniter": mean_of(cold_croniter, questions),
        "cronsim": mean_of(cold_cronsim, questions),
    }
    floor = best_us(bare_conversion())
    return [
        row("next instant, warm", asks_of(walking, questions), MUST_WARM_US, GOAL_WARM_US, floor, warm_peers),
        row("next instant, repeated", asks_of(repeated, questions), MUST_WARM_US, GOAL_WARM_US, floor, warm_peers),
        row("previous instant, warm", asks_of(backwards, questions), MUST_WARM_US, GOAL_WARM_US, floor, {}),
        row("next instant, cold", asks_of(cold, questions), MUST_COLD_US, None, floor, cold_peers),
        row("schedule rebuilt from its text", asks_of(rebuilt, questions), MUST_REBUILD_US, None, floor, {}),
        row("zone loaded", asks_of(loading, [("", key) for key in ZONES]), 5_000.0, None, floor, {}),
        row("10,000 occurrences counted", asks_of(counting, questions), MUST_COUNT_MS * 1e3, None, floor, {}),
    ]


def row(
    name: str,
    asks: list[Ask],
    must: float,
    goal: float | None,
    floor: float,
    peers: dict[str, float],
) -> dict[str, object]:
    """One row of `var/bench.json`; `limit` is a bare datetime to seconds and back, `ratio` how far above it we are."""
    value = fmean(best_us(ask) for ask in asks)
    calls = sorted(milliseconds for ask in asks for milliseconds in single_calls(ask))
    return {
        "name": name,
        "value": round(value, 3),
        "unit": "µs",
        "must": must,
        "goal": goal,
        "limit": round(floor, 3),
        "ratio": round(value / floor, 2),
        "peers": {peer: round(figure, 2) for peer, figure in peers.items()},
        "p50_ms": round(calls[len(calls) // 2], 6),
        "p99_ms": round(calls[len(calls) * 99 // 100], 6),
    }


def single_calls(ask: Ask) -> list[float]:
    """Milliseconds of calls timed one by one, the clock's own 0.05 µs included."""
    calls = []
    for _ in range(CALLS):
        began = time.perf_counter_ns()
        ask()
        calls.append((time.perf_counter_ns() - began) / 1e6)
    return calls


def asks_of(make: Callable[[str, str], Ask], questions: list[tuple[str, str]]) -> list[Ask]:
    return [make(text, key) for text, key in questions]


def mean_of(make: Callable[[str, str], Ask], questions: list[tuple[str, str]]) -> float:
    return fmean(best_us(ask) for ask in asks_of(make, questions))


def best_us(ask: Ask) -> float:
    """Microseconds a call: the fastest round, which the other processes of the machine disturbed least."""
    ask()
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(CALLS):
            ask()
        rounds.append((time.perf_counter() - began) / CALLS * 1e6)
    return min(rounds)


def bare_conversion() -> Ask:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    def ask() -> datetime:
        since = START - epoch
        return epoch + timedelta(seconds=since.days * 86_400 + since.seconds)

    return ask


def walking(text: str, key: str) -> Ask:
    schedule, asked = CronSchedule(text, key), START

    def ask() -> None:
        nonlocal asked
        asked = schedule.next_after(asked) or START

    return ask


def backwards(text: str, key: str) -> Ask:
    schedule, asked = CronSchedule(text, key), HORIZON

    def ask() -> None:
        nonlocal asked
        asked = schedule.previous_before(asked) or HORIZON

    return ask


def repeated(text: str, key: str) -> Ask:
    schedule = CronSchedule(text, key)
    return lambda: schedule.next_after(START)


def rebuilt(text: str, key: str) -> Ask:
    return lambda: CronSchedule(text, key)


def cold(text: str, key: str) -> Ask:
    def ask() -> object:
        parse.cache_clear()
        compiled_cron.cache_clear()
        return CronSchedule(text, key).next_after(START)

    return ask


def loading(_text: str, key: str) -> Ask:
    def ask() -> object:
        zone_clock.cache_clear()
        return zone_clock(key)

    return ask


def counting(text: str, key: str) -> Ask:
    schedule = CronSchedule(text, key)
    return lambda: schedule.count_between(START, HORIZON, at_most=10_000)


def warm_croniter(text: str, key: str) -> Ask:
    start = START.astimezone(zone(key))
    answers = croniter(text, start, ret_type=datetime, second_at_beginning=True)
    return answers.get_next


def warm_cronsim(text: str, key: str) -> Ask:
    return CronSim(text, START.astimezone(zone(key))).__next__


def cold_croniter(text: str, key: str) -> Ask:
    start = START.astimezone(zone(key))
    return lambda: croniter(text, start, ret_type=datetime, second_at_beginning=True).get_next()


def cold_cronsim(text: str, key: str) -> Ask:
    start = START.astimezone(zone(key))
    return lambda: next(CronSim(text, start))


if __name__ == "__main__":
    for measured_row in run():
        print(json.dumps(measured_row, ensure_ascii=False))
