"""The journal of changes: the database writes it by itself, so that no writer, not even a hand, can forget to.

Triggers take part in the transaction of whatever changed a row, and cost no trip to the connection's thread. What
starts or ends an execution moves `open_seq` of its task as well, so that row is written down once for both: with the
execution. Heartbeats that tell nothing leave no trace.
"""

from sqlalchemy import DDL, Column, Table, Text, event

from adapters.sql.store.tables import METADATA, Whole
from application.scheduling.ports.news import KEPT

STRIDE = 1_024
"""How many entries go at once, when there are so many more than are kept; a power of two."""

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
for _trigger in TRIGGERS:
    made: DDL = DDL(_trigger)  # type: ignore[no-untyped-call]
    event.listen(METADATA, "after_create", made.execute_if(dialect="sqlite"))
