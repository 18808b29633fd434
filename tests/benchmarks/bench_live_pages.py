"""Two hundred open pages that listen to what changes: what they take from dispatching a burst.

The server, its feed and the scheduler's loop share a process and its event loop, as they do in life; whoever listens is
a process of its own that reads all it is told. Bursts with nobody listening and with everybody alternate in one run.
"""

import asyncio
import multiprocessing
import selectors
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from aiohttp import web

from adapters.sql.store import SqlStore, open_sqlite_store
from adapters.system.entropy import SystemEntropy
from entrypoints.web.doors.access import Permission, admit
from entrypoints.web.events import end_streams, events, keep_feed
from entrypoints.web.feed import FEED, ChangeFeed
from entrypoints.web.keys import SETTINGS, WebSettings
from tests.benchmarks.bench_sqlite_burst import ROUNDS, ShiftedClock, add_tasks, burst_of
from tests.support.recorders import RecordingObserver

CLIENTS = 200
MUST = 0.8


def run() -> list[dict[str, Any]]:
    """One run of alternating bursts; each figure is the median of `ROUNDS`."""
    with tempfile.TemporaryDirectory() as folder:
        alone, watched = asyncio.run(_measured(Path(folder) / "store.db"))
    return [
        {
            "name": f"10,000 tasks due at one instant, {CLIENTS} live pages open",
            "value": round(watched),
            "unit": "tasks/s",
            "must": None,
            "goal": None,
            "limit": round(alone),
            "ratio": round(watched / alone, 2),
            "peers": {"ratio that must be reached": MUST},
            "p50_ms": None,
            "p99_ms": None,
        }
    ]


async def _measured(path: Path) -> tuple[float, float]:
    """Tasks a second with nobody listening, and with everybody."""
    alone, watched = list[float](), list[float]()
    clock = ShiftedClock()
    async with open_sqlite_store(path, clock, SystemEntropy()) as store, _served(store) as (feed, port):
        await add_tasks(store, clock)
        for _ in range(ROUNDS):
            alone.append((await burst_of(store, clock)).rate)
            async with _listeners(feed, port):
                watched.append((await burst_of(store, clock)).rate)
    return median(alone), median(watched)


@asynccontextmanager
async def _served(store: SqlStore) -> AsyncIterator[tuple[ChangeFeed, int]]:
    app = web.Application()
    feed = ChangeFeed(store.news, RecordingObserver(), streams_per_owner=CLIENTS)
    app[FEED], app[SETTINGS] = feed, WebSettings()
    app.cleanup_ctx.append(keep_feed)
    app.on_shutdown.append(end_streams)
    app.router.add_get("/events", _events)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield feed, runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _events(request: web.Request) -> web.StreamResponse:
    await admit(request, Permission.VIEWER)
    return await events(request)


@asynccontextmanager
async def _listeners(feed: ChangeFeed, port: int) -> AsyncIterator[None]:
    """CLIENTS streams, open and read by another process until the end of the context."""
    process = multiprocessing.get_context("spawn").Process(target=_listen, args=(port,), daemon=True)
    process.start()
    try:
        await _until(feed, CLIENTS)
        yield
    finally:
        process.kill()
        process.join()
    await _until(feed, 0)


async def _until(feed: ChangeFeed, listeners: int) -> None:
    async with asyncio.timeout(30):
        # Another process opens and closes them, which sets no event.
        while feed.listeners != listeners:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def _listen(port: int) -> None:
    """Open the streams, and read until somebody ends this process."""
    request = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    with selectors.DefaultSelector() as selector:
        for _ in range(CLIENTS):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(request)
            selector.register(connection, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.recv(65_536)
