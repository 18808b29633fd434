"""What a process is handed of the store it serves: the ports of it, once open, and the right to serve it."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from application.scheduling.ports.access import Access
from application.scheduling.ports.access_trail import AccessTrail
from application.scheduling.ports.execution_store import ExecutionStore
from application.scheduling.ports.figures import Figures
from application.scheduling.ports.history import History
from application.scheduling.ports.hold import Holds
from application.scheduling.ports.membership import Membership
from application.scheduling.ports.news import News
from application.scheduling.ports.outbox import Outbox
from application.scheduling.ports.task_store import TaskStore
from application.scheduling.ports.term import Terms
from application.scheduling.ports.transfer import Transfer


class Stores(Protocol):
    """The ports of one open store."""

    @property
    def tasks(self) -> TaskStore: ...
    @property
    def executions(self) -> ExecutionStore: ...
    @property
    def history(self) -> History: ...
    @property
    def membership(self) -> Membership: ...
    @property
    def access(self) -> Access: ...
    @property
    def figures(self) -> Figures: ...
    @property
    def news(self) -> News: ...
    @property
    def trail(self) -> AccessTrail: ...
    @property
    def holds(self) -> Holds: ...
    @property
    def terms(self) -> Terms | None:
        """The office of upkeep; None: whoever serves this store does so alone."""

    def fault(self) -> str | None:
        """What makes the engine unfit to hold a store, as it was last seen; None: nothing is known to."""

    def weakness(self) -> str | None:
        """What an operator should know about how well the store keeps what it is told; None: nothing is known."""

    def watch(self) -> Callable[[], Awaitable[None]] | None:
        """A look at whether what the store rests on has been changed for the worse; None: nothing can be.

        The look raises StoreUnavailableError, and says what is wrong.
        """

    def outbox(self) -> Outbox | None:
        """What waits for streams on another server; None: the store feeds its streams itself, or there are none."""


class MovableStores(Stores, Protocol):
    """The ports of one open store that can be moved to another, or from there."""

    @property
    def transfer(self) -> Transfer: ...


class Lock(Protocol):
    """The right to serve a store, held by this process and the children that inherit `descriptor`."""

    @property
    def descriptor(self) -> int: ...
    def acquire(self) -> bool: ...
    def holder(self) -> str: ...
    def release(self) -> None: ...
