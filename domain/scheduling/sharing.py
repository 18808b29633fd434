"""Which scheduler looks after which buckets: a saving of work, never a condition of being right."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b

from domain.scheduling.identifiers import BUCKET_COUNT, NodeId

TAKEOVER_AFTER = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class Share:
    """The buckets one scheduler reads first; what is 500 ms late anybody takes."""

    buckets: frozenset[int]

    @property
    def is_everything(self) -> bool:
        """True if no bucket is left out, so a store need not look at buckets at all."""
        return len(self.buckets) == BUCKET_COUNT


EVERYTHING = Share(frozenset(range(BUCKET_COUNT)))


def share_of(node: NodeId, live: Collection[NodeId]) -> Share:
    """The buckets of `node` among the live schedulers, by rendezvous hashing (Thaler, Ravishankar 1998).

    When a node comes or goes only its own buckets change hands. A node that is not among the live has none.
    """
    return Share(frozenset(bucket for bucket in range(BUCKET_COUNT) if _owner(bucket, live) == node))


def _owner(bucket: int, live: Collection[NodeId]) -> NodeId | None:
    return max(live, key=lambda node: (blake2b(f"{bucket}/{node}".encode()).digest(), node), default=None)
