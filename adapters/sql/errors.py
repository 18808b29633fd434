"""Drivers' errors on their way out: each becomes one of the ports' errors, with the driver's as its cause.

What stays as it is, is a bug of ours: SQL that does not parse, a parameter that cannot be bound, a use of the driver
that it does not know. A row that is not taken is none: it may be one that somebody changed by hand, a value may have
grown too large, and it must end no process, which would only find it again when it is started again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
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
_TAKEN = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})
# PostgreSQL's error codes (appendix A of its documentation), whole or by their class.
_UNIQUE = "23505"
_CONTENDED = frozenset({"40001", "40P01"})
# Who we are, what we may, which database: an administrator's to mend.
_REFUSING = ("28", "3D", "42501")
_BAD_ROWS = ("22", "23")
# Connections, resources, an operator's hand, limits on time; a standby (25006), which may be promoted, and a schema
# that is not there, as while somebody restores it.
_PASSING = ("08", "53", "55", "57", "58", "25", "3F", "42P01", "XX")

_CUT_OFF = ("another operation", "connection is closed", "connection was closed", "is closing")


class RowRefusedError(StoreUnavailableError):
    """A row was not taken: it breaks a constraint or is too large. Without it the rest of its batch may pass."""


class RowTakenError(RowRefusedError):
    """A row was not taken because another has its key, perhaps since a moment ago: who begins again will find it."""


class ContendedError(StoreUnavailableError):
    """Another's step came in between, so this one was undone: begun again, it sees what that one did."""


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
    except asyncpg.PostgresError as error:
        raise _of_postgres(f"{doing}: {error}", error.sqlstate) or error from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        if not _is_cut_off(error):
            raise
        raise StoreUnavailableError(f"{doing}: {error}") from error
    except OSError as error:
        raise StoreUnavailableError(f"{doing}: {error}") from error


def _translated(doing: str, error: DBAPIError) -> PortError | SQLAlchemyError:
    text = f"{doing}: {error.orig}"
    state = getattr(error.orig, "sqlstate", None)
    known = _of_postgres(text, state) if state else _of_sqlite(text, error)
    if known is not None:
        return known
    is_gone = error.connection_invalidated or _is_cut_off(error.orig)
    return StoreUnavailableError(text) if is_gone or isinstance(error.orig, sqlite3.OperationalError) else error


def _is_cut_off(error: BaseException | None) -> bool:
    """True for what asyncpg says of a connection whose command was cut off, and which is discarded for that.

    Of the errors that are its own it has no codes; InternalClientError is that of a protocol in mid-word.
    """
    return isinstance(error, asyncpg.InternalClientError) or any(each in str(error) for each in _CUT_OFF)


def _of_sqlite(text: str, error: DBAPIError) -> PortError | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None and code & _PRIMARY in _REFUSED:
        return StoreRefusedError(text)
    if code in _TAKEN:
        return RowTakenError(text)
    return RowRefusedError(text) if isinstance(error, IntegrityError | DataError) else None


def _of_postgres(text: str, state: str | None) -> PortError | None:
    """What an error code means; None: a bug of ours."""
    if state == _UNIQUE:
        return RowTakenError(text)
    if state in _CONTENDED:
        return ContendedError(text)
    if state is None or state.startswith(_PASSING):
        return StoreUnavailableError(text)
    if state.startswith(_BAD_ROWS):
        return RowRefusedError(text)
    return StoreRefusedError(text) if state.startswith(_REFUSING) else None
