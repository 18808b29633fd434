"""The store's schema through time: Alembic, run in process, forward only."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from application.scheduling.ports.errors import StoreRefusedError


def migrate(connection: Connection, name: str) -> None:
    """Bring the schema to the newest version, within the transaction of `connection`.

    Raises StoreRefusedError if `name` has a version this program does not know: a newer program wrote it.
    """
    newest, known = _revisions()
    present = MigrationContext.configure(connection).get_current_revision()
    if present == newest:
        return
    if present is not None and present not in known:
        raise StoreRefusedError(f"{name} has schema {present}, newer than this program's {newest}: upgrade the program")
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


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
