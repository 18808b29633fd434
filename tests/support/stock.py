"""A store that has been in use: many tasks of several kinds, and two weeks of their executions, made by bulk SQL."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from adapters.sql.store import open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.ports.task_store import TaskStore
from domain.scheduling.durations import NO_STEP, STEPS
from domain.scheduling.identifiers import MICROSECOND, microseconds
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.task import Definition
from tests.support.builders import a_creation, a_definition

TASKS = 10_000
RUNS_EACH = 100
SPAN = timedelta(days=13)
TYPES = ("maintenance", "mail", "billing", "federation", "reports")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
CHUNK = 1_000

# A run every SPAN / RUNS_EACH, each task at an offset of its own, oldest first as they would have been written.
# One in 50 is dead, one in 200 cancelled; the last two of every hundredth task are open.
EXECUTIONS = """
WITH RECURSIVE place(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM place WHERE number < :runs - 1),
task AS (SELECT row_number() OVER (ORDER BY id) - 1 AS number, id, task_type FROM tasks),
run AS (
    SELECT task.number AS task, task.id AS task_id, task_type, place.number AS run,
        :since + place.number * :step + task.number * (:step / :tasks) AS at
    FROM place CROSS JOIN task
)
INSERT INTO executions (
    id, task_id, task_type, kind, key, version, state, scheduled_at, created_at, available_at, nominal_at,
    attempts_used, starts, worker_id, started_at, finished_at, error, result_json
)
SELECT
    printf('%014x', at) || printf('%08x%010x', task, run), task_id, task_type, 'auto', CAST(at AS TEXT), 1,
    CASE WHEN task % 100 = 0 AND run >= :runs - 2 THEN 'pending' WHEN (task + run) % 50 = 0 THEN 'dead'
        WHEN (task + run) % 200 = 1 THEN 'cancelled' ELSE 'succeeded' END,
    at, at, at, at, 1, 1, 'worker-1', at + 5000,
    CASE WHEN task % 100 = 0 AND run >= :runs - 2 THEN NULL
        ELSE at + 5000 + (task * 7919 + run * 104729) % 90000000 END,
    CASE WHEN (task + run) % 50 = 0 THEN '["ValueError","ValueError: no such account"]' END,
    '{"rows":1}'
FROM run
"""
LAST_RUNS = """
UPDATE tasks SET run_count = :runs, last_run_at = :now, last_state = 'succeeded',
    error_count = CASE WHEN rowid % 40 = 1 THEN 2 ELSE 0 END,
    last_error = CASE WHEN rowid % 40 = 1 THEN 'ValueError: no such account' END
"""

# As each of these ends would have been counted when it happened.
STEP = " ".join(f"WHEN took <= {bound // MICROSECOND} THEN {step}" for step, bound in enumerate(STEPS))
FINISHED = f"""
INSERT INTO finished
SELECT hour, task_type, state, CASE WHEN state = 'cancelled' THEN {NO_STEP} {STEP} END, count(*)
FROM (
    SELECT finished_at - finished_at % 3600000000 AS hour, task_type, state, finished_at - started_at AS took
    FROM executions WHERE finished_at IS NOT NULL
) GROUP BY 1, 2, 3, 4
"""


async def stock(path: Path, *, tasks: int = TASKS, runs: int = RUNS_EACH) -> None:
    """Make a store with so many tasks and executions of each; for 10,000 and 100 this takes about half a minute."""
    now = SystemClock().now()
    async with open_sqlite_store(path, SystemClock(), SystemEntropy()) as store:
        await add_stock_tasks(store.tasks, tasks, now)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        step = SPAN / max(runs, 1) // MICROSECOND
        values = {"runs": runs, "tasks": max(tasks, 1), "since": microseconds(now - SPAN), "step": step}
        connection.execute(EXECUTIONS, values)
        connection.execute(FINISHED)
        connection.execute(LAST_RUNS, {"runs": runs, "now": microseconds(now)})
        connection.execute("COMMIT")


async def add_stock_tasks(tasks: TaskStore, count: int, now: datetime) -> None:
    """Tasks of several types, tags, zones and schedules, in any store."""
    entropy = SystemEntropy()
    for start in range(0, count, CHUNK):
        definitions = [_definition(number) for number in range(start, min(start + CHUNK, count))]
        await tasks.mutate([a_creation(each, at=now, task_id=entropy.identifier()) for each in definitions])


def _definition(number: int) -> Definition:
    return a_definition(
        f"task {number:05}",
        schedule=CronSchedule(_expression(number), ZONES[number % len(ZONES)]),
        task_type=TYPES[number % len(TYPES)],
        tags=(f"team-{number % 20}",),
        description=f"What task {number} is for, in a sentence or two.",
        payload_json='{"days_to_keep":30}',
    )


def _expression(number: int) -> str:
    """Every tenth task runs hourly, the others daily."""
    return f"{number % 60} * * * *" if number % 10 == 0 else f"{number % 60} {number % 24} * * *"
