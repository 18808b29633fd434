"""The reference schema, for a content database without a host application."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, Integer, MetaData, String, Table, Text

revision = "0002"
down_revision = None
branch_labels = ("reference",)
depends_on = None

METADATA = MetaData()


def _table(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(name, METADATA, Column("id", Integer, primary_key=True), *columns)


def _refers(name: str, target: str, *, ondelete: str | None = None) -> Column[int]:
    return Column(name, Integer, ForeignKey(f"{target}.id", ondelete=ondelete), index=True)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=False, server_default=sa.false())


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, default=0, server_default=sa.text("0"))


def _only(name: str, column: str, flag: str, *, value: bool) -> Index:
    """An index of `column` over the rows whose flag has this value; SQLite wants the words the queries use."""
    words = sa.text(f"{flag} = {int(value)}")
    return Index(name, column, sqlite_where=words, postgresql_where=sa.text(flag if value else f"NOT {flag}"))


_table(
    "file",
    Column("file_path", String(255)),
    Column("thumbnail_path", String(255)),
    Column("source_url", String(1024)),
)

_table(
    "instance",
    Column("domain", String(256), unique=True),
    Column("inbox", String(256)),
    Column("shared_inbox", String(256)),
    Column("outbox", String(256)),
    Column("software", String(50)),
    Column("version", String(50)),
    Column("created_at", DateTime),
    Column("updated_at", DateTime),
    Column("last_seen", DateTime),
    Column("last_successful_send", DateTime),
    _count("failures"),
    Column("most_recent_attempt", DateTime),
    _flag("dormant"),
    Column("start_trying_again", DateTime),
    _flag("gone_forever"),
    Column("ip_address", String(50)),
    _flag("trusted"),
    Column("nodeinfo_href", String(100)),
)

_table(
    "user",
    Column("user_name", String(255)),
    _refers("instance_id", "instance"),
    _flag("deleted"),
    Column("deleted_by", Integer),
    _flag("banned"),
    Column("banned_until", DateTime),
    _flag("bot"),
    _flag("verified"),
    Column("ap_id", String(255), index=True),
    Column("ap_profile_id", String(255), unique=True),
    Column("ap_inbox_url", String(255)),
    Column("ap_domain", String(255)),
    Column("ap_deleted_at", DateTime),
    Column("created", DateTime),
    Column("last_seen", DateTime, index=True),
    _count("post_count"),
    _count("post_reply_count"),
    Column("private_key", Text),
    Column("public_key", Text),
    _refers("avatar_id", "file"),
    _refers("cover_id", "file"),
    _only("ix_user_id_deleted", "id", "deleted", value=True),
)

_table(
    "community",
    Column("name", String(256)),
    _refers("instance_id", "instance"),
    Column("ap_id", String(255), unique=True),
    _count("post_count"),
    _count("post_reply_count"),
    Column("content_retention", Integer),
    Column("last_active", DateTime),
    _flag("banned"),
    Column("private_key", Text),
    Column("ap_deleted_at", DateTime),
)

_table(
    "post",
    _refers("user_id", "user"),
    _refers("community_id", "community"),
    _refers("instance_id", "instance"),
    _refers("image_id", "file"),
    Column("title", String(255)),
    Column("body", Text),
    Column("url", String(2048)),
    Column("status", Integer, nullable=False, default=1, server_default=sa.text("1")),
    _flag("deleted"),
    Column("deleted_by", Integer),
    Column("deleted_at", DateTime),
    _count("reply_count"),
    _flag("sticky"),
    Column("created_at", DateTime),
    Column("posted_at", DateTime),
    Column("edited_at", DateTime),
    Column("last_active", DateTime),
    Column("ap_id", String(255), unique=True),
    _only("ix_post_id_deleted", "id", "deleted", value=True),
    _only("ix_post_instance_id_live", "instance_id", "deleted", value=False),
)

_table(
    "post_reply",
    _refers("user_id", "user"),
    _refers("post_id", "post"),
    _refers("community_id", "community"),
    _refers("instance_id", "instance"),
    _refers("image_id", "file"),
    Column("parent_id", Integer, index=True),
    Column("root_id", Integer),
    _count("depth"),
    _count("child_count"),
    Column("body", Text),
    _flag("deleted"),
    Column("deleted_by", Integer),
    Column("deleted_at", DateTime),
    Column("created_at", DateTime),
    Column("posted_at", DateTime),
    Column("ap_id", String(255), unique=True),
    _only("ix_post_reply_id_deleted", "id", "deleted", value=True),
    _only("ix_post_reply_instance_id_live", "instance_id", "deleted", value=False),
)

_table(
    "post_vote",
    _refers("user_id", "user"),
    _refers("post_id", "post", ondelete="CASCADE"),
    Column("effect", sa.Float),
    Column("created_at", DateTime),
)

_table(
    "post_reply_vote",
    _refers("user_id", "user"),
    _refers("post_reply_id", "post_reply", ondelete="CASCADE"),
    Column("effect", sa.Float),
    Column("created_at", DateTime),
)

_table("post_bookmark", _refers("user_id", "user"), _refers("post_id", "post"), Column("created_at", DateTime))

_table(
    "post_reply_bookmark",
    _refers("user_id", "user"),
    _refers("post_reply_id", "post_reply"),
    Column("created_at", DateTime),
)

_table(
    "report",
    _refers("reporter_id", "user"),
    _refers("suspect_post_id", "post"),
    _refers("suspect_post_reply_id", "post_reply"),
    Column("reasons", String(256)),
    _count("status"),  # 0, 1, 2: new, escalated, appealed (open); above: settled
    Column("created_at", DateTime),
)

_table(
    "mod_log",
    _refers("user_id", "user"),
    _refers("post_id", "post"),
    _refers("reply_id", "post_reply"),
    Column("action", String(100)),
    Column("created_at", DateTime),
)

_table(
    "activity_pub_log",
    Column("direction", String(3)),
    Column("activity_id", String(256), index=True),
    Column("activity_type", String(50)),
    Column("activity_json", Text),
    Column("result", String(10)),
    Column("exception_message", Text),
    Column("created_at", DateTime),
)


def upgrade() -> None:
    """Create the tables and their indexes."""
    METADATA.create_all(op.get_bind(), checkfirst=False)
