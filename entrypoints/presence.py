"""How a process is known to the others, and what falls to it among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from application.scheduling.services.keep_membership import ANNOUNCE_EVERY, KeepMembership
from application.scheduling.services.keep_term import RENEW_EVERY, KeepTerm
from application.scheduling.services.split_buckets import SplitBuckets
from domain.scheduling.sharing import EVERYTHING, Share
from entrypoints.container import Container, keep_membership, keep_term, member, new_node_id, split_buckets
from entrypoints.loop import Step, Work, every
from entrypoints.profiles import Profile


@dataclass(frozen=True, slots=True)
class Presence:
    """One process among those of its store, of which there may be one (`split` and `term` are None) or any number.

    A process that only watches over workers announces nothing: they announce themselves.
    """

    membership: KeepMembership
    split: SplitBuckets | None
    term: KeepTerm | None

    @property
    def share(self) -> Share:
        """The tasks that this process looks after."""
        return EVERYTHING if self.split is None else self.split.mine

    def steps(self) -> Iterator[tuple[str, Step]]:
        """The rounds by which it stays present, with their names."""
        yield "announce", every(self.announce, ANNOUNCE_EVERY)
        if self.term is not None:
            yield "term", every(self.term.run_once, RENEW_EVERY)

    async def announce(self) -> None:
        """Tell the others, and hear of them. Raises StoreUnavailableError."""
        if self.membership.member.roles:
            await self.membership.run_once()
        if self.split is not None:
            await self.split.run_once()

    def upkeep(self, work: Work, wait: timedelta) -> Step:
        """A step that does `work` and then waits as long, while the upkeep is this process's."""

        async def step() -> timedelta:
            if self.term is not None and not self.term.is_ours:
                return RENEW_EVERY
            await work()
            return wait

        return step

    async def leave(self) -> None:
        """Be gone at once, rather than after a silence. Raises StoreUnavailableError."""
        if self.term is not None:
            await self.term.resign()
        if self.membership.member.roles:
            await self.membership.leave()


def presence_of(container: Container, profile: Profile) -> Presence:
    """The presence of this process."""
    stores, clock, node_id = container.stores(), container.clock(), new_node_id(container.entropy())
    roles = container.settings().scheduler_roles
    membership = keep_membership(stores, member(node_id, roles - {"worker"}, clock))
    terms = profile.terms(stores)
    if terms is None or "scheduler" not in roles:
        return Presence(membership, None, None)
    return Presence(membership, split_buckets(stores, node_id), keep_term(terms, node_id, clock))
