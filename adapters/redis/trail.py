"""`AccessTrail` in Redis, and how its oldest records are forgotten.

Records are never altered and lie in a sorted set by their numbers. A page that is sought among many is read in slices:
between two of them nothing can change what is older than the first, but that the oldest are forgotten.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.records.trail import access_record_of
from adapters.redis.access_reading import Reading, Sought
from adapters.redis.access_steps import AccessSteps, Decision
from adapters.redis.codec import value_of
from adapters.redis.script import script
from adapters.redis.server import Server
from application.scheduling.ports.access_trail import AccessFilter, AccessPage, Stretch
from domain.access.record import AccessRecord, Deed
from domain.scheduling.identifiers import microseconds

# How many records a script looks at while everybody else waits: about a millisecond.
SLICE: Final = 1_000


@dataclass(frozen=True, slots=True)
class RedisTrail(AccessSteps):
    """`AccessTrail` in one Redis."""

    async def note(self, deed: Deed) -> None:
        """See the port."""

        def decide(_: Reading) -> Decision[None]:
            return Decision(None, deed=deed)

        await self._change("note", Sought(), decide)

    async def page(self, which: AccessFilter, *, limit: int, older_than: int | None = None) -> AccessPage:
        """See the port."""
        asked = [each or False for each in (which.actor, which.subject, which.action)]
        found: list[AccessRecord] = []
        below: int | bool = False if older_than is None else older_than
        while True:
            request = (*asked, below, limit + 1 - len(found), SLICE)
            reply = await self.server.call(script("access_page", in_full_memory=True), request)
            found += [each for record in reply.readings if (each := value_of(record, access_record_of)) is not None]
            below = reply.answer
            if below is False or len(found) > limit:
                break
        return AccessPage(tuple(found[:limit]), found[limit - 1].number if len(found) > limit else None)

    async def stretch(self, after: int, *, limit: int) -> Stretch:
        """See the port."""
        found = await self._read(Sought(records=(after, limit)))
        return Stretch([each for each in found.records.values() if each is not None], found.anchor, found.head)


async def forget_access_records(server: Server, before: datetime, limit: int) -> int:
    """Forget at most `limit` records (and at most SLICE) from the beginning that are older than an instant.

    One atomic step, for `History.prune`; answers how many are gone.
    """
    request = (microseconds(before), min(limit, SLICE))
    count: int = (await server.call(script("access_forget", in_full_memory=True), request)).answer
    return count
