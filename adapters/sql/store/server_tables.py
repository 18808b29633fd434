"""What a store keeps beside the tables of every store where it lives on a server, and how the server keeps them all."""

from sqlalchemy import DDL, CheckConstraint, Column, Connection, Integer, MetaData, Sequence, Table, Text, event, text

from adapters.sql.store.tables import METADATA, Whole

SCHEMA = "scheduler"
SERVER_METADATA = MetaData()

fence = Sequence("fence", data_type=Whole, metadata=SERVER_METADATA)
"""Numbers claims within a generation: a sequence, since a row would have all claims wait for each other's commits."""

server = Table(
    "server",
    SERVER_METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # Which server, and which of its lives, the store was last met on.
    Column("identity", Text, nullable=False),
    # The office of upkeep: application/scheduling/ports/term.py.
    Column("holder", Text),
    Column("term", Whole, nullable=False, server_default=text("0")),
    Column("beat", Whole, nullable=False, server_default=text("0")),
    CheckConstraint("id = 1", name="one_server"),
)

# Room in the page for the next version of a row, so that a heartbeat or a firing touches no index it need not; and
# dead rows are cleared away before they are many, because all claims look at the same end of an index.
STORAGE = tuple(
    f"ALTER TABLE {name} SET (fillfactor = {fill}, autovacuum_vacuum_scale_factor = 0.01,"
    " autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0)"
    for name, fill in (("tasks", 80), ("executions", 80), ("attempts", 90), ("members", 50), ("finished", 50))
)


@event.listens_for(METADATA, "after_create")
def _make_server_tables(_metadata: MetaData, connection: Connection, **_: object) -> None:
    if connection.dialect.name == "postgresql":
        SERVER_METADATA.create_all(connection)


for _statement in STORAGE:
    made: DDL = DDL(_statement)  # type: ignore[no-untyped-call]
    event.listen(METADATA, "after_create", made.execute_if(dialect="postgresql"))
