"""The change feed behind live pages: one look at the journal for all who listen, and none while nobody does.

Whoever listens first sets the mark and the last to go takes it along: an old one would only say how much has changed.
A listener joins first and asks then what it has missed, so what changes in between is told twice rather than never.
Each has a short queue: who does not read as fast as things change is let go, and may come back with its last mark.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import web

from application.scheduling import json_text
from application.scheduling.ports.news import Changed, News
from application.scheduling.ports.observer import Observer
from entrypoints.loop import every, repeat
from entrypoints.web.requests.errors import RequestError

LOOK_EVERY = timedelta(milliseconds=500)
PULSE_EVERY = timedelta(seconds=15)
SLEEP = timedelta(hours=1)
CHANGES_MAX = 500
EVENTS_QUEUED_MAX = 20
STREAMS_PER_OWNER = 20
RETRY_AFTER_SECONDS = 15

PULSE = b":\n\n"
"""A comment, which keeps proxies from taking a quiet stream for a dead one; HTML, 9.2.7."""


@dataclass(slots=True, eq=False)
class Stream:
    """What one listener is told; `is_gone` says whether its connection is."""

    owner: str
    is_gone: Callable[[], bool]
    has_ended: bool = False
    _events: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(EVENTS_QUEUED_MAX))

    def tell(self, event: bytes) -> None:
        """Have it told; a listener that is too far behind is let go."""
        if self._events.full() or self.is_gone():
            self.end()
        else:
            self._events.put_nowait(event)

    def end(self) -> None:
        """Tell nothing more."""
        self.has_ended = True
        if self._events.empty():
            # Somebody may be waiting for it.
            self._events.put_nowait(b"")

    async def next(self) -> bytes:
        """The next event, as soon as there is one; look at `has_ended` first."""
        return await self._events.get()


@dataclass(slots=True)
class ChangeFeed:
    """Who listens, and up to which mark all of them were told; None: nobody listens."""

    news: News
    observer: Observer
    look_every: timedelta = LOOK_EVERY
    streams_per_owner: int = STREAMS_PER_OWNER
    mark: str | None = None
    _streams: set[Stream] = field(default_factory=set)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._streams)

    @contextmanager
    def listening(self, owner: str, is_gone: Callable[[], bool]) -> Iterator[Stream]:
        """A stream of what changes from now on. Raises RequestError `too_many_streams`."""
        open_ = sum(each.owner == owner and not each.is_gone() for each in self._streams)
        if open_ >= self.streams_per_owner:
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            raise RequestError("too_many_streams", f"you have {open_} streams open", headers=headers)
        stream = Stream(owner, is_gone)
        self._streams.add(stream)
        self._wake.set()
        if self._stop.is_set():
            stream.end()
        try:
            yield stream
        finally:
            self._streams.discard(stream)
            if not self._streams:
                self.mark = None

    async def mark_for_page(self) -> str:
        """The mark from which on a page that is made now is to be told. Raises StoreUnavailableError."""
        return self.mark if self.mark is not None else (await self.news.since(None, limit=CHANGES_MAX)).mark

    async def missed(self, mark: str | None) -> bytes:
        """What changed after a mark, for a stream that has just been opened. Raises StoreUnavailableError."""
        if self.mark is None:
            self._begin((await self.news.since(None, limit=CHANGES_MAX)).mark)
        if mark is None:
            return event_of(Changed(self.mark or "", is_complete=False))
        return event_of(await self.news.since(mark, limit=CHANGES_MAX))

    async def run(self) -> None:
        """Look for changes and keep connections warm until `close`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(repeat(self._look, name="news", stop=self._stop, observer=self.observer, wake=self._wake))
            pulse = every(self._pulse, PULSE_EVERY)
            group.create_task(repeat(pulse, name="pulse", stop=self._stop, observer=self.observer))

    def close(self) -> None:
        """End every stream, those that are still to come as well."""
        self._stop.set()
        for each in self._streams:
            each.end()

    def pulse(self) -> None:
        """Send every listener a sign of life, before which it is looked whether it may still listen."""
        self._tell(PULSE)

    async def _pulse(self) -> None:
        self.pulse()

    async def _look(self) -> timedelta:
        for each in [each for each in self._streams if each.is_gone()]:
            each.end()
        if not self._streams:
            return SLEEP
        before = self.mark
        changed = await self.news.since(before, limit=CHANGES_MAX)
        if not self._streams:
            return SLEEP
        if before is None:
            self._begin(changed.mark)
        elif changed.mark != before:
            self.mark = changed.mark
            self._tell(event_of(changed))
        return self.look_every

    def _begin(self, mark: str) -> None:
        # Somebody else may have asked meanwhile: the earlier mark tells more.
        if self.mark is None:
            self.mark = mark

    def _tell(self, event: bytes) -> None:
        for each in self._streams:
            each.tell(event)


FEED = web.AppKey("feed", ChangeFeed)


def event_of(changed: Changed) -> bytes:
    """What changed, as an event of a stream (HTML, 9.2.5); its id is the mark from which a listener comes back."""
    name, told = "changed", {"tasks": list(changed.tasks), "executions": list(changed.executions)}
    if not changed.is_complete:
        name, told = "reload", {}
    return f"event: {name}\nid: {changed.mark}\ndata: {json_text.write(told)}\n\n".encode()
