"""The tables of the record of access: nothing in it is altered, and nothing is removed from its middle.

Triggers see to that for whoever does not mean to break it, this program included; against others there is the chain of
hashes. `access_chain` has one row: where the records that are kept begin, behind `anchor`, and end, with `head`.
"""

from sqlalchemy import DDL, Column, Table, Text, event

from adapters.sql.store.news_tables import function
from adapters.sql.store.server_tables import SCHEMA
from adapters.sql.store.tables import METADATA, Whole

access_records = Table(
    "access_records",
    METADATA,
    Column("number", Whole, primary_key=True, autoincrement=False, nullable=False),
    Column("at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("hash", Text, nullable=False),
    sqlite_strict=True,
)

access_chain = Table(
    "access_chain",
    METADATA,
    Column("id", Whole, primary_key=True, autoincrement=False, nullable=False),
    Column("anchor_number", Whole, nullable=False),
    Column("anchor_hash", Text, nullable=False),
    Column("head_number", Whole, nullable=False),
    Column("head_hash", Text, nullable=False),
    sqlite_strict=True,
)

_ALTERED = "CREATE TRIGGER access_records_stay_as_they_are BEFORE UPDATE ON access_records"
_REMOVED = "CREATE TRIGGER access_records_stay BEFORE DELETE ON access_records"
_IS_KEPT = "WHEN OLD.number > (SELECT anchor_number FROM access_chain)"
_TOLD = "RAISE(ABORT, 'records of access are never altered')"
_TOLD_OF_REMOVAL = "RAISE(ABORT, 'records of access are forgotten from the oldest on')"
TRIGGERS = (
    f"{_ALTERED} BEGIN SELECT {_TOLD}; END",
    f"{_REMOVED} {_IS_KEPT} BEGIN SELECT {_TOLD_OF_REMOVAL}; END",
)
_ANCHOR = f"SELECT anchor_number FROM {SCHEMA}.access_chain"  # noqa: S608 - a name of ours
_STAYS = (
    "IF TG_OP = 'UPDATE' THEN RAISE 'records of access are never altered'; END IF;",
    f"IF OLD.number > ({_ANCHOR}) THEN RAISE 'records of access are forgotten from the oldest on'; END IF;",
    "RETURN OLD;",
)
_ALTERS = "BEFORE UPDATE OR DELETE ON access_records FOR EACH ROW EXECUTE FUNCTION access_records_stay()"
SERVER_TRIGGERS = (
    function("access_records_stay", " ".join(_STAYS)),
    f"CREATE TRIGGER access_records_stay {_ALTERS}",
)
for _dialect, _statements in (("sqlite", TRIGGERS), ("postgresql", SERVER_TRIGGERS)):
    for _statement in _statements:
        made: DDL = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(METADATA, "after_create", made.execute_if(dialect=_dialect))
