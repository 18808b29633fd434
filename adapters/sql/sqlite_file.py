"""A database file: made for its owner alone, on a disk that can lock, and the connections to it."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from sqlalchemy import AsyncAdaptedQueuePool, Connection, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.sql.compiled import SHARED, OneSpeech
from adapters.sql.engine import Database
from adapters.sql.sqlite_connection import BEGIN_WRITING, connections_to
from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError

VERSION_MIN = (3, 37, 0)
BUSY_TIMEOUT_SECONDS = 5.0
READERS_MAX = 4
BROWSERS_MAX = 4
OWNER_ONLY = 0o600
MIGRATION_WAIT_SECONDS = 30.0
_LOCK_PAUSE_SECONDS = 0.05
MOUNTS = Path("/proc/mounts")
# Their locks are not reliable, or their memory is not shared, and WAL needs both: https://sqlite.org/wal.html.
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "glusterfs", "fuse.glusterfs"}
    | {"fuse.sshfs", "fuse.s3fs", "fuse.rclone", "beegfs", "gpfs", "ocfs2", "davfs", "fuse.davfs2"}
)
# A commit is on the disk when it returns; the log is folded back every 16 MB, not in the midst of every burst.
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA wal_autocheckpoint = 4096",
    "PRAGMA journal_size_limit = 67108864",
)


class Dialect(OneSpeech, SQLiteDialect_aiosqlite):
    """SQLAlchemy's dialect, whose statements are compiled once."""

    supports_statement_cache = True


registry.register("peachpie.aiosqlite", __name__, Dialect.__name__)


def open_database(path: Path) -> Database:
    """The connections to a database's file, made as they are needed: one that writes, some that read."""
    # The file remembers that it has a log; switching it needs the file alone, hence under the migration's lock.
    # Last of all, and only here: from now on the writer waits in its own way, not in SQLite's.
    writing = ("PRAGMA journal_mode = WAL", *_PRAGMAS, "PRAGMA cache_size = -16384", "PRAGMA busy_timeout = 0")
    reading = (*_PRAGMAS, "PRAGMA query_only = ON", "PRAGMA cache_size = -4096")
    writer = _engine(path, BEGIN_WRITING, writing, connections_max=1)
    reader = _engine(path, "BEGIN", reading, connections_max=READERS_MAX)
    browser = _engine(path, "BEGIN", reading, connections_max=BROWSERS_MAX)
    return Database(writer, reader, browser)


def open_users_engine(path: Path) -> AsyncEngine:
    """Connections for code that is not ours: reading takes no lock, the first write of a transaction takes the one.

    That is how Python's driver and SQLAlchemy treat any SQLite file. Whoever opened it disposes of it.
    """
    engine = create_async_engine(
        "sqlite+aiosqlite:///",
        async_creator=connections_to(path, busy_timeout_seconds=BUSY_TIMEOUT_SECONDS, begin_with_writes=True),
        poolclass=AsyncAdaptedQueuePool,
        hide_parameters=True,
    )
    _prepared(engine, _PRAGMAS)
    return engine


def prepare_file(path: Path) -> None:
    """Make sure of a file that a database can live in; raises StoreRefusedError, StoreUnavailableError."""
    check_file(path)
    make_file(path)


def check_file(path: Path) -> frozenset[str]:
    """The names of the tables in a database's file, none if it is empty or not there yet; nothing is made.

    Raises StoreRefusedError if no database can live here or the file is something else, StoreUnavailableError if
    another program keeps it locked.
    """
    check_place(path, MOUNTS.read_text() if MOUNTS.exists() else "")
    if not path.exists():
        return frozenset()
    if not path.is_file():
        raise StoreRefusedError(f"{path} is no file")
    # For writing, although nothing is written: a connection that may only read leaves the files of a log behind.
    name = f"{path.resolve().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(name, uri=True, timeout=BUSY_TIMEOUT_SECONDS)) as connection:
            return frozenset(
                row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            )
    except sqlite3.OperationalError as error:
        raise StoreUnavailableError(f"open {path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise StoreRefusedError(f"open {path}: {error}") from error


def check_place(path: Path, mounts: str) -> None:
    """Raise StoreRefusedError if a store cannot live here; `mounts` is the text of /proc/mounts, or empty."""
    if sqlite3.sqlite_version_info < VERSION_MIN:
        needed = ".".join(map(str, VERSION_MIN))
        raise StoreRefusedError(f"SQLite {needed} or later is needed, this is {sqlite3.sqlite_version}")
    kind = file_system_of(path, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreRefusedError(f"{path} lies on a network file system ({kind}): SQLite needs a local disk")
    # The log lies beside the file, so the folder must be writable as well.
    for place in (path, path.parent):
        if place.exists() and not os.access(place, os.R_OK | os.W_OK):
            raise StoreRefusedError(f"{place} is read-only for this user: the store must be writable")


def file_system_of(path: Path, mounts: str) -> str | None:
    """The kind of file system `path` lies on, by the deepest mount point above it; None if the text says nothing."""
    path, deepest, kind = path.resolve(), -1, None
    for line in mounts.splitlines():
        fields = line.split(" ")
        # Blanks in a mount point are written as octal escapes; see fstab(5).
        point = Path(fields[1].replace("\\040", " ")) if len(fields) > 2 else None
        if point is not None and path.is_relative_to(point) and len(point.parts) > deepest:
            deepest, kind = len(point.parts), fields[2]
    return kind


def make_file(path: Path) -> None:
    """Make the file and its folder if they are not there; the log beside it gets the same permissions from SQLite.

    An existing file is opened by SQLite alone: closing any other descriptor of it would drop the locks that other
    connections of this process hold on it (https://sqlite.org/howtocorrupt.html, 2.2). Raises StoreRefusedError.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            # Exclusively: it may be there, and open, by now.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ONLY))
    except OSError as error:
        if path.is_file():
            return
        raise StoreRefusedError(f"{path} cannot be made: {error.strerror}") from error


@asynccontextmanager
async def migration_lock(path: Path) -> AsyncIterator[None]:
    """Hold the lock under which one process at a time makes or migrates the file; it ends with the process."""
    descriptor = os.open(path.with_name(path.name + ".migration"), os.O_CREAT | os.O_RDWR, OWNER_ONLY)
    try:
        await _locked(descriptor, path)
        yield
    finally:
        os.close(descriptor)


async def _locked(descriptor: int, path: Path) -> None:
    try:
        async with asyncio.timeout(MIGRATION_WAIT_SECONDS):
            # Another process gives no sign when it lets go; waiting in the call itself could not be limited.
            while not _try_lock(descriptor):  # noqa: ASYNC110
                await asyncio.sleep(_LOCK_PAUSE_SECONDS)
    except TimeoutError as error:
        raise StoreUnavailableError(f"{path} is being migrated by another process") from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _engine(path: Path, begin: str, pragmas: tuple[str, ...], *, connections_max: int) -> AsyncEngine:
    engine = create_async_engine(
        "peachpie+aiosqlite:///",
        async_creator=connections_to(path, busy_timeout_seconds=BUSY_TIMEOUT_SECONDS),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=connections_max,
        max_overflow=0,
        # Every transaction ends in our hands; another ROLLBACK at its return would be one more trip to the thread.
        pool_reset_on_return=None,
        execution_options=SHARED,
        # An error on its way to the log must not carry whole rows, payloads and all.
        hide_parameters=True,
    )

    _prepared(engine, pragmas)

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _prepared(engine: AsyncEngine, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()
