"""Sharing the tasks out among the schedulers that live, so that they do not all read and decide the same."""

from dataclasses import dataclass

from application.scheduling.ports.membership import Membership
from domain.scheduling.identifiers import NodeId
from domain.scheduling.sharing import EVERYTHING, Share, share_of

SCHEDULER = "scheduler"


@dataclass(slots=True)
class SplitBuckets:
    """What falls to this scheduler: everything until it has seen another one.

    Two that have not heard of each other yet do the same work, and one of them finds each task moved; what falls to one
    that has died is taken by the others once it is late.
    """

    membership: Membership
    node_id: NodeId
    mine: Share = EVERYTHING
    _live: frozenset[NodeId] = frozenset()

    async def run_once(self) -> None:
        """Look who lives. Raises StoreUnavailableError; the share stays as it was."""
        found = {each.node_id for each in await self.membership.members() if SCHEDULER in each.roles}
        live = frozenset(found | {self.node_id})
        if live != self._live:
            self._live, self.mine = live, share_of(self.node_id, live)
