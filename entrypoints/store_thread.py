"""The store in a thread of its own, so that code which holds its user's event loop never holds a transaction.

A transaction is several awaits. In the loop that handlers run in, code that blocks between two of them would keep
SQLite's one write lock for as long as it likes, and with it the clock, the dashboard and its own successor waiting.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any, TypeVar, cast

import uvloop

from entrypoints.stores import Stores

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Port:
    """A port whose every method is carried out in another loop; a call that is cancelled here is cancelled there."""

    port: object
    loop: asyncio.AbstractEventLoop

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        return partial(self._call, getattr(self.port, name))

    async def _call(self, method: Callable[..., Coroutine[Any, Any, Answer]], *args: Any, **options: Any) -> Answer:
        return await _there(method(*args, **options), self.loop)


@dataclass(frozen=True, slots=True)
class _Stores:
    tasks: _Port
    executions: _Port
    history: _Port
    membership: _Port
    access: _Port
    holds: _Port


@asynccontextmanager
async def in_a_thread(open_stores: Callable[[], AbstractAsyncContextManager[Stores]]) -> AsyncIterator[Stores]:
    """The opened stores, used from here and at work elsewhere. Raises what opening them raises."""
    loop = uvloop.new_event_loop()
    thread = Thread(target=loop.run_forever, name="store", daemon=True)
    thread.start()
    opened = open_stores()
    try:
        stores = await _there(_entered(opened), loop)
        names = ("tasks", "executions", "history", "membership", "access", "holds")
        try:
            yield cast(Stores, _Stores(*(_Port(getattr(stores, name), loop) for name in names)))
        finally:
            await _there(_left(opened), loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)
        loop.close()


async def _there(work: Coroutine[Any, Any, Answer], loop: asyncio.AbstractEventLoop) -> Answer:
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


async def _entered(opened: AbstractAsyncContextManager[Stores]) -> Stores:
    return await opened.__aenter__()


async def _left(opened: AbstractAsyncContextManager[Stores]) -> None:
    await opened.__aexit__(None, None, None)
