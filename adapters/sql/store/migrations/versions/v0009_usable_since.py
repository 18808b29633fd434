"""A store says which programs can work with it, so that one that is older than its schema may go on."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make room for the word of whoever migrates."""
    op.add_column("store", sa.Column("usable_since", sa.Text(), nullable=True))
