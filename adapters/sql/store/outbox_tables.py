"""The outbox: which executions programs of others are still to be told of, in the order of their commits, about."""

from sqlalchemy import DDL, Column, ForeignKey, Table, Text, event

from adapters.sql.store.server_tables import SERVER_METADATA
from adapters.sql.store.tables import Whole, executions

outbox = Table(
    "outbox",
    SERVER_METADATA,
    # Numbers are given before commits, so a row may come to light behind one of a higher number.
    Column("id", Whole, primary_key=True, autoincrement=True),
    # What it is to say is read of the execution, so a message is kept no longer than that.
    Column("execution_id", Text, ForeignKey(executions.c.id, ondelete="CASCADE"), nullable=False, unique=True),
)
# Rows come and go at the same end of an index: dead ones are cleared away before all have to look past them.
_STORAGE: DDL = DDL(  # type: ignore[no-untyped-call]
    "ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,"
    " autovacuum_vacuum_cost_delay = 0)"
)
event.listen(outbox, "after_create", _STORAGE)
