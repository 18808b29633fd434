"""Reading what happened at the door, and telling whether somebody has changed the record of it."""

from dataclasses import dataclass

from application.scheduling.ports.access_trail import AccessFilter, AccessPage, AccessTrail
from domain.access.record import Link

STRETCH_MAX = 1_000


@dataclass(frozen=True, slots=True)
class TrailFinding:
    """How the chain was found: its first number and how many records fit, up to `head`.

    `broken_at` is the number of the first record that was altered or is missing; None: every one is as it was written.
    `head` is what to note elsewhere: as long as the chain has it, nothing up to there was made anew.
    """

    first: int
    whole: int
    head: Link
    broken_at: int | None = None


@dataclass(frozen=True, slots=True)
class InspectAccess:
    """The record of access."""

    trail: AccessTrail

    async def page(self, which: AccessFilter, *, limit: int, older_than: int | None = None) -> AccessPage:
        """A page, newest first."""
        return await self.trail.page(which, limit=limit, older_than=older_than)

    async def check(self) -> TrailFinding:
        """Follow the chain from where it begins to where it ended when this began; reads STRETCH_MAX at a time."""
        opening = await self.trail.stretch(0, limit=0)
        first, place, head = opening.anchor, opening.anchor, opening.head
        while place.number < head.number:
            stretch = await self.trail.stretch(place.number, limit=STRETCH_MAX)
            if stretch.anchor.number > place.number:
                # What lay between was forgotten meanwhile, as it should be.
                first = place = stretch.anchor
                continue
            for record in stretch.records:
                if (behind := place.behind(record)) is None:
                    return _broken(first, place)
                place = behind
            if not stretch.records:
                return _broken(first, place)
        if place.number == head.number and place != head:
            return TrailFinding(first.number + 1, place.number - first.number, place, broken_at=place.number)
        return TrailFinding(first.number + 1, place.number - first.number, place)


def _broken(first: Link, place: Link) -> TrailFinding:
    return TrailFinding(first.number + 1, place.number - first.number, place, broken_at=place.number + 1)
