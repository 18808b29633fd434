"""A simulated day that is led on a real server, too: whatever reaches the memory store is done there as well.

The day is still that of the memory store, with its witness and its judge; the twin has to give the same answer to
every call, at the same instant of the store's clock, and to lose the same in a fail-over. So each promise that the
day keeps is kept by the other store. Virtual time stands still during its calls: they are made in another thread,
and waited for, which keeps the order of things a matter of the seed.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.execution_store import Beat, HeartbeatAnswer, Held, Settlement
from domain.scheduling.identifiers import ClaimToken

ANSWERS_WITHIN_SECONDS = 30.0

Method = Callable[..., Awaitable[Any]]
Ports = Mapping[str, Any]


class Place(Protocol):
    """A server that can hold a day's store, for one day."""

    def opened(self, clock: Clock) -> AbstractAsyncContextManager[Ports]:
        """The ports of an empty store that has this clock, by the names they have in MemoryStores."""

    def replicate(self) -> None:
        """Keep everything up to now."""

    def fail_over(self) -> None:
        """Be what was kept, in a new generation."""


@dataclass(slots=True)
class Twin:
    """The store in a server, for one day. `compared` counts the calls that were answered alike."""

    place: Place
    compared: int = 0
    fail_overs: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _exits: AsyncExitStack = field(default_factory=AsyncExitStack)
    _ports: Ports = field(default_factory=dict)

    def open(self, clock: Clock) -> None:
        """Begin with an empty store that has the clock of the day."""
        self._ports = self._made(self._exits.enter_async_context(self.place.opened(clock)))

    def doubled(self, port: str, name: str, method: Method) -> Method:
        """The method, made of the twin as well, right behind it."""
        ours: Method = getattr(self._ports[port], name)

        async def call(*args: Any, **options: Any) -> Any:
            answer = await method(*args, **options)
            twins = self._made(ours(*map(_plainly, args), **options))
            assert _plainly(twins) == _plainly(answer), f"{port}.{name}{args}{options}: {twins} instead of {answer}"
            self.compared += 1
            return answer

        return call

    def replicate(self) -> None:
        """Keep everything up to now."""
        self.place.replicate()

    def fail_over(self) -> None:
        """Be what was kept, in a new generation."""
        self.place.fail_over()
        self.fail_overs += 1

    def _made(self, call: Awaitable[Any]) -> Any:
        async def made() -> Any:
            async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
                return await call

        return asyncio.run_coroutine_threadsafe(made(), self._loop).result()

    @contextmanager
    def running(self) -> Iterator[None]:
        """For as long as the context lasts, calls can be made."""
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        try:
            yield
        finally:
            self._made(self._exits.aclose())
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()


def _plainly(given: Any) -> Any:
    """What is given or answered, with ordinary texts for tokens: those of the day have a hash of their own."""
    match given:
        case str():
            return str(given)
        case Beat() | Held() | Settlement():
            return replace(given, token=ClaimToken(str(given.token)))
        case HeartbeatAnswer():
            return HeartbeatAnswer(frozenset(map(_plainly, given.lost)), frozenset(map(_plainly, given.cancelled)))
        case list() | tuple():
            return [_plainly(each) for each in given]
        case _:
            return given
