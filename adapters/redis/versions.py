"""The versions of a task, and the changes that made them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from adapters.records.executions import change_of
from adapters.records.packing import UNREADABLE
from adapters.redis.codec import payload_of, unpack, unpack_definition
from adapters.redis.script import script
from adapters.redis.server import Server
from application.scheduling.ports.records import VersionRecord
from domain.scheduling.change import Change
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import Definition

NEWEST = 9_999_999_999
"""No version is above this one: they are written with ten digits, so that they sort as texts."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Reads of versions, each of them one snapshot."""

    server: Server

    async def up_to(self, task_id: TaskId, until: int, *, limit: int) -> list[VersionRecord]:
        """Versions up to this one, newest first; what cannot be read is left out."""
        # One more than is asked for: each version is compared with the one before.
        request = [task_id, f"{min(max(until, 0), NEWEST):010}", limit + 1]
        reply = await self.server.call(script("versions", only_reads=True), request)
        versions, readings = [int(each) for each in reply.answer], iter(reply.readings)
        kept, made_by = {}, {}
        for version in versions:
            definition, made_by[version] = _definition(readings), _change(readings)
            if definition is not None:
                kept[version] = definition
        return [
            VersionRecord(
                task_id, version, kept[version], made_by[version], redefines=kept.get(version - 1) != kept[version]
            )
            for version in versions[:limit]
            if version in kept
        ]


def _definition(readings: Iterator[bytes]) -> Definition | None:
    """The definition of the next two readings; None: it cannot be read."""
    definition, payload = next(readings), next(readings)
    with suppress(*UNREADABLE):
        return unpack_definition(definition, payload_of(payload))
    return None


def _change(readings: Iterator[bytes]) -> Change | None:
    """The change of the next reading; None: it is kept no more, or cannot be read."""
    with suppress(*UNREADABLE):
        return change_of(unpack(next(readings))).change
    return None
