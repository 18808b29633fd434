"""How many executions ended in each hour, of which type, how, and how long they took; dead letters are counted fast.

Lists of executions in a state that is rare find them without reading all the others, and lists of tasks by name, which
sort without regard to case, end at their page.

What changes is written down in a journal, by triggers, so that live pages learn of it from whichever process it was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_HOUR = 3_600_000_000
# The steps by which durations are counted: 1, 2, 5, 10 … milliseconds.
_STEPS = [each * 10**power * 1_000 for power in range(10) for each in (1, 2, 5)]


def upgrade() -> None:
    """Make the table, fill it from the executions that are kept, and index those that did not end as usual."""
    op.create_table(
        "finished",
        _whole("hour"),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _whole("step"),
        _whole("count"),
        sa.PrimaryKeyConstraint("hour", "task_type", "state", "step"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute(counting())
    op.drop_index("executions_dead", "executions")
    for state, columns in (("dead", ["id", "task_id"]), ("cancelled", ["id"]), ("delivered", ["id"])):
        where = sa.text(f"state = '{state}'")
        op.create_index(f"executions_{state}", "executions", columns, sqlite_where=where, postgresql_where=where)
    living, by = sa.text("deleted_at IS NULL"), (sa.text("lower(name)"), "id")
    op.create_index("tasks_caseless_name", "tasks", by, sqlite_where=living, postgresql_where=living)
    _make_journal()


def counting() -> sa.Insert:
    """Count every execution that is kept and has ended."""
    ended = sa.table("executions", *map(sa.column, ("task_type", "state", "started_at", "finished_at")))
    kind = (ended.c.finished_at - ended.c.finished_at % _HOUR, ended.c.task_type, ended.c.state, _step(ended))
    is_final = sa.text("state IN ('succeeded', 'dead', 'cancelled', 'delivered')")
    counted = sa.select(*kind, sa.func.count()).where(is_final).group_by(*kind)
    names = ("hour", "task_type", "state", "step", "count")
    return sa.table("finished", *map(sa.column, names)).insert().from_select(names, counted)


def _make_journal() -> None:
    op.create_table(
        "news",
        sa.Column("id", _WHOLE, primary_key=True, nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=True),
        sqlite_strict=True,
    )
    if op.get_context().dialect.name == "postgresql":
        _make_server_journal()
        return
    of_task = "BEGIN INSERT INTO news (task_id) VALUES (NEW.id); END"
    of_execution = "BEGIN INSERT INTO news (task_id, execution_id) VALUES (NEW.task_id, NEW.id); END"
    for name, happens in (
        ("task_made", f"INSERT ON tasks {of_task}"),
        ("task_moved", f"UPDATE ON tasks WHEN NEW.open_seq = OLD.open_seq {of_task}"),
        ("execution_made", f"INSERT ON executions {of_execution}"),
        ("execution_moved", f"UPDATE OF state, cancel, progress, log_lines ON executions {of_execution}"),
        (
            "trimmed",
            "INSERT ON news WHEN (NEW.id & 1023) = 0 BEGIN DELETE FROM news WHERE id <= NEW.id - 8192; END",
        ),
    ):
        op.execute(f"CREATE TRIGGER news_{name} AFTER {happens}")


def _make_server_journal() -> None:
    """The same where many write at once, so that numbers are not given in the order of the commits."""
    op.execute("ALTER TABLE news ADD COLUMN xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint")
    moved = (
        "SELECT task_id, id FROM (SELECT id, task_id, state, cancel, progress, log_lines FROM made"
        " EXCEPT SELECT id, task_id, state, cancel, progress, log_lines FROM was) AS moved ORDER BY id"
    )
    old = "SELECT id FROM scheduler.news WHERE id <= (SELECT max(id) FROM made) - 12288 FOR UPDATE SKIP LOCKED"
    trims = "IF EXISTS (SELECT FROM made WHERE (id & 1023) = 0) THEN DELETE FROM scheduler.news WHERE id IN"
    made = "REFERENCING NEW TABLE AS made"
    for name, happens, body in (
        ("task_moved", "UPDATE ON tasks FOR EACH ROW WHEN (NEW.open_seq = OLD.open_seq)", "VALUES (NEW.id, NULL)"),
        ("tasks_made", f"INSERT ON tasks {made}", "SELECT id, NULL FROM made"),
        ("executions_made", f"INSERT ON executions {made}", "SELECT task_id, id FROM made ORDER BY id"),
        ("executions_moved", "UPDATE ON executions REFERENCING OLD TABLE AS was NEW TABLE AS made", moved),
        ("trimmed", f"INSERT ON news {made}", f"{trims} ({old}); END IF;"),
    ):
        told = body if name == "trimmed" else f"INSERT INTO scheduler.news (task_id, execution_id) {body};"
        head = f"CREATE FUNCTION news_{name}() RETURNS trigger LANGUAGE plpgsql"
        op.execute(f"{head} AS $$ BEGIN {told} RETURN NULL; END $$")
        op.execute(f"CREATE TRIGGER news_{name} AFTER {happens} EXECUTE FUNCTION news_{name}()")
    op.execute(
        "ALTER TABLE finished SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01,"
        " autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0)"
    )


def _step(ended: sa.TableClause) -> sa.ColumnElement[int]:
    """The number of the first step that is not shorter than the last attempt; -1: it has no duration."""
    without = ended.c.state.not_in(("succeeded", "dead")) | ended.c.started_at.is_(None)
    took = ended.c.finished_at - ended.c.started_at
    return sa.case((without, -1), *((took <= bound, step) for step, bound in enumerate(_STEPS)), else_=len(_STEPS))


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, _WHOLE, nullable=False)
