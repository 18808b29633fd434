"""The first schema: tasks and their definitions, executions and their attempts, what was skipped, changed and told."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_IS_FINAL = "state IN ('succeeded', 'dead', 'cancelled', 'delivered')"


def upgrade() -> None:
    """Make every table."""
    _make_store()
    _make_tasks()
    _make_definitions()
    _make_executions()
    _index_executions()
    _make_records_of_executions()
    _make_records_of_tasks()
    _make_members()
    if op.get_context().dialect.name == "postgresql":
        _make_server()


def _make_store() -> None:
    one_row = sa.CheckConstraint("id = 1", name="one_row")
    number = sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False)
    names = (_text("store_id"), _whole("generation"), _whole("fence"), _text_or_null("tzdata"))
    _table("store", number, *names, one_row)


def _make_tasks() -> None:
    _table(
        "tasks",
        sa.Column("id", sa.Text(), primary_key=True, nullable=False),
        _whole("bucket"),
        *map(_text, ("name", "task_type", "schedule_type", "status")),
        *map(_whole, ("version", "created_at", "updated_at", "decided_until")),
        *map(_whole_or_null, ("next_nominal_at", "next_run_at", "look_at")),
        *map(_whole, ("open_seq", "auto_runs", "run_count", "error_count")),
        _whole_or_null("last_run_at"),
        *map(_text_or_null, ("last_error", "last_state", "trailing_skip", "pause", "quarantine")),
        _whole_or_null("deleted_at"),
    )
    _index("tasks_look_at", "tasks", ["look_at", "id", "bucket"], where="look_at IS NOT NULL")
    _index("tasks_name", "tasks", ["name"], where="deleted_at IS NULL", unique=True)
    _index("tasks_status", "tasks", ["status", "task_type"], where="deleted_at IS NULL")
    _index("tasks_quarantined", "tasks", ["next_run_at"], where="quarantine IS NOT NULL")
    _index("tasks_deleted_at", "tasks", ["deleted_at"], where="deleted_at IS NOT NULL")


def _make_definitions() -> None:
    _table(
        "definitions",
        _text("task_id"),
        _whole("version"),
        *map(_text, ("name", "task_type", "schedule", "schedule_text", "timezone", "policy")),
        _text_or_null("handler"),
        *map(_text, ("tags", "description", "delivery", "search_text")),
        _whole_or_null("superseded_at"),
        _text("payload_json"),
        sa.PrimaryKeyConstraint("task_id", "version"),
    )
    _index("definitions_superseded_at", "definitions", ["superseded_at"], where="superseded_at IS NOT NULL")


def _make_executions() -> None:
    _table(
        "executions",
        sa.Column("id", sa.Text(), primary_key=True, nullable=False),
        *map(_text, ("task_id", "task_type", "kind", "key")),
        _whole("version"),
        _text("state"),
        *map(_whole, ("scheduled_at", "created_at", "available_at")),
        _whole_or_null("nominal_at"),
        _text_or_null("payload_json"),
        *map(_count, ("attempts_used", "starts", "rescues")),
        _text_or_null("token"),
        _count("fence"),
        _text_or_null("worker_id"),
        *map(_whole_or_null, ("started_at", "finished_at")),
        _text_or_null("cancel"),
        _whole_or_null("unknown_since"),
        *map(_text_or_null, ("error", "result_json", "root_id")),
        _count("number"),
        _whole_or_null("chain_at"),
        _count("beat"),
        _text_or_null("progress"),
        *map(_count, ("log_lines", "log_bytes")),
    )


def _index_executions() -> None:
    is_open = "state IN ('waiting', 'pending', 'running', 'retry_wait')"
    _index("executions_open", "executions", ["task_id", "id"], where=is_open)
    _index("executions_final", "executions", ["task_id", "id"], where=_IS_FINAL)
    pending = ["available_at", "id", "task_type"]
    _index("executions_pending", "executions", pending, where="state = 'pending'")
    _index("executions_running", "executions", ["worker_id"], where="state = 'running'")
    _index("executions_retry_wait", "executions", ["available_at", "id"], where="state = 'retry_wait'")
    _index("executions_dead", "executions", ["id"], where="state = 'dead'")
    _index("executions_finished_at", "executions", ["finished_at"], where=_IS_FINAL)
    _index("executions_key", "executions", ["task_id", "kind", "key"], where="kind <> 'auto'", unique=True)


def _make_records_of_executions() -> None:
    _table(
        "attempts",
        _part_of("execution_id", "executions.id"),
        _whole("start"),
        *map(_text, ("token", "worker_id")),
        _whole("started_at"),
        _whole_or_null("finished_at"),
        *map(_text_or_null, ("outcome", "error", "led_to")),
        sa.PrimaryKeyConstraint("execution_id", "start"),
        sqlite_with_rowid=False,
    )
    _table(
        "log_lines",
        _part_of("execution_id", "executions.id"),
        *map(_whole, ("number", "at")),
        *map(_text, ("level", "text")),
        sa.PrimaryKeyConstraint("execution_id", "number"),
        sqlite_with_rowid=False,
    )


def _make_records_of_tasks() -> None:
    _table(
        "skips",
        _part_of("task_id", "tasks.id"),
        _whole("first_at"),
        _text("reason"),
        *map(_whole, ("last_at", "count", "at_least")),
        sa.PrimaryKeyConstraint("task_id", "first_at"),
        sqlite_with_rowid=False,
    )
    _index("skips_last_at", "skips", ["last_at"])
    _table(
        "changes",
        sa.Column("id", _WHOLE, primary_key=True, autoincrement=True, nullable=False),
        _text("task_id"),
        _whole("version"),
        _text_or_null("execution_id"),
        *map(_text, ("action", "actor", "via")),
        _whole("at"),
        _text("reason"),
        _text_or_null("idempotency_key"),
        _text("body_hash"),
    )
    _index("changes_task", "changes", ["task_id", "id"])
    _index("changes_at", "changes", ["at"])
    _index("changes_key", "changes", ["idempotency_key"], where="idempotency_key IS NOT NULL", unique=True)


def _make_members() -> None:
    _table(
        "members",
        sa.Column("node_id", sa.Text(), primary_key=True, nullable=False),
        *map(_text, ("roles", "host")),
        *map(_whole, ("pid", "started_at")),
        _text("handlers"),
        *map(_whole, ("concurrency", "announced_at")),
    )


def _make_server() -> None:
    """What a store keeps where it lives on a server: its claims' numbers, where it was met last, how rows are kept."""
    op.execute("CREATE SEQUENCE fence AS bigint")
    number = sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False)
    names = (_text("identity"), _text_or_null("holder"), _count("term"), _count("beat"))
    op.create_table("server", number, *names, sa.CheckConstraint("id = 1", name="one_server"))
    often = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000"
    for name, fill in (("tasks", 80), ("executions", 80), ("attempts", 90), ("members", 50)):
        op.execute(f"ALTER TABLE {name} SET (fillfactor = {fill}, {often}, autovacuum_vacuum_cost_delay = 0)")


def _table(name: str, *parts: sa.schema.SchemaItem, **options: Any) -> None:
    op.create_table(name, *parts, sqlite_strict=True, **options)


def _index(name: str, table: str, columns: Sequence[str], *, where: str | None = None, unique: bool = False) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=condition, postgresql_where=condition)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _text_or_null(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=True)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, _WHOLE, nullable=False)


def _whole_or_null(name: str) -> sa.Column[int]:
    return sa.Column(name, _WHOLE, nullable=True)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, _WHOLE, nullable=False, server_default=sa.text("0"))


def _part_of(name: str, whole: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), sa.ForeignKey(whole, ondelete="CASCADE"), nullable=False)
