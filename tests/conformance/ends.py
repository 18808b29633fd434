"""Stores that are moved: of every kind that can be, any number beside each other, on one clock."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path

from redis import Redis

from adapters.redis.address import Address
from adapters.redis.opening import open_redis_store
from adapters.sql.postgres_address import address_of
from adapters.sql.store import open_postgres_store, open_sqlite_store
from adapters.system.clock import SystemClock
from application.scheduling.ports.transfer import Kind, Mark
from application.scheduling.services.compare_kind import Seen
from application.scheduling.services.copy_store import CopyReport, CopyStore, End, Keeper
from entrypoints.stores import MovableStores
from tests.conformance.backends import postgres_server, redis_server
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy

MOVABLE = ("sqlite", "redis", "postgres")
PAIRS = [(source, target) for source in MOVABLE for target in MOVABLE if source != target]
TEMPLATE = "moved_template"
_NUMBERS = count(1)


@dataclass(slots=True)
class Ends:
    """Opens stores in a folder; each is closed with the stack."""

    clock: ManualClock
    folder: Path
    stack: AsyncExitStack

    async def a_store(self, kind: str) -> "MovedStore":
        """A new store of this kind, empty."""
        number = next(_NUMBERS)
        opening = await OPENINGS[kind](self.clock, self.folder, number)
        stores = await self.stack.enter_async_context(opening(True))
        steps = StoreUnderTest(self.clock, stores, _nothing, _nothing_to, _nothing_to, CountingEntropy(number))
        return MovedStore(f"{kind} {number}", opening, stores, steps)


Opening = Callable[[bool], AbstractAsyncContextManager[MovableStores]]


@dataclass(frozen=True, slots=True)
class MovedStore:
    """One store, open for being moved, with the steps of the conformance tests; `where` is as people may see it.

    `opening` opens it once more, as whoever would serve it does (False).
    """

    where: str
    opening: Opening
    stores: MovableStores
    steps: StoreUnderTest

    @property
    def end(self) -> End:
        """It as an end of a copy."""
        return End(self.stores.transfer, self.where)

    async def mark(self) -> Mark | None:
        """Why it is not to be served."""
        return (await self.stores.transfer.facts()).mark


async def _nothing() -> None: ...


async def _nothing_to(_: object) -> None: ...


@asynccontextmanager
async def ends_in(clock: ManualClock, folder: Path) -> AsyncIterator[Ends]:
    """Stores for as long as the context lasts."""
    async with AsyncExitStack() as stack:
        yield Ends(clock, folder, stack)


async def _sqlite(clock: ManualClock, folder: Path, number: int) -> Opening:
    path, empty = folder / f"{number}.db", folder / "empty.db"
    if not empty.exists():
        async with open_sqlite_store(empty, clock, CountingEntropy()):
            pass
    shutil.copyfile(empty, path)
    async with open_sqlite_store(path, clock, CountingEntropy()) as stores, stores.database.writing("name") as named:
        # A copied file is the same store; these are to be different ones.
        await named.exec_driver_sql(f"UPDATE store SET store_id = 'sqlite-{number}'")
    return lambda moving: open_sqlite_store(path, clock, CountingEntropy(number), for_transfer=moving)


async def _redis(clock: ManualClock, folder: Path, number: int) -> Opening:
    server, database = redis_server(), number % 16
    with Redis(unix_socket_path=server.options["unixsocket"], db=database) as admin:
        admin.flushdb()
    address = Address(path=server.options["unixsocket"], database=database)
    return lambda moving: open_redis_store(address, CountingEntropy(number), clock=clock, for_transfer=moving)


async def _postgres(clock: ManualClock, folder: Path, number: int) -> Opening:
    await _make_template(clock)
    url = postgres_server().database(f"moved_{number}", template=TEMPLATE)
    address = address_of(url)
    opened = open_postgres_store(address, CountingEntropy(), clock=clock)
    async with opened as stores, stores.database.writing("name") as named:
        await named.exec_driver_sql(f"UPDATE scheduler.store SET store_id = 'postgres-{number}'")
    return lambda moving: open_postgres_store(address, CountingEntropy(number), clock=clock, for_transfer=moving)


_MADE: list[str] = []


async def _make_template(clock: ManualClock) -> None:
    """A database with an empty store, which others are copies of: migrating takes longer than most tests."""
    if not _MADE:
        _MADE.append(postgres_server().database(TEMPLATE))
        async with open_postgres_store(address_of(_MADE[0]), CountingEntropy(), clock=clock):
            pass


OPENINGS: dict[str, Callable[[ManualClock, Path, int], Awaitable[Opening]]] = {
    "sqlite": _sqlite,
    "redis": _redis,
    "postgres": _postgres,
}


class Unwatched:
    """`Watcher` that looks away."""

    def passing(self, number: int, *, is_sealed: bool) -> None: ...
    def seen(self, kind: Kind, seen: Seen) -> None: ...
    def waiting(self, served_by: Sequence[str]) -> None: ...


@dataclass(slots=True)
class Nobody:
    """`Keeper` of what nobody serves."""

    async def served_by(self) -> Sequence[str]:
        """See the port."""
        return []


async def moved(source: MovedStore, target: MovedStore, keeper: Keeper | None = None) -> CopyReport:
    """Move a store that nobody serves, unless `keeper` knows better."""
    copying = CopyStore(
        source.end,
        target.end,
        keeper or Nobody(),
        Unwatched(),
        SystemClock(),
        timedelta(seconds=20),
        timedelta(milliseconds=1),
    )
    return await copying.run()


def digests(report: CopyReport) -> dict[Kind, tuple[int, str]]:
    """What a copy holds, by kind: how many records, and the digest of all."""
    return {each.kind: (each.counts[1], each.digests[1]) for each in report.kinds}
