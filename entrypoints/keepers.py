"""Who knows whether a store is served: where one lock decides it, that; else the processes that say they are there."""

from collections.abc import Sequence
from dataclasses import dataclass

from application.scheduling.services.copy_store import Keeper
from entrypoints.stores import Lock, MovableStores


@dataclass(frozen=True, slots=True)
class LockKeeper:
    """`Keeper` of a store that one lock is for: once nobody has it, it is ours."""

    lock: Lock

    async def served_by(self) -> Sequence[str]:
        """See the protocol."""
        return [] if self.lock.acquire() else [f"process {self.lock.holder()}"]


@dataclass(frozen=True, slots=True)
class MembersKeeper:
    """`Keeper` of a store that any number of processes serve; one that is cut off is gone after a silence."""

    stores: MovableStores

    async def served_by(self) -> Sequence[str]:
        """See the protocol. In a store that is sealed nobody does anything, whether he is still there or not."""
        if (await self.stores.transfer.facts()).mark is not None:
            return []
        found = await self.stores.membership.members()
        return [f"{each.node_id} (process {each.pid} on {each.host})" for each in found]


def keeper_of(stores: MovableStores, lock: Lock | None) -> Keeper:
    """The keeper of a store, open."""
    return MembersKeeper(stores) if lock is None else LockKeeper(lock)
