"""`News` in Redis: the journal, a stream in which every script that changes something writes one entry."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.redis.script import script
from adapters.redis.server import Server
from application.scheduling.ports.news import Changed
from domain.scheduling.identifiers import ExecutionId, TaskId

# How many changes there were, and the id the stream gave to the entry: milliseconds and a number within them.
_MARK = re.compile(r"([1-9][0-9]{0,15})-([1-9][0-9]{0,15}-[0-9]{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the journal: behind the entry of this id, which is the change of this number.

    The stream names its entries by the server's time, so an entry of another store, or one written in the place of what
    a fail-over has lost, is another one.
    """

    id: str
    number: int

    @property
    def mark(self) -> str:
        """The place as people of this port know it."""
        return f"{self.number}-{self.id}"


BEGINNING = Place("", 0)


@dataclass(frozen=True, slots=True)
class Told:
    """What the journal tells behind a place, up to `reached`; `states` are the records of the tasks, b"" for none.

    `is_known` False: the journal does not reach back to the place, or never had it.
    """

    generation: int
    is_known: bool
    newest: Place
    reached: Place
    tasks: Sequence[TaskId] = ()
    executions: Sequence[ExecutionId] = ()
    states: Sequence[bytes] = ()


async def told_behind(server: Server, place: Place | None, *, limit: int = 0, with_states: bool = False) -> Told:
    """What changed behind `place`, in one snapshot: `limit` changes at most, but those of one entry in any case.

    None is a place that is not known.
    """
    id_, number = (False, 0) if place is None else (place.id, place.number)
    reply = await server.call(script("journal", only_reads=True), [id_, number, limit, with_states])
    is_known, newest_id, newest_number, *behind = reply.answer
    newest = Place(newest_id, newest_number)
    if not is_known:
        return Told(reply.generation, is_known=False, newest=newest, reached=newest)
    id_, number, tasks, executions = behind
    return Told(reply.generation, True, newest, Place(id_, number), tasks, executions, reply.readings)


@dataclass(frozen=True, slots=True)
class RedisNews:
    """`News` in one Redis."""

    server: Server

    async def since(self, mark: str | None, *, limit: int) -> Changed:
        """See the port. Tasks that are forgotten are told, too: whoever mirrors the store has to know."""
        place = None if mark is None else _place(mark)
        told = await told_behind(self.server, place, limit=limit)
        if place is None or not told.is_known or told.newest.number - place.number > limit:
            return Changed(told.newest.mark, is_complete=mark is None)
        return Changed(told.newest.mark, tuple(told.tasks), tuple(told.executions))


def _place(mark: str) -> Place | None:
    if mark == BEGINNING.mark:
        return BEGINNING
    matched = _MARK.fullmatch(mark)
    return None if matched is None else Place(matched[2], int(matched[1]))
