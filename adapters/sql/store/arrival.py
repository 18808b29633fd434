"""Meeting a server: whether it can hold the store, and whether it is the one on which the store was met before.

A server is known by its system identifier and its timeline, which moves whenever another one takes over from a backup
or as a standby that was promoted: what was committed last may be lost then, numbers of claims included, so the store's
generation is raised, and the journal of changes forgotten, whose transactions were numbered by another. Services that
keep these functions to themselves tell at least when the server was started: there each start counts as a take-over.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.engine import Database
from adapters.sql.store.news_tables import news
from adapters.sql.store.server_tables import server
from adapters.sql.store.tables import store
from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError

VERSION_MIN: Final = 14
_FACTS: Final = text(
    "SELECT current_setting('server_version_num')::int, pg_is_in_recovery(), pg_encoding_to_char(encoding),"
    " current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes')"
    " FROM pg_database WHERE datname = current_database()"
)


@dataclass(frozen=True, slots=True)
class Landmark:
    """How a server is known again, in SQL: `whole` by a text of two parts with a / between, the second of them `part`.

    The second part is asked with every claim, and moves whenever another server may have taken over.
    """

    part: str
    whole: str


# The timeline is the one that a primary writes; a standby has none to ask for.
_TIMELINE: Final = "left(pg_walfile_name(pg_current_wal_lsn()), 8)"
_STARTED: Final = "to_hex((extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint)"
BY_TIMELINE: Final = Landmark(_TIMELINE, f"SELECT system_identifier || '/' || {_TIMELINE} FROM pg_control_system()")  # noqa: S608
BY_START: Final = Landmark(_STARTED, f"SELECT 'started/' || {_STARTED}")


@dataclass(slots=True)
class Arrival:
    """What one process knows of the server its store lives on; `where` is the address as people may see it."""

    where: str
    store_id: str | None = None
    durability: str | None = None
    fault: str | None = None
    landmark: Landmark = BY_TIMELINE

    async def judge(self, connection: AsyncConnection) -> None:
        """See whether the server can hold a store.

        Raises StoreRefusedError, or, once the store has been met, StoreUnavailableError; both say what is to be mended.
        """
        version, is_standby, encoding, *commits = (await connection.execute(_FACTS)).one()
        self.fault = fault_of(version, is_standby, encoding)
        if self.fault:
            refusal = StoreRefusedError if self.store_id is None else StoreUnavailableError
            raise refusal(f"{self.where} {self.fault}")
        self.durability = weakness_of(*commits)

    async def meet(self, connection: AsyncConnection) -> None:
        """Make sure that this is the store that was met before, in a transaction that writes."""
        met: str = (await connection.execute(select(store.c.store_id))).scalar_one()
        if self.store_id not in (None, met):
            raise StoreUnavailableError(
                f"{self.where} does not hold this store any more: it was replaced. Restore it from a backup, or "
                "restart every process to begin anew"
            )
        if self.store_id is None:
            self.landmark = await _landmark_seen_by(connection)
        self.store_id = met
        await move_in(connection, self.landmark)

    async def look_again(self, database: Database) -> None:
        """See whether the server is still fit, and still the same. Raises StoreUnavailableError."""
        async with database.writing("look again") as connection:
            await self.judge(connection)
            await self.meet(connection)


async def _landmark_seen_by(connection: AsyncConnection) -> Landmark:
    """The better one, if this user may ask for it and this server knows what is asked."""
    try:
        # A statement that fails would end the transaction.
        async with connection.begin_nested():
            await connection.execute(text(BY_TIMELINE.whole))
    except DBAPIError:
        return BY_START
    return BY_TIMELINE


async def move_in(connection: AsyncConnection, landmark: Landmark) -> None:
    """Raise the store's generation if the server is not the one that it was met on before: whoever comes first does."""
    identity: str = (await connection.execute(text(landmark.whole))).scalar_one()
    known = (await connection.execute(select(server.c.identity).with_for_update())).scalar()
    if known is None:
        await connection.execute(insert(server).values(id=1, identity=identity))
    elif known != identity:
        await connection.execute(update(server).values(identity=identity))
        await connection.execute(update(store).values(generation=store.c.generation + 1))
        await connection.execute(delete(news))


def fault_of(version: int, is_standby: bool, encoding: str) -> str | None:
    """Why a server of such a version, state and encoding can't hold the store; None: it can."""
    if version // 10_000 < VERSION_MIN:
        return f"is PostgreSQL {version // 10_000}: at least {VERSION_MIN} is needed"
    if is_standby:
        return "is a standby: the tasks can be changed on its primary only"
    if encoding != "UTF8":
        return f"keeps its texts as {encoding}: a database with the encoding UTF8 is needed"
    return None


def weakness_of(synchronous_commit: str, fsync: str, full_page_writes: str) -> str | None:
    """What an operator should know about how well the server keeps what it is told; None: nothing."""
    if fsync == "off" or full_page_writes == "off":
        return (
            "not of durability class P: fsync or full_page_writes is off, so a crash may spoil the store (set both on)"
        )
    if synchronous_commit == "off":
        return (
            "not of durability class P: synchronous_commit is off, so a crash loses what was committed last (set it on)"
        )
    return None
