"""The ports of a store with a stop-watch: how long each call took, and which were not answered."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cached_property, wraps
from inspect import iscoroutinefunction
from typing import Any, Protocol, cast

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import PortError
from application.scheduling.ports.execution_store import ExecutionStore
from application.scheduling.ports.figures import Figures
from application.scheduling.ports.history import History
from application.scheduling.ports.membership import Membership
from application.scheduling.ports.metrics import STORE_CALLS, STORE_ERRORS, Counting
from application.scheduling.ports.task_store import TaskStore

Call = Callable[..., Awaitable[Any]]


class Ports(Protocol):
    """What is measured of an open store."""

    @property
    def tasks(self) -> TaskStore: ...
    @property
    def executions(self) -> ExecutionStore: ...
    @property
    def history(self) -> History: ...
    @property
    def figures(self) -> Figures: ...
    @property
    def membership(self) -> Membership: ...


class TimedStores:
    """These ports, each call counted under its port and its method: `tasks.commit_firings`.

    A port is taken when it is first asked for: a worker has no use for all of them.
    """

    def __init__(self, stores: Ports, counting: Counting, clock: Clock) -> None:
        self._stores, self._counting, self._clock = stores, counting, clock

    @cached_property
    def tasks(self) -> TaskStore:
        """See `Ports`."""
        return cast(TaskStore, self._timed("tasks", self._stores.tasks))

    @cached_property
    def executions(self) -> ExecutionStore:
        """See `Ports`."""
        return cast(ExecutionStore, self._timed("executions", self._stores.executions))

    @cached_property
    def history(self) -> History:
        """See `Ports`."""
        return cast(History, self._timed("history", self._stores.history))

    @cached_property
    def figures(self) -> Figures:
        """See `Ports`."""
        return cast(Figures, self._timed("figures", self._stores.figures))

    @cached_property
    def membership(self) -> Membership:
        """See `Ports`."""
        return cast(Membership, self._timed("membership", self._stores.membership))

    def _timed(self, name: str, port: object) -> object:
        return _Timed(name, port, self._counting, self._clock)


class _Timed:
    """One port; its methods are wrapped when they are first asked for."""

    def __init__(self, name: str, port: object, counting: Counting, clock: Clock) -> None:
        self._name, self._port, self._counting, self._clock = name, port, counting, clock

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not iscoroutinefunction(found):
            return found
        measured = self._measured(f"{self._name}.{name}", found)
        setattr(self, name, measured)
        return measured

    def _measured(self, operation: str, call: Call) -> Call:
        counting, monotonic = self._counting, self._clock.monotonic

        @wraps(call)
        async def measured(*arguments: Any, **named: Any) -> Any:
            began = monotonic()
            try:
                return await call(*arguments, **named)
            except PortError:
                counting.add(STORE_ERRORS, operation)
                raise
            finally:
                counting.lasted(STORE_CALLS, operation, duration=timedelta(seconds=monotonic() - began))

        return measured
