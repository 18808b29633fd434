"""Meeting a server: what every new connection finds out before anything else is asked on it.

A connection may lead to a server that was not there a moment ago: one that was restarted, promoted, emptied or
configured anew. So each begins with the same questions, and one that is answered badly is never used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgpack
from redis.asyncio.connection import AbstractConnection

from adapters.records.transfer import mark_in
from adapters.redis.errors import store_errors
from adapters.redis.keys import PREFIX
from adapters.redis.script import script
from adapters.redis.server import Server, answer_of
from application.scheduling.ports.clock import Listener
from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError
from domain.scheduling.identifiers import instant_of

USABLE_SINCE: Final = {1: 1, 2: 2, 3: 3}
"""Of each schema the oldest one whose programs can work with it: see docs/deployment.md."""
SCHEMA: Final = max(USABLE_SINCE)
REDIS_MIN: Final = (7, 0)
VALKEY_MIN: Final = (8, 0)
# What stands where a script is told the generation it works on: this one runs on an empty store, too.
ARRIVE: Final = b"arrive"


@dataclass(slots=True)
class Arrival:
    """What one process knows of its store: its name once it has met it, and how fit and durable the last server was.

    `where` is the address as people may see it, `new_name` what the store is called if it is new (None: no store is to
    be begun); `listener` learns the store's clock from the first reply on. A store that is being moved is met by those
    alone that are there `for_transfer`.
    """

    where: str
    new_name: str | None
    listener: Listener | None = None
    for_transfer: bool = False
    store_id: str | None = None
    durability: str | None = None
    fault: str | None = None

    async def greet(self, connection: AbstractConnection) -> None:
        """Sign in on a new connection and make sure that it leads to this process's store.

        Raises StoreRefusedError for what people must mend, StoreUnavailableError for what may pass.
        """
        is_met = False
        try:
            with store_errors(f"connect to {self.where}"):
                await connection.on_connect()
                facts = _facts(await _info(connection))
                self._judge(facts)
                await self._meet(connection, facts["run_id"])
            is_met = True
        finally:
            if not is_met:  # The pool would take it for one that is ready.
                await connection.disconnect(nowait=True)

    async def look_again(self, server: Server) -> None:
        """See whether the server is still fit. Raises StoreUnavailableError, and says what is to be mended."""
        self._judge(_facts(await server.command("INFO")))

    def _judge(self, facts: Mapping[str, str]) -> None:
        self.fault = fault = fault_of(facts)
        if fault:
            # A process that serves its store already says so until it is mended.
            refusal = StoreRefusedError if self.store_id is None else StoreUnavailableError
            raise refusal(f"{self.where} {fault}")
        self.durability = durability_of(facts)

    async def _meet(self, connection: AbstractConnection, run_id: str) -> None:
        # A server that takes no writes (too few replicas, a full disk) refuses even what might write; so that is asked
        # for only where there is something to be written. In full memory too, or whoever has to connect anew could not
        # end work there.
        verdict, *name = await self._told(connection, run_id, may_write=False)
        if verdict == "changes":
            verdict, *name = await self._told(connection, run_id, may_write=True)
        match verdict:
            case "met":
                self.store_id = name[0]
            case "gone":
                raise StoreUnavailableError(
                    f"{self.where} does not hold this store any more: it was emptied or replaced. Restore it from a "
                    "backup, or restart every process to begin anew"
                )
            case "marked":
                refusal = StoreRefusedError if self.store_id is None else StoreUnavailableError
                raise refusal(f"{self.where} {mark_in(name[0]).told}")
            case "none":
                raise StoreRefusedError(f"{self.where} holds no store: start the service first, or set REDIS_URL")
            case "foreign":
                raise StoreRefusedError(
                    f"{self.where} holds keys named {PREFIX}* that are not this store's, or a part of it: "
                    "choose another database, or restore it from a backup"
                )
            case _:
                raise StoreRefusedError(
                    f"{self.where} has schema {name[0]}, newer than this program's {SCHEMA}: upgrade the program"
                )

    async def _told(self, connection: AbstractConnection, run_id: str, *, may_write: bool) -> Sequence[str]:
        arrive = script("arrive", in_full_memory=may_write, only_reads=not may_write)
        known = (self.new_name or False, self.store_id or False, self.for_transfer)
        asked = (run_id, SCHEMA, USABLE_SINCE[SCHEMA], *known, may_write)
        sent = self.listener.uptime() if self.listener else 0.0
        packed = await answer_of(connection, arrive, b"", ARRIVE, msgpack.packb(asked, use_bin_type=False))
        now, _, verdict = msgpack.unpackb(packed)
        if self.listener:
            self.listener.heard(instant_of(now), sent=sent, received=self.listener.uptime())
        told: Sequence[str] = verdict
        return told


def fault_of(facts: Mapping[str, str]) -> str | None:
    """Why a server of which INFO says this can't be our store; None: it can."""
    if "valkey_version" in facts:
        name, version, at_least = "Valkey", facts["valkey_version"], VALKEY_MIN
    else:
        name, version, at_least = "Redis", facts.get("redis_version", "0.0"), REDIS_MIN
    if tuple(map(int, version.split(".")[:2])) < at_least:
        return f"is {name} {version}: at least {'.'.join(map(str, at_least))} is needed"
    if facts.get("cluster_enabled") == "1":
        return "is a Redis Cluster: one primary is needed, with replicas and Sentinels if you like (or PostgreSQL)"
    if facts.get("role", "master") != "master":
        primary = f"{facts.get('master_host')}:{facts.get('master_port')}"
        return f"is a replica of {primary}, which is where the tasks can be changed"
    if (policy := facts.get("maxmemory_policy", "noeviction")) != "noeviction":
        return f"forgets keys when its memory is full (maxmemory-policy {policy}): set it to noeviction"
    return None


async def fault_at(connection: AbstractConnection) -> str | None:
    """Why the server that a connection leads to can't keep what it is told; None: it can."""
    return fault_of(_facts(await _info(connection)))


def durability_of(facts: Mapping[str, str]) -> str | None:
    """What an operator should know about how well a server keeps what it is told; None: nothing."""
    if facts.get("aof_enabled") == "1":
        return None
    return (
        "durability class R-: it writes no append-only file, so a restart loses what happened since its last snapshot "
        "(set appendonly yes)"
    )


async def _info(connection: AbstractConnection) -> bytes:
    await connection.send_command("INFO")
    told: bytes = await connection.read_response()
    return told


def _facts(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode(errors="replace").splitlines() if not line.startswith("#"))
    return {name: value for name, _, value in lines}
