"""The stream of what changes, by which open pages know what to fetch again (server-sent events; HTML, 9.2)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web

from application.scheduling.ports.errors import PortError
from entrypoints.web.doors.access import identified
from entrypoints.web.doors.addresses import client_address
from entrypoints.web.doors.origins import comes_from_here
from entrypoints.web.feed import FEED, PULSE, Stream
from entrypoints.web.keys import ACTOR, CALLER
from entrypoints.web.requests.errors import RequestError
from entrypoints.web.requests.parameters import Query

RETRY = b"retry: 3000\n\n"
WRITTEN_WITHIN_SECONDS = 10
# So many pulses, a minute, may pass while the store cannot say who somebody is.
UNCHECKED_MAX = 4
# Nothing on the way may hold events back: no cache, no compression (RFC 9111, 5.2.2.6), no buffer (nginx).
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}


async def events(request: web.Request) -> web.StreamResponse:
    """Tell what changes, from the mark the listener knows, until either side has enough."""
    _refuse_other_sites(request)
    query = Query(request, "since")
    mark = request.headers.get("Last-Event-ID") or query.text("since")
    feed = request.app[FEED]
    with feed.listening(_owner(request), lambda: _is_gone(request)) as stream:
        missed = await feed.missed(mark)
        response = web.StreamResponse(headers=HEADERS)
        # The listener went, or does not read: it comes back by itself.
        with suppress(ConnectionError, TimeoutError):
            await response.prepare(request)
            if request.method != "HEAD":
                await _write(response, RETRY + missed)
                await _tell(request, response, stream)
        return response


async def keep_feed(app: web.Application) -> AsyncIterator[None]:
    """Have the feed look for changes for as long as the application lives."""
    async with asyncio.TaskGroup() as group:
        group.create_task(app[FEED].run())
        yield
        app[FEED].close()


async def end_streams(app: web.Application) -> None:
    """End every stream: the server waits for its answers to end before it goes."""
    app[FEED].close()


async def _tell(request: web.Request, response: web.StreamResponse, stream: Stream) -> None:
    unchecked = 0
    while True:
        event = await stream.next()
        if stream.has_ended:
            return
        if event is PULSE:
            try:
                if await identified(request) is None:
                    return
                unchecked = 0
            except PortError:
                unchecked += 1
            if unchecked == UNCHECKED_MAX:
                return
        await _write(response, event)


async def _write(response: web.StreamResponse, event: bytes) -> None:
    async with asyncio.timeout(WRITTEN_WITHIN_SECONDS):
        await response.write(event)


def _refuse_other_sites(request: web.Request) -> None:
    """A page of another site could not read the stream, but take up the places of our own."""
    if ("Origin" in request.headers or "Sec-Fetch-Site" in request.headers) and not comes_from_here(request):
        raise RequestError("cross_site", "the request came from another site")


def _owner(request: web.Request) -> str:
    """Whose streams are counted together: a user's; where there is none, as without a login, those of an address."""
    return request[CALLER].user_name or f"{request[ACTOR]} at {client_address(request)}"


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
