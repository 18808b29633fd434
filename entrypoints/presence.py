"""How a process is known to the others, and what falls to it among them."""

from dataclasses import dataclass

from application.scheduling.services.keep_membership import KeepMembership
from application.scheduling.services.split_buckets import SplitBuckets
from domain.scheduling.sharing import EVERYTHING, Share
from entrypoints.container import Container, keep_membership, member, new_node_id, split_buckets
from entrypoints.process import take_leave

WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Presence:
    """One process among those of its store; `split` None: no other may fire there.

    A process that only watches over workers announces nothing: they announce themselves.
    """

    membership: KeepMembership
    split: SplitBuckets | None

    @property
    def share(self) -> Share:
        """The tasks that this process looks after."""
        return EVERYTHING if self.split is None else self.split.mine

    async def run_once(self) -> None:
        """Tell the others, and hear of them. Raises StoreUnavailableError."""
        if self.membership.member.roles:
            await self.membership.run_once()
        if self.split is not None:
            await self.split.run_once()

    async def leave(self) -> None:
        """Be gone, if the store takes it within a moment."""
        if self.membership.member.roles:
            await take_leave(self.membership)


def presence_of(container: Container, *, is_alone: bool) -> Presence:
    """The presence of this process; `is_alone`: it is the only one that serves the store."""
    stores, node_id = container.stores(), new_node_id(container.entropy())
    roles = container.settings().scheduler_roles - {WORKER}
    membership = keep_membership(stores, member(node_id, roles, container.clock()))
    return Presence(membership, None if is_alone else split_buckets(stores, node_id))
