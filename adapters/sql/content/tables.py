"""The reference schema: PieFed's names for what the tasks touch, and the tables that are the scheduler's own.

Instants are naive UTC `TIMESTAMP`s in the database, as in PieFed, and aware UTC in Python; `UtcDateTime` is the only
place where the one becomes the other. Columns the tasks do not touch are left out where a host may do without them.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

METADATA = MetaData()


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware instant, kept as naive UTC. Refuses a naive one: nobody can say which instant it would be."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        """Aware in, naive UTC out."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must be aware")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        """Naive UTC in, aware out."""
        return None if value is None else value.replace(tzinfo=UTC)


def _table(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(name, METADATA, Column("id", Integer, primary_key=True), *columns)


def _owned(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(f"scheduler_{name}", METADATA, *columns)


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


file = _table(
    "file",
    Column("file_path", String(255)),
    Column("thumbnail_path", String(255)),
    Column("source_url", String(1024)),
)

instance = _table(
    "instance",
    Column("domain", String(256), unique=True),
    Column("inbox", String(256)),
    Column("shared_inbox", String(256)),
    Column("outbox", String(256)),
    Column("software", String(50)),
    Column("version", String(50)),
    Column("created_at", UtcDateTime),
    Column("updated_at", UtcDateTime),
    Column("last_seen", UtcDateTime),
    Column("last_successful_send", UtcDateTime),
    _count("failures"),
    Column("most_recent_attempt", UtcDateTime),
    _flag("dormant"),
    Column("start_trying_again", UtcDateTime),
    _flag("gone_forever"),
    Column("ip_address", String(50)),
    _flag("trusted"),
    Column("nodeinfo_href", String(100)),
)

user = _table(
    "user",
    Column("user_name", String(255)),
    _refers("instance_id", "instance"),
    _flag("deleted"),
    Column("deleted_by", Integer),
    _flag("banned"),
    Column("banned_until", UtcDateTime),
    _flag("bot"),
    _flag("verified"),
    Column("ap_id", String(255), index=True),
    Column("ap_profile_id", String(255), unique=True),
    Column("ap_inbox_url", String(255)),
    Column("ap_domain", String(255)),
    Column("ap_deleted_at", UtcDateTime),
    Column("created", UtcDateTime),
    Column("last_seen", UtcDateTime, index=True),
    _count("post_count"),
    _count("post_reply_count"),
    Column("private_key", Text),
    Column("public_key", Text),
    _refers("avatar_id", "file"),
    _refers("cover_id", "file"),
    _only("ix_user_id_deleted", "id", "deleted", value=True),
)

community = _table(
    "community",
    Column("name", String(256)),
    _refers("instance_id", "instance"),
    Column("ap_id", String(255), unique=True),
    _count("post_count"),
    _count("post_reply_count"),
    Column("content_retention", Integer),
    Column("last_active", UtcDateTime),
    _flag("banned"),
    Column("private_key", Text),
    Column("ap_deleted_at", UtcDateTime),
)

post = _table(
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
    Column("deleted_at", UtcDateTime),
    _count("reply_count"),
    _flag("sticky"),
    Column("created_at", UtcDateTime),
    Column("posted_at", UtcDateTime),
    Column("edited_at", UtcDateTime),
    Column("last_active", UtcDateTime),
    Column("ap_id", String(255), unique=True),
    _only("ix_post_id_deleted", "id", "deleted", value=True),
    _only("ix_post_instance_id_live", "instance_id", "deleted", value=False),
)

post_reply = _table(
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
    Column("deleted_at", UtcDateTime),
    Column("created_at", UtcDateTime),
    Column("posted_at", UtcDateTime),
    Column("ap_id", String(255), unique=True),
    _only("ix_post_reply_id_deleted", "id", "deleted", value=True),
    _only("ix_post_reply_instance_id_live", "instance_id", "deleted", value=False),
)

post_vote = _table(
    "post_vote",
    _refers("user_id", "user"),
    _refers("post_id", "post", ondelete="CASCADE"),
    Column("effect", sa.Float),
    Column("created_at", UtcDateTime),
)

post_reply_vote = _table(
    "post_reply_vote",
    _refers("user_id", "user"),
    _refers("post_reply_id", "post_reply", ondelete="CASCADE"),
    Column("effect", sa.Float),
    Column("created_at", UtcDateTime),
)

post_bookmark = _table(
    "post_bookmark", _refers("user_id", "user"), _refers("post_id", "post"), Column("created_at", UtcDateTime)
)

post_reply_bookmark = _table(
    "post_reply_bookmark",
    _refers("user_id", "user"),
    _refers("post_reply_id", "post_reply"),
    Column("created_at", UtcDateTime),
)

report = _table(
    "report",
    _refers("reporter_id", "user"),
    _refers("suspect_post_id", "post"),
    _refers("suspect_post_reply_id", "post_reply"),
    Column("reasons", String(256)),
    _count("status"),  # 0, 1, 2: new, escalated, appealed (open); above: settled
    Column("created_at", UtcDateTime),
)

mod_log = _table(
    "mod_log",
    _refers("user_id", "user"),
    _refers("post_id", "post"),
    _refers("reply_id", "post_reply"),
    Column("action", String(100)),
    Column("created_at", UtcDateTime),
)

activity_pub_log = _table(
    "activity_pub_log",
    Column("direction", String(3)),
    Column("activity_id", String(256), index=True),
    Column("activity_type", String(50)),
    Column("activity_json", Text),
    Column("result", String(10)),
    Column("exception_message", Text),
    Column("created_at", UtcDateTime),
)


instance_stats = _owned(
    "instance_stats",
    Column("instance_id", Integer, primary_key=True, autoincrement=False),
    _count("user_count"),
    _count("post_count"),
    _count("comment_count"),
    _count("community_count"),
    _count("active_users_month"),
    _count("active_users_half_year"),
    Column("last_post_at", UtcDateTime),
    Column("remote_users", Integer),
    Column("remote_posts", Integer),
    Column("remote_comments", Integer),
    Column("remote_active_month", Integer),
    Column("remote_active_half_year", Integer),
    Column("nodeinfo_at", UtcDateTime),
    Column("generation", sa.BigInteger, nullable=False),
    Column("computed_at", UtcDateTime, nullable=False),
)

tombstone = _owned(
    "tombstone",
    Column("entity", String(32), primary_key=True),
    Column("entity_id", Integer, primary_key=True, autoincrement=False),
    Column("seen_deleted_at", UtcDateTime, nullable=False),
    Index("ix_scheduler_tombstone_seen", "entity", "seen_deleted_at", "entity_id"),
)

task_checkpoint = _owned(
    "task_checkpoint",
    Column("task_name", String(255), primary_key=True),
    Column("scope", String(64), primary_key=True),
    Column("run_id", String(64), nullable=False),
    Column("cursor_json", Text, nullable=False),
    Column("totals_json", Text, nullable=False),
    Column("fence", sa.BigInteger, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

media_outbox = _owned(
    "media_outbox",
    Column("id", Integer, primary_key=True),
    Column("kind", String(8), nullable=False),  # file: a path of this host; s3: the address of an object
    Column("locator", String(1024), nullable=False),
    Column("source_entity", String(32), nullable=False),
    Column("source_id", Integer, nullable=False),
    _count("attempts"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Index(
        "ix_scheduler_media_outbox_open",
        "id",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    ),
)
