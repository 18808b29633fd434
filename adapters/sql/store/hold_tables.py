"""The maintenance switch: one row while all firing is held, none otherwise."""

from sqlalchemy import CheckConstraint, Column, Integer, Table, Text

from adapters.sql.store.tables import METADATA, Whole

holds = Table(
    "holds",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Whole, nullable=False),
    CheckConstraint("id = 1", name="one_hold"),
    sqlite_strict=True,
)
