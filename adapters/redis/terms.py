"""`Terms` in Redis: one field of the store's own record, compared and set as text."""

from dataclasses import dataclass

from adapters.redis.script import script
from adapters.redis.server import Server
from application.scheduling.ports.term import Term
from domain.scheduling.identifiers import NodeId


@dataclass(frozen=True, slots=True)
class RedisTerms:
    """`Terms` in one Redis."""

    server: Server

    async def seen(self) -> Term:
        """See the port. What cannot be read is vacant, and counts from the beginning."""
        text = (await self.server.call(script("term", in_full_memory=True))).answer
        holder, _, counts = text.rpartition("/")
        number, _, beat = counts.partition(" ")
        if not (number.isdecimal() and beat.isdecimal()):
            return Term()
        return Term(NodeId(holder) if holder else None, int(number), int(beat))

    async def replace(self, seen: Term, by: Term) -> bool:
        """See the port."""
        request = (_text(seen), _text(by))
        return bool((await self.server.call(script("term", in_full_memory=True), request)).answer)


def _text(term: Term) -> str:
    return f"{term.holder or ''}/{term.number} {term.beat}"
