"""The store's schema through time: Alembic, run in process, forward only.

A schema that only adds to earlier ones is of use to the programs that knew those: whoever migrates writes down since
which one, so processes of two versions work side by side, and the older ones can be started again.
"""

from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import OperationalError, ProgrammingError

from adapters.sql.store.tables import store
from application.scheduling.ports.errors import StoreRefusedError

USABLE_SINCE: Final = {"0009": "0009"}
"""Of each schema the oldest one whose programs can work with it, which each migration has to add: that of the schema
before, unless it takes something away, or adds what has no default (see docs/deployment.md)."""


def migrate(connection: Connection, name: str, *, for_transfer: bool) -> None:
    """Bring the schema to the newest version, within the transaction of `connection`; a usable newer one is left so.

    Raises StoreRefusedError if `name` was written by a newer program that has no use for this one, or that may have
    put there what this one would leave behind in moving it.
    """
    newest, known = _revisions()
    present = MigrationContext.configure(connection).get_current_revision()
    if present == newest:
        return
    if present is not None and present not in known:
        if not for_transfer and _told_by(connection) in known:
            return
        raise StoreRefusedError(f"{name} has schema {present}, newer than this program's {newest}: upgrade the program")
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    # A new store has no row yet, and is named with this by whoever makes it.
    connection.execute(update(store).values(usable_since=usable_since()))


def usable_since() -> str:
    """The oldest schema whose programs can work with the newest one of this program."""
    newest, _ = _revisions()
    return USABLE_SINCE[str(newest)]


def _told_by(connection: Connection) -> str | None:
    """What a newer program wrote down; None: nothing that this one can read."""
    try:
        # A statement that fails would end the transaction.
        with connection.begin_nested():
            found: str | None = connection.execute(select(store.c.usable_since)).scalar()
    except (OperationalError, ProgrammingError):
        return None
    return found


@cache
def _revisions() -> tuple[str | None, frozenset[str]]:
    """The newest revision and all there are; they are read from files, which do not change while a program runs."""
    script = ScriptDirectory.from_config(_config())
    return script.get_current_head(), frozenset(each.revision for each in script.walk_revisions())


def _config() -> Config:
    config = Config()
    # A percent sign in a path would be taken for an interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
