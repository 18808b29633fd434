"""Drivers' errors on their way out: each becomes one of the ports' errors, with the driver's as its cause."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from application.scheduling.ports.errors import PortError, StoreRefusedError, StoreUnavailableError

# Primary result codes (https://sqlite.org/rescode.html) that no repetition will cure.
_REFUSED = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOTADB,
    }
)
_PRIMARY = 0xFF


@contextmanager
def store_errors(doing: str) -> Iterator[None]:
    """Raise StoreUnavailableError for what may pass, StoreRefusedError for what won't; bugs go through as they are."""
    try:
        yield
    except PortError:
        raise
    except (TimeoutError, PoolTimeoutError) as error:
        raise StoreUnavailableError(f"{doing}: the store did not answer in time") from error
    except DBAPIError as error:
        raise _translated(doing, error) from error
    except OSError as error:
        raise StoreUnavailableError(f"{doing}: {error}") from error


def _translated(doing: str, error: DBAPIError) -> PortError | SQLAlchemyError:
    code = getattr(error.orig, "sqlite_errorcode", None)
    text = f"{doing}: {error.orig}"
    if code is not None and code & _PRIMARY in _REFUSED:
        return StoreRefusedError(text)
    passing = isinstance(error.orig, sqlite3.OperationalError) or error.connection_invalidated
    return StoreUnavailableError(text) if passing else error
