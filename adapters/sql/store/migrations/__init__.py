"""The store's schema through time: Alembic, run in process, forward only."""

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
    config = _config()
    script = ScriptDirectory.from_config(config)
    newest = script.get_current_head()
    present = MigrationContext.configure(connection).get_current_revision()
    if present == newest:
        return
    if present is not None and present not in {each.revision for each in script.walk_revisions()}:
        raise StoreRefusedError(f"{name} has schema {present}, newer than this program's {newest}: upgrade the program")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    # A percent sign in a path would be taken for an interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
