"""The journal of changes: the database writes it by itself, so that no writer, not even a hand, can forget to.

Triggers take part in the transaction of whatever changed a row, and cost no trip to the connection's thread. What
starts or ends an execution moves `open_seq` of its task as well, so that row is written down once for both: with the
execution. Heartbeats that tell nothing leave no trace.
"""

from sqlalchemy import DDL, Column, Table, Text, event

from adapters.sql.store.server_tables import SCHEMA
from adapters.sql.store.tables import METADATA, Whole
from application.scheduling.ports.news import KEPT

STRIDE = 1_024
"""How many entries go at once, when there are so many more than are kept; a power of two."""
LATE = 4_096
"""On a server, how many entries may be made while a transaction that made an earlier one has yet to commit."""

news = Table(
    "news",
    METADATA,
    Column("id", Whole, primary_key=True, autoincrement=True, nullable=False),
    Column("task_id", Text, nullable=False),
    Column("execution_id", Text),
    sqlite_strict=True,
)

_OF_TASK = "BEGIN INSERT INTO news (task_id) VALUES (NEW.id); END"
_OF_EXECUTION = "BEGIN INSERT INTO news (task_id, execution_id) VALUES (NEW.task_id, NEW.id); END"
_MOVED = "state, cancel, progress, log_lines"
_STRIDE_IS_FULL = f"(NEW.id & {STRIDE - 1}) = 0"
_TRIMS = f"BEGIN DELETE FROM news WHERE id <= NEW.id - {KEPT}; END"  # noqa: S608 - a number of ours
TRIGGERS = (
    f"CREATE TRIGGER news_task_made AFTER INSERT ON tasks {_OF_TASK}",
    f"CREATE TRIGGER news_task_moved AFTER UPDATE ON tasks WHEN NEW.open_seq = OLD.open_seq {_OF_TASK}",
    f"CREATE TRIGGER news_execution_made AFTER INSERT ON executions {_OF_EXECUTION}",
    f"CREATE TRIGGER news_execution_moved AFTER UPDATE OF {_MOVED} ON executions {_OF_EXECUTION}",
    # In strides, which cost less than one for one. The newest entries always stay, so no number is given twice.
    f"CREATE TRIGGER news_trimmed AFTER INSERT ON news WHEN {_STRIDE_IS_FULL} {_TRIMS}",
)

# On a server many write at once, and the order in which entries get their numbers is not that of the commits: so each
# entry has the number of its transaction as well, which says by whose look it was there. Triggers fire once for a
# statement, whose rows are many, but for tasks, of which the usual firing tells nothing. Whoever trims leaves alone
# what another trims.
_TELLING = {
    "task_moved": "VALUES (NEW.id, NULL)",
    "tasks_made": "SELECT id, NULL FROM made",
    "executions_made": "SELECT task_id, id FROM made ORDER BY id",
    "executions_moved": (
        f"SELECT task_id, id FROM (SELECT id, task_id, {_MOVED} FROM made"  # noqa: S608 - columns of ours
        f" EXCEPT SELECT id, task_id, {_MOVED} FROM was) AS moved ORDER BY id"
    ),
}
_TRIMMING = (
    f"IF EXISTS (SELECT FROM made WHERE (id & {STRIDE - 1}) = 0) THEN"  # noqa: S608 - numbers of ours
    f" DELETE FROM {SCHEMA}.news WHERE id IN (SELECT id FROM {SCHEMA}.news"
    f" WHERE id <= (SELECT max(id) FROM made) - {KEPT + LATE} FOR UPDATE SKIP LOCKED); END IF;"
)
_FIRING = {
    "task_moved": "AFTER UPDATE ON tasks FOR EACH ROW WHEN (NEW.open_seq = OLD.open_seq)",
    "tasks_made": "AFTER INSERT ON tasks REFERENCING NEW TABLE AS made",
    "executions_made": "AFTER INSERT ON executions REFERENCING NEW TABLE AS made",
    "executions_moved": "AFTER UPDATE ON executions REFERENCING OLD TABLE AS was NEW TABLE AS made",
    "trimmed": "AFTER INSERT ON news REFERENCING NEW TABLE AS made",
}


def function(name: str, body: str) -> str:
    """The statement that makes a trigger's function; it names tables with their schema: no search path is relied on."""
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"


_BODIES = {name: f"INSERT INTO {SCHEMA}.news (task_id, execution_id) {rows};" for name, rows in _TELLING.items()}
SERVER_TRIGGERS = (
    "ALTER TABLE news ADD COLUMN xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint",
    *(function(f"news_{name}", body) for name, body in {**_BODIES, "trimmed": _TRIMMING}.items()),
    *(f"CREATE TRIGGER news_{name} {when} EXECUTE FUNCTION news_{name}()" for name, when in _FIRING.items()),
)
for _dialect, _statements in (("sqlite", TRIGGERS), ("postgresql", SERVER_TRIGGERS)):
    for _statement in _statements:
        made: DDL = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(METADATA, "after_create", made.execute_if(dialect=_dialect))
