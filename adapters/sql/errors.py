"""Drivers' errors on their way out: each becomes one of the ports' errors, with the driver's as its cause.

What stays as it is, is a bug of ours: SQL that does not parse, a parameter that cannot be bound, a use of the driver
that it does not know. A row that is not taken is none: it may be one that somebody changed by hand, a value may have
grown too large, and it must end no process, which would only find it again when it is started again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
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


class RowRefusedError(StoreUnavailableError):
    """A row was not taken: it breaks a constraint or is too large. Without it the rest of its batch may pass."""


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
    if isinstance(error, IntegrityError | DataError):
        return RowRefusedError(text)
    passing = isinstance(error.orig, sqlite3.OperationalError) or error.connection_invalidated
    return StoreUnavailableError(text) if passing else error
