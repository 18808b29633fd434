"""What ended before there were figures is counted as if it ended now."""

import sqlite3
from contextlib import closing
from pathlib import Path

from adapters.sql.store import open_sqlite_store
from application.scheduling.ports.execution_store import Settlement
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.outcome import Outcome, Stopped, Succeeded
from domain.scheduling.runs import run_now
from tests.support.builders import DAY, HOUR, MINUTE, SECOND, a_change, a_creation, a_definition, a_failure
from tests.support.manual_clock import NOON, ManualClock
from tests.support.recorders import CountingEntropy

ENDS: tuple[tuple[str, Outcome, int], ...] = (
    ("mail", Succeeded(), 1),
    ("mail", Succeeded(), 3_000),
    ("billing", a_failure(), 61),
    ("billing", Stopped(), 5),
    ("billing", a_failure(retry_at=NOON + DAY), 5),
)


async def _lived(path: Path) -> None:
    """A store in which executions ended in every way."""
    clock = ManualClock()
    async with open_sqlite_store(path, clock, CountingEntropy()) as store:
        for number, (task_type, outcome, seconds) in enumerate(ENDS):
            creation = a_creation(a_definition(f"task {number}", task_type=task_type), at=clock.now())
            await store.tasks.mutate([creation])
            await store.tasks.mutate([run_now(creation.after, a_change(at=clock.now()), key=f"run {number}")])
            (claim,) = await store.executions.claim(NodeId("worker"), [ClaimToken(f"token {number}")])
            clock.advance(seconds * SECOND)
            await store.executions.settle([Settlement(claim.execution.id, claim.token, outcome)])
            clock.advance(20 * MINUTE)


def _counted(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM finished ORDER BY 1, 2, 3, 4").fetchall()


def _without_figures(path: Path) -> None:
    """The store as the version before left it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE finished")
        connection.execute("DROP INDEX executions_dead")
        connection.execute("CREATE INDEX executions_dead ON executions (id) WHERE state = 'dead'")
        connection.execute("UPDATE alembic_version SET version_num = '0003'")


async def test_what_ended_before_is_counted_by_the_migration(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await _lived(path)
    kept = _counted(path)
    _without_figures(path)

    async with open_sqlite_store(path, ManualClock(), CountingEntropy()) as store:
        hours = await store.figures.hours(since=NOON, until=NOON + DAY)

    assert _counted(path) == kept
    assert len(kept) == 4
    assert [each.at for each in hours] == [NOON, NOON + HOUR]
