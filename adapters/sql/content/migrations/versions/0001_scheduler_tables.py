"""The scheduler's own tables beside the content."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, MetaData, String, Table, Text

revision = "0001"
down_revision = None
branch_labels = ("scheduler",)
depends_on = None

METADATA = MetaData()


def _owned(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(f"scheduler_{name}", METADATA, *columns)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, default=0, server_default=sa.text("0"))


_owned(
    "instance_stats",
    Column("instance_id", Integer, primary_key=True, autoincrement=False),
    _count("user_count"),
    _count("post_count"),
    _count("comment_count"),
    _count("community_count"),
    _count("active_users_month"),
    _count("active_users_half_year"),
    Column("last_post_at", DateTime),
    Column("remote_users", Integer),
    Column("remote_posts", Integer),
    Column("remote_comments", Integer),
    Column("remote_active_month", Integer),
    Column("remote_active_half_year", Integer),
    Column("nodeinfo_at", DateTime),
    Column("generation", BigInteger, nullable=False),
    Column("computed_at", DateTime, nullable=False),
)

_owned(
    "tombstone",
    Column("entity", String(32), primary_key=True),
    Column("entity_id", Integer, primary_key=True, autoincrement=False),
    Column("seen_deleted_at", DateTime, nullable=False),
    Index("ix_scheduler_tombstone_seen", "entity", "seen_deleted_at", "entity_id"),
)

_owned(
    "task_checkpoint",
    Column("task_name", String(255), primary_key=True),
    Column("scope", String(64), primary_key=True),
    Column("run_id", String(64), nullable=False),
    Column("cursor_json", Text, nullable=False),
    Column("totals_json", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("updated_at", DateTime, nullable=False),
)

_owned(
    "media_outbox",
    Column("id", Integer, primary_key=True),
    Column("kind", String(8), nullable=False),  # file: a path of this host; s3: the address of an object
    Column("locator", String(1024), nullable=False),
    Column("source_entity", String(32), nullable=False),
    Column("source_id", Integer, nullable=False),
    _count("attempts"),
    Column("created_at", DateTime, nullable=False),
    Column("done_at", DateTime),
    Index(
        "ix_scheduler_media_outbox_open",
        "id",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    ),
)


def upgrade() -> None:
    """Create the tables and their indexes."""
    METADATA.create_all(op.get_bind(), checkfirst=False)
