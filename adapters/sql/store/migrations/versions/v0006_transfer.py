"""A store may be moved: a mark says that it is not to be served, and what another one forgot early comes along."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of the one mark, and that of what was forgotten early."""
    texts = (sa.Column(name, sa.Text(), nullable=False) for name in ("standing", "other_id", "other"))
    one = sa.CheckConstraint("id = 1", name="one_mark")
    number = sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False)
    op.create_table("marks", number, *texts, one, sqlite_strict=True)
    op.create_table(
        "forgotten",
        sa.Column(
            "task_id", sa.Text(), sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True, nullable=False
        ),
        sa.Column("until", _WHOLE, nullable=False),
        sqlite_strict=True,
    )
