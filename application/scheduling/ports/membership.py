"""Who is here: the processes of this scheduler and what each worker can run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from domain.scheduling.identifiers import NodeId

SILENT_AFTER = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class HandlerSpec:
    """A handler a worker announces: `payload_schema` is JSON Schema 2020-12, None where any object will do.

    `defaults` are the handler's own for `max_retries` and `timeout_seconds`. A `name` of None serves every name of
    its type.
    """

    task_type: str
    name: str | None
    description: str = ""
    payload_schema: Mapping[str, Any] | None = None
    defaults: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """A process, its roles, and, for a worker, its handlers and how much it runs at once.

    A worker without either claims nothing: it finishes what it has, and leaves.
    """

    node_id: NodeId
    roles: frozenset[str]
    host: str
    pid: int
    started_at: datetime
    handlers: tuple[HandlerSpec, ...] = ()
    concurrency: int = 0


def specs_of(members: Iterable[Member]) -> tuple[HandlerSpec, ...]:
    """What these members say they can run."""
    return tuple(spec for member in members for spec in member.handlers)


class Membership(Protocol):
    """The living processes. Atomic per call; raises StoreUnavailableError."""

    async def announce(self, member: Member) -> None:
        """Be here, or still be here: call again within SILENT_AFTER."""

    async def leave(self, node_id: NodeId) -> None:
        """Be gone at once; no error if it was."""

    async def members(self) -> Sequence[Member]:
        """Return who announced within SILENT_AFTER by the store's clock, by node id."""
