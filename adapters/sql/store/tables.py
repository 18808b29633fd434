"""The tables of the store, the same for every SQL database. The migrations lead here; a test compares.

What firing moves stands apart from what people wrote: `tasks` is narrow and rewritten at every firing, `definitions`
holds payloads and texts and is written once a version. What is never searched for is packed as JSON text. Instants
are microseconds since 1970. Executions are named by time, so new ones lie together in their primary key.

Each index costs every firing, so the ones over executions are partial: a pending execution is in two small ones, and
enters that of its task's history only when it has ended. An automatic execution needs no unique key beside its id,
which is made of task, kind and nominal instant.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TextClause,
    func,
    text,
)

from domain.scheduling.execution import ISOLATED_AFTER

METADATA = MetaData()

# SQLite's INTEGER has 64 bits already, and STRICT tables know no other name for it.
Whole = BigInteger().with_variant(Integer(), "sqlite")

# Spelled out and not bound: a partial index serves a query only if the query repeats its condition literally.
IS_OPEN = text("state IN ('waiting', 'pending', 'running', 'retry_wait')")
IS_FINAL = text("state IN ('succeeded', 'dead', 'cancelled', 'delivered')")
IS_CLAIMABLE = text(f"state = 'pending' AND rescues < {ISOLATED_AFTER}")
IS_SUSPECT = text(f"state = 'pending' AND rescues >= {ISOLATED_AFTER}")
IS_UNKNOWN = text("state = 'pending' AND unknown_since IS NOT NULL")
IS_RUNNING = text("state = 'running'")
IS_RETRY_WAIT = text("state = 'retry_wait'")
IS_DEAD = text("state = 'dead'")
IS_CANCELLED = text("state = 'cancelled'")
IS_DELIVERED = text("state = 'delivered'")


def _index(name: str, *columns: ColumnElement[Any], where: TextClause | None = None, unique: bool = False) -> None:
    Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


store = Table(
    "store",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("store_id", Text, nullable=False),
    Column("generation", Whole, nullable=False),
    Column("fence", Whole, nullable=False),
    Column("tzdata", Text),
    # The oldest schema whose programs can work with this one: migrations/__init__.py.
    Column("usable_since", Text),
    CheckConstraint("id = 1", name="one_row"),
    sqlite_strict=True,
)

tasks = Table(
    "tasks",
    METADATA,
    Column("id", Text, primary_key=True, nullable=False),
    Column("bucket", Whole, nullable=False),
    Column("name", Text, nullable=False),
    Column("task_type", Text, nullable=False),
    Column("schedule_type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("version", Whole, nullable=False),
    Column("created_at", Whole, nullable=False),
    Column("updated_at", Whole, nullable=False),
    Column("decided_until", Whole, nullable=False),
    Column("next_nominal_at", Whole),
    Column("next_run_at", Whole),
    Column("look_at", Whole),
    Column("open_seq", Whole, nullable=False),
    Column("auto_runs", Whole, nullable=False),
    Column("run_count", Whole, nullable=False),
    Column("error_count", Whole, nullable=False),
    Column("last_run_at", Whole),
    Column("last_error", Text),
    Column("last_state", Text),
    Column("trailing_skip", Text),
    Column("pause", Text),
    Column("quarantine", Text),
    Column("deleted_at", Whole),
    sqlite_strict=True,
)
_index("tasks_look_at", tasks.c.look_at, tasks.c.id, tasks.c.bucket, where=text("look_at IS NOT NULL"))
_index("tasks_name", tasks.c.name, unique=True, where=text("deleted_at IS NULL"))
# SQLite's lower() knows the letters of ASCII and no others.
CASELESS_NAME = func.lower(tasks.c.name, type_=Text)
_index("tasks_caseless_name", CASELESS_NAME, tasks.c.id, where=text("deleted_at IS NULL"))
_index("tasks_status", tasks.c.status, tasks.c.task_type, where=text("deleted_at IS NULL"))
_index("tasks_quarantined", tasks.c.next_run_at, where=text("quarantine IS NOT NULL"))
_index("tasks_deleted_at", tasks.c.deleted_at, where=text("deleted_at IS NOT NULL"))

definitions = Table(
    "definitions",
    METADATA,
    Column("task_id", Text, nullable=False),
    Column("version", Whole, nullable=False),
    Column("name", Text, nullable=False),
    Column("task_type", Text, nullable=False),
    Column("schedule", Text, nullable=False),
    Column("schedule_text", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("handler", Text),
    Column("tags", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("delivery", Text, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("superseded_at", Whole),
    Column("payload_json", Text, nullable=False),
    PrimaryKeyConstraint("task_id", "version"),
    sqlite_strict=True,
)
_index("definitions_superseded_at", definitions.c.superseded_at, where=text("superseded_at IS NOT NULL"))

executions = Table(
    "executions",
    METADATA,
    Column("id", Text, primary_key=True, nullable=False),
    Column("task_id", Text, nullable=False),
    Column("task_type", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Whole, nullable=False),
    Column("state", Text, nullable=False),
    Column("scheduled_at", Whole, nullable=False),
    Column("created_at", Whole, nullable=False),
    Column("available_at", Whole, nullable=False),
    Column("nominal_at", Whole),
    Column("payload_json", Text),
    Column("attempts_used", Whole, nullable=False, server_default=text("0")),
    Column("starts", Whole, nullable=False, server_default=text("0")),
    Column("rescues", Whole, nullable=False, server_default=text("0")),
    Column("token", Text),
    Column("fence", Whole, nullable=False, server_default=text("0")),
    Column("worker_id", Text),
    Column("started_at", Whole),
    Column("finished_at", Whole),
    Column("cancel", Text),
    Column("unknown_since", Whole),
    Column("error", Text),
    Column("result_json", Text),
    Column("root_id", Text),
    Column("number", Whole, nullable=False, server_default=text("0")),
    Column("chain_at", Whole),
    Column("beat", Whole, nullable=False, server_default=text("0")),
    Column("progress", Text),
    Column("log_lines", Whole, nullable=False, server_default=text("0")),
    Column("log_bytes", Whole, nullable=False, server_default=text("0")),
    sqlite_strict=True,
)
_index("executions_open", executions.c.task_id, executions.c.id, where=IS_OPEN)
_index("executions_final", executions.c.task_id, executions.c.id, where=IS_FINAL)
_claiming = (executions.c.available_at, executions.c.id, executions.c.task_type, executions.c.unknown_since)
_index("executions_pending", *_claiming, where=IS_CLAIMABLE)
_index("executions_suspect", *_claiming, where=IS_SUSPECT)
_index("executions_unknown", executions.c.unknown_since, executions.c.id, where=IS_UNKNOWN)
_index("executions_running", executions.c.worker_id, where=IS_RUNNING)
_index("executions_retry_wait", executions.c.available_at, executions.c.id, where=IS_RETRY_WAIT)
_index("executions_dead", executions.c.id, executions.c.task_id, where=IS_DEAD)
_index("executions_cancelled", executions.c.id, where=IS_CANCELLED)
_index("executions_delivered", executions.c.id, where=IS_DELIVERED)
_index("executions_finished_at", executions.c.finished_at, where=IS_FINAL)
_index(
    "executions_key",
    executions.c.task_id,
    executions.c.kind,
    executions.c.key,
    unique=True,
    where=text("kind <> 'auto'"),
)

attempts = Table(
    "attempts",
    METADATA,
    Column("execution_id", Text, ForeignKey("executions.id", ondelete="CASCADE"), nullable=False),
    Column("start", Whole, nullable=False),
    Column("token", Text, nullable=False),
    Column("worker_id", Text, nullable=False),
    Column("started_at", Whole, nullable=False),
    Column("finished_at", Whole),
    Column("outcome", Text),
    Column("error", Text),
    Column("led_to", Text),
    PrimaryKeyConstraint("execution_id", "start"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

log_lines = Table(
    "log_lines",
    METADATA,
    Column("execution_id", Text, ForeignKey("executions.id", ondelete="CASCADE"), nullable=False),
    Column("number", Whole, nullable=False),
    Column("at", Whole, nullable=False),
    Column("level", Text, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("execution_id", "number"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

finished = Table(
    "finished",
    METADATA,
    Column("hour", Whole, nullable=False),
    Column("task_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("step", Whole, nullable=False),
    Column("count", Whole, nullable=False),
    PrimaryKeyConstraint("hour", "task_type", "state", "step"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

skips = Table(
    "skips",
    METADATA,
    Column("task_id", Text, ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    Column("first_at", Whole, nullable=False),
    Column("reason", Text, nullable=False),
    Column("last_at", Whole, nullable=False),
    Column("count", Whole, nullable=False),
    Column("at_least", Whole, nullable=False),
    PrimaryKeyConstraint("task_id", "first_at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
_index("skips_last_at", skips.c.last_at)

changes = Table(
    "changes",
    METADATA,
    Column("id", Whole, primary_key=True, autoincrement=True, nullable=False),
    Column("task_id", Text, nullable=False),
    Column("version", Whole, nullable=False),
    Column("execution_id", Text),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("at", Whole, nullable=False),
    Column("reason", Text, nullable=False),
    Column("idempotency_key", Text),
    Column("body_hash", Text, nullable=False),
    sqlite_strict=True,
)
_index("changes_task", changes.c.task_id, changes.c.id)
_index("changes_at", changes.c.at)
_index("changes_key", changes.c.idempotency_key, unique=True, where=text("idempotency_key IS NOT NULL"))

members = Table(
    "members",
    METADATA,
    Column("node_id", Text, primary_key=True, nullable=False),
    Column("roles", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Whole, nullable=False),
    Column("started_at", Whole, nullable=False),
    Column("handlers", Text, nullable=False),
    Column("concurrency", Whole, nullable=False),
    Column("announced_at", Whole, nullable=False),
    sqlite_strict=True,
)
