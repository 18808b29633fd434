"""`Membership` in Redis."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adapters.records.members import member_of, member_row
from adapters.redis.codec import pack, value_of
from adapters.redis.script import script
from adapters.redis.server import Server
from application.scheduling.ports.membership import SILENT_AFTER, Member
from domain.scheduling.identifiers import MICROSECOND, NodeId

_SILENT_AFTER: Final = SILENT_AFTER // MICROSECOND


@dataclass(frozen=True, slots=True)
class RedisMembership:
    """`Membership` in one Redis."""

    server: Server

    async def announce(self, member: Member) -> None:
        """See the port. Who has fallen silent is forgotten here."""
        await self._announce(member.node_id, pack(member_row(member)))

    async def leave(self, node_id: NodeId) -> None:
        """See the port."""
        await self._announce(node_id, None)

    async def members(self) -> Sequence[Member]:
        """See the port. A record that cannot be read is nobody."""
        reply = await self.server.call(script("members", only_reads=True), _SILENT_AFTER)
        found = [member for record in reply.readings if (member := value_of(record, member_of)) is not None]
        return sorted(found, key=lambda member: member.node_id)

    async def _announce(self, node_id: NodeId, record: bytes | None) -> None:
        request = (node_id, record or False, _SILENT_AFTER)
        await self.server.call(script("announce", in_full_memory=True), request)
