"""`Membership` in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.memory.state import State
from application.scheduling.ports.membership import SILENT_AFTER, Member
from domain.scheduling.identifiers import NodeId


@dataclass(frozen=True, slots=True)
class MemoryMembership:
    """`Membership` over the shared state."""

    state: State

    async def announce(self, member: Member) -> None:
        """See the port."""
        now = self.state.now()
        self.state.members[member.node_id] = (member, now)
        # Who has fallen silent is forgotten here, so that the table stays as long as the list of the living.
        for node_id in [each for each, (_, seen_at) in self.state.members.items() if now - seen_at > SILENT_AFTER]:
            del self.state.members[node_id]

    async def leave(self, node_id: NodeId) -> None:
        """See the port."""
        self.state.now()
        self.state.members.pop(node_id, None)

    async def members(self) -> Sequence[Member]:
        """See the port."""
        now = self.state.now()
        living = [member for member, seen_at in self.state.members.values() if now - seen_at <= SILENT_AFTER]
        return sorted(living, key=lambda member: member.node_id)
