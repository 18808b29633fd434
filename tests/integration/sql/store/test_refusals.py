"""What the database refuses: told without what was to be written, and in nobody else's way."""

import sqlite3
from dataclasses import replace

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError

from adapters.sql.errors import RowRefusedError, store_errors
from adapters.sql.store import SqlStore
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.task_store import Applied, Committed, Decision, Moved
from application.scheduling.ports.transfer import Mark, Standing
from application.scheduling.services.copy_store import End, release
from domain.scheduling.firing import fire
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import ScheduledTask
from tests.support.builders import MINUTE, a_creation, a_definition
from tests.support.manual_clock import ManualClock


async def _refuse(store: SqlStore, when: str, *, named: str = "refusing") -> None:
    """Have the database refuse rows, as a constraint would that nobody thought of."""
    async with store.database.writing("refuse") as connection:
        statement = f"CREATE TRIGGER {named} BEFORE INSERT ON {when} BEGIN SELECT raise(ABORT, 'no such row'); END"
        await connection.execute(text(statement))


@pytest.mark.parametrize(
    ("error", "told_as"),
    [
        (DataError("INSERT", {}, sqlite3.DataError("string or blob too big")), RowRefusedError),
        (IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed")), RowRefusedError),
        (OperationalError("INSERT", {}, sqlite3.OperationalError("disk I/O error")), StoreUnavailableError),
        (ProgrammingError("INSRT", {}, sqlite3.ProgrammingError("a bug")), ProgrammingError),
        (
            asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
            StoreUnavailableError,
        ),
        (asyncpg.InterfaceError("cannot perform operation: another operation is in progress"), StoreUnavailableError),
        (InterfaceError("BEGIN", {}, asyncpg.InterfaceError("connection is closed")), StoreUnavailableError),
        (asyncpg.InterfaceError("the server expects 1 argument for this query, 0 were passed"), asyncpg.InterfaceError),
    ],
)
def test_a_drivers_error_is_told_as_what_its_caller_can_do(error: Exception, told_as: type[Exception]) -> None:
    with pytest.raises(told_as) as raised, store_errors("write"):
        raise error

    assert type(raised.value) is told_as


async def test_a_store_that_an_earlier_version_called_held_is_sealed_until_it_is_released(store: SqlStore) -> None:
    sealed = Mark(Standing.SEALED, "other", "elsewhere")
    assert await store.transfer.replace_mark(None, sealed)
    await _refuse(store, "tasks", named="held_tasks_insert")
    async with store.database.writing("rename") as connection:
        await connection.execute(text("UPDATE marks SET standing = 'held'"))
    with pytest.raises(StoreUnavailableError, match="no such row"):
        await store.tasks.mutate([a_creation()])

    assert await release(End(store.transfer, "here"), although_moved=False) == sealed

    (answer,) = await store.tasks.mutate([a_creation()])
    assert isinstance(answer, Applied)


async def test_an_error_does_not_repeat_what_was_to_be_written(store: SqlStore) -> None:
    await _refuse(store, "definitions")

    with pytest.raises(StoreUnavailableError, match="mutate: no such row") as refused:
        await store.tasks.mutate([a_creation(a_definition(payload_json='{"password": "hunter2"}'))])

    assert "hunter2" not in str(refused.value.__cause__)


async def test_the_task_of_a_refused_firing_is_put_off_and_all_others_run(store: SqlStore, clock: ManualClock) -> None:
    names = [f"task {number}" for number in range(7)]
    await store.tasks.mutate([a_creation(a_definition(name), task_id=name) for name in names])
    await _refuse(store, "executions WHEN new.task_id = 'task 3'")
    clock.advance(MINUTE)
    found = await store.tasks.due(EVERYTHING, until=clock.now(), limit=10)
    due = [task for task in found if isinstance(task, ScheduledTask)]

    answers = await store.tasks.commit_firings([Decision(task, fire(task, clock.now())) for task in due])

    assert [type(each) for each in answers] == [Moved if name == "task 3" else Committed for name in names]
    assert await store.tasks.due(EVERYTHING, until=clock.now(), limit=10) == []
    refused = await store.tasks.find("task 3")
    assert isinstance(refused, ScheduledTask)
    assert refused.quarantine is not None
    assert refused.quarantine.error == "commit_firings: no such row"
    assert replace(refused, quarantine=None) == replace(due[3], definition=refused.definition)
