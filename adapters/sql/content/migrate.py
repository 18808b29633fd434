"""Bringing a content database up to date, in process and in the transaction of whoever asks.

Two lineages lie side by side: `scheduler`, the tables that are ours wherever the content lives, and `reference`, the
content's own tables, for databases that have no host application.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError

from adapters.sql.content.tables import METADATA
from application.scheduling.ports.errors import StoreRefusedError

# A host's own alembic_version must not be touched.
VERSION_TABLE = "scheduler_alembic_version"
EVERYTHING = "heads"
OURS = "scheduler@head"


def migrate(connection: sa.Connection, lineages: str = EVERYTHING) -> None:
    """Run what has not run of both lineages, or only of ours; tables are made where the connection makes them.

    Raises StoreRefusedError if the database is newer than this program, or has tables of these names that we did not
    make: a host's own content is not ours to migrate.
    """
    tables = set(sa.inspect(connection).get_table_names())
    foreign = tables & METADATA.tables.keys()
    if foreign and VERSION_TABLE not in tables:
        raise StoreRefusedError(f"the content database has tables of its own: {', '.join(sorted(foreign))}")
    config = Config()
    config.set_main_option("script_location", (Path(__file__).parent / "migrations").as_posix().replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    try:
        command.upgrade(config, lineages)
    except CommandError as error:
        raise StoreRefusedError(f"the content database was made by a newer version: {error}") from error


def missing_columns(connection: sa.Connection) -> list[str]:
    """The columns the tasks need and the database has not, as `table.column`, sorted."""
    catalog = sa.inspect(connection)
    found = {
        (table, column["name"]) for (_, table), columns in catalog.get_multi_columns().items() for column in columns
    }
    wanted = {(table.name, column.name) for table in METADATA.sorted_tables for column in table.columns}
    return sorted(f"{table}.{column}" for table, column in wanted - found)
