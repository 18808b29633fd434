"""Clocks over virtual time, and randomness that is the same whatever the interpreter's hash seed."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zlib import crc32

from domain.scheduling.identifiers import MICROSECOND
from tests.support.sim_loop import SimLoop

NAP_MAX = timedelta(minutes=1)
WOBBLES_FOR = 500_000


@dataclass(slots=True)
class SimClock:
    """`Clock` of one process, or of the store: its calendar is off by `offset` and can be stepped either way.

    One that follows another wobbles: for half a second of every two it is wrong by `wobble`.
    """

    loop: SimLoop
    start: datetime
    offset: timedelta = timedelta(0)
    wobble: timedelta = timedelta(0)

    def now(self) -> datetime:
        """See the port."""
        return self.start + (timedelta(microseconds=self.loop.elapsed) + self.offset)

    def monotonic(self) -> float:
        """See the port."""
        return self.loop.time()

    def uptime(self) -> float:
        """See the port."""
        return self.loop.time()

    async def sleep_until(self, instant: datetime) -> None:
        """See the port; long sleeps are cut, as those of the real clock."""
        # The calendar may be stepped meanwhile, so there is no event to wait for.
        while (left := instant - self.now()) > timedelta(0):  # noqa: ASYNC110
            await asyncio.sleep(min(left, NAP_MAX) / timedelta(seconds=1))

    def follow(self, told: datetime) -> None:
        """Be what the store said its clock shows, as the adapters of remote stores are."""
        self.offset = told - self.start - timedelta(microseconds=self.loop.elapsed)
        if self.loop.elapsed // WOBBLES_FOR % 4 == 0:
            self.offset += self.wobble

    def step(self, by: timedelta) -> None:
        """Set the calendar forward or back; the stop-watch does not notice."""
        self.offset += by // MICROSECOND * MICROSECOND


class SteadyName(str):
    """A name with a hash of its own, so that sets of names have one order in every interpreter."""

    __slots__ = ()

    def __hash__(self) -> int:
        return crc32(self.encode())


@dataclass(slots=True)
class SimEntropy:
    """`Entropy` that counts; `owner` keeps those of two processes apart."""

    owner: str
    _drawn: int = field(default=0)

    def identifier(self) -> str:
        """See the port."""
        self._drawn += 1
        return f"{crc32(self.owner.encode()):08x}-0000-4000-8000-{self._drawn:012x}"

    def token(self) -> str:
        """See the port."""
        self._drawn += 1
        return SteadyName(f"{crc32(self.owner.encode()):08x}{self._drawn:024x}")
