"""What happened at the door stays on record, each entry with the hash of the one before."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of the records, and the one that says where they begin and end."""
    texts = ("actor", "via", "address", "action", "subject", "detail", "hash")
    _table("access_records", _key("number"), _whole("at"), *map(_text, texts))
    ends = (_whole("anchor_number"), _text("anchor_hash"), _whole("head_number"), _text("head_hash"))
    _table("access_chain", _key("id"), *ends)
    if op.get_context().dialect.name == "postgresql":
        _make_server_trigger()
        return
    _trigger("access_records_stay_as_they_are BEFORE UPDATE ON access_records", "records of access are never altered")
    is_kept = "WHEN OLD.number > (SELECT anchor_number FROM access_chain)"
    told = "records of access are forgotten from the oldest on"
    _trigger(f"access_records_stay BEFORE DELETE ON access_records {is_kept}", told)


def _make_server_trigger() -> None:
    op.execute(
        "CREATE FUNCTION access_records_stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF TG_OP = 'UPDATE' THEN RAISE 'records of access are never altered'; END IF;"
        " IF OLD.number > (SELECT anchor_number FROM scheduler.access_chain) THEN"
        " RAISE 'records of access are forgotten from the oldest on'; END IF; RETURN OLD; RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER access_records_stay BEFORE UPDATE OR DELETE ON access_records"
        " FOR EACH ROW EXECUTE FUNCTION access_records_stay()"
    )


def _trigger(when: str, told: str) -> None:
    op.execute(f"CREATE TRIGGER {when} BEGIN SELECT RAISE(ABORT, '{told}'); END")


def _table(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(name, *columns, sqlite_strict=True)


def _key(name: str) -> sa.Column[int]:
    return sa.Column(name, _WHOLE, primary_key=True, autoincrement=False, nullable=False)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, _WHOLE, nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)
