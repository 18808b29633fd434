"""How a process is known to the others, and what falls to it among them."""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.ports.membership import Member
from application.scheduling.ports.metrics import BUCKETS_HELD, BUILD, STARTED, TERM_HELD, Readings
from application.scheduling.processors import Processors
from application.scheduling.services.keep_membership import ANNOUNCE_EVERY, KeepMembership
from application.scheduling.services.keep_term import RENEW_EVERY, KeepTerm
from application.scheduling.services.split_buckets import SplitBuckets
from domain.scheduling.cron.zone import tzdata_version
from domain.scheduling.identifiers import NodeId
from domain.scheduling.sharing import EVERYTHING, Share
from entrypoints.container import Container
from entrypoints.loop import Step, Work, every
from entrypoints.metrics import installed_version


def new_node_id(entropy: Entropy) -> NodeId:
    """A name for a process that no other ever has, and that tells people where it ran."""
    return NodeId(f"{socket.gethostname()[:40]}-{entropy.token()[:8]}")


def member(
    node_id: NodeId, roles: frozenset[str], clock: Clock, processors: Processors | None = None, concurrency: int = 0
) -> Member:
    """This process, as it announces itself."""
    return Member(
        node_id,
        roles,
        socket.gethostname(),
        os.getpid(),
        clock.now(),
        processors.specs if processors else (),
        concurrency,
    )


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

    def readings(self, store: str) -> Readings:
        """What it is, and what of the work is its own, for those who watch over it; `store` is the kind of store."""
        me = self.membership.member
        held: Readings = {
            BUCKETS_HELD: {(): len(self.share.buckets)},
            TERM_HELD: {(): self.term is None or self.term.is_ours},
        }
        return {
            STARTED: {(): me.started_at.timestamp()},
            BUILD: {(installed_version(), tzdata_version(), store): 1},
            **(held if "scheduler" in me.roles else {}),
        }

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
        """A step that does `work` and then waits as long, while the upkeep is this process's.

        Work that answers True has more to do, and goes on at once: what is to be forgotten may come faster than that.
        """

        async def step() -> timedelta:
            if self.term is not None and not self.term.is_ours:
                return RENEW_EVERY
            return timedelta(0) if await work() is True else wait

        return step

    async def leave(self) -> None:
        """Be gone at once, rather than after a silence. Raises StoreUnavailableError."""
        if self.term is not None:
            await self.term.resign()
        if self.membership.member.roles:
            await self.membership.leave()


def presence_of(container: Container, node_id: NodeId) -> Presence:
    """The presence of this process under this name."""
    stores, clock = container.stores(), container.clock()
    roles = container.settings().scheduler_roles
    membership = KeepMembership(stores.membership, member(node_id, roles - {"worker"}, clock))
    if stores.terms is None or "scheduler" not in roles:
        return Presence(membership, None, None)
    return Presence(membership, SplitBuckets(stores.membership, node_id), KeepTerm(stores.terms, node_id, clock))
