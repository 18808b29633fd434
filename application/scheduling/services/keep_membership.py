"""Being known to the others while this process lives."""

from dataclasses import dataclass, replace
from datetime import timedelta

from application.scheduling.ports.membership import Member, Membership

ANNOUNCE_EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class KeepMembership:
    """Announces this process, again and again, and takes leave of the others at its end."""

    membership: Membership
    member: Member

    async def run_once(self) -> None:
        """Announce it once more."""
        await self.membership.announce(self.member)

    async def run_once_without_hands(self) -> None:
        """Announce it as a worker that finishes what it has and takes nothing new."""
        await self.membership.announce(replace(self.member, handlers=(), concurrency=0))

    async def leave(self) -> None:
        """Be gone at once, rather than after a silence."""
        await self.membership.leave(self.member.node_id)
