"""The tables that only a store that is moved needs; without a move they are empty."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, Table, Text

from adapters.sql.store.tables import METADATA, Whole

# Why the store is not to be served: at most one row.
marks = Table(
    "marks",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("standing", Text, nullable=False),
    Column("other_id", Text, nullable=False),
    Column("other", Text, nullable=False),
    CheckConstraint("id = 1", name="one_mark"),
    sqlite_strict=True,
)

# Up to which instant records of a task were forgotten, by a store that keeps fewer, because there were too many.
forgotten = Table(
    "forgotten",
    METADATA,
    Column("task_id", Text, ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True, nullable=False),
    Column("until", Whole, nullable=False),
    sqlite_strict=True,
)
