"""On a server, what is delivered to programs of others waits for the streams in a Redis beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the outbox; a store in a file feeds no streams."""
    if op.get_context().dialect.name != "postgresql":
        return
    execution = sa.ForeignKey("executions.id", ondelete="CASCADE")
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("execution_id", sa.Text(), execution, nullable=False, unique=True),
    )
    op.execute(
        "ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.01,"
        " autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0)"
    )
