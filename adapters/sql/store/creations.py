"""New tasks, written without reading first.

A creation hopes that there is nothing yet of its id, its name and its key. Whether that is so the database sees as it
writes, and nearly always it is; where it is not, nothing is written, and the creation is read for and decided like
every other change (mutations.py).
"""

from collections.abc import Sequence
from typing import Any

from adapters.records.executions import change_row
from adapters.records.steps import Ledger, Steps
from adapters.records.tasks import birth_row, version_row
from adapters.sql.engine import Database
from adapters.sql.errors import ContendedError, RowTakenError
from adapters.sql.store.dialect import Dialect, GivenRows
from adapters.sql.store.execution_rows import CHANGE_COLUMNS
from adapters.sql.store.guard import Guard
from adapters.sql.store.rows import BIRTH_COLUMNS, FACE_COLUMNS, STATE_COLUMNS, VERSION_COLUMNS
from adapters.sql.store.tables import changes, definitions, tasks
from application.scheduling.ports.task_store import MutateAnswer
from domain.scheduling.mutation import Mutation

_BIRTH_COLUMNS = (*STATE_COLUMNS, *FACE_COLUMNS[1:], *BIRTH_COLUMNS)
_TASKS, _VERSIONS, _CHANGES = "tasks", "versions", "changes"


class Creations:
    """The statements, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._write = dialect.inserting_in_time(
            (
                GivenRows(tasks, _BIRTH_COLUMNS, _TASKS),
                GivenRows(definitions, VERSION_COLUMNS, _VERSIONS),
                GivenRows(changes, CHANGE_COLUMNS, _CHANGES),
            )
        )

    async def carry_out(
        self, database: Database, guard: Guard, creations: Sequence[Mutation]
    ) -> list[MutateAnswer] | None:
        """Carry out a batch of which `are_apart` is true, whole; answers in order.

        None: a part of it is there already, or is decided ahead of the store's clock; nothing is written.
        """
        at = max(each.change.at for each in creations)
        steps = Steps({}, {})
        ledger = Ledger(steps, {}, {}, {}, now=at)
        answers = [ledger.carry_out(each) for each in creations]
        try:
            async with database.writing_at_once("mutate") as connection:
                is_time = await guard.in_time(connection, self._write, self._parameters(steps), at)
        except (RowTakenError, ContendedError):
            return None
        return answers if is_time else None

    def _parameters(self, steps: Steps) -> dict[str, Any]:
        made = [birth_row(steps.works[task_id].task) for task_id in sorted(steps.new)]
        return {
            _TASKS: self._dialect.pack(made),
            _VERSIONS: self._dialect.pack([version_row(task) for task in steps.versions]),
            _CHANGES: self._dialect.pack([change_row(each) for each in steps.changes]),
        }
