"""Moving a store to another one, whatever the two are kept in, while the first is served until the last moment.

Copying is comparing: both stores are gone through side by side, in the order of the keys, and what differs is put right
in the target. So whatever was copied before, by a run that was cut off perhaps, is only read again, and each pass over
a source that is served leaves less to do for the next. Then the source is sealed, which no process escapes, and passes
go on until one finds nothing to put right. That pass has read both stores whole, and its digests are the proof.

At every instant at most one of the two may be served: the target is marked from the beginning on, the source before
the target's mark is taken away. A run that is cut off anywhere is taken up by the next one with the same two stores.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.transfer import Facts, Kind, Mark, Standing, Transfer
from application.scheduling.services.compare_kind import KindReport, Seen, compare_kind
from application.scheduling.services.errors import ServiceError

SEALED_PASSES_MAX: Final = 5
REST_FACTOR: Final = 9
"""How much longer than a pass took nothing is read after it, while the source is served."""
LOOK_EVERY: Final = timedelta(seconds=1)


class CopyRefusedError(ServiceError):
    """These two stores can't be copied as they are."""

    code = "copy_refused"

    def __init__(self, detail: str, hint: str | None = None) -> None:
        super().__init__(detail)
        self.hint = hint


class StillServedError(ServiceError):
    """The source is served, and who serves it did not end in time. What is copied stays, and is gone on with."""

    code = "still_served"

    def __init__(self, where: str, served_by: Sequence[str]) -> None:
        super().__init__(f"{where} is still served by {', '.join(served_by)}")
        self.hint = "stop every service on it and give the same command again: it goes on where it was"


class CopyDiffersError(ServiceError):
    """The target did not become equal to the source although nothing changed there any more: it is not to be served."""

    code = "copy_differs"

    def __init__(self, kinds: Sequence[Kind]) -> None:
        super().__init__(f"the copy still differs after {SEALED_PASSES_MAX} passes ({', '.join(kinds)})")
        self.hint = "the source is sealed and whole: `store release` lets it be served again"


@dataclass(frozen=True, slots=True)
class End:
    """One of the two stores, and where it is, as people may see it."""

    transfer: Transfer
    where: str


class Watcher(Protocol):
    """Whoever wants to see how a copy goes on."""

    def passing(self, number: int, *, is_sealed: bool) -> None:
        """A pass over everything begins, the first being number 1; `is_sealed`: nothing can change in the source."""

    def seen(self, kind: Kind, seen: Seen) -> None:
        """So much of a kind was gone through in this pass."""

    def waiting(self, served_by: Sequence[str]) -> None:
        """The copy is up to date, and these have to end before it can be finished."""


class Keeper(Protocol):
    """Who knows whether a store is served."""

    async def served_by(self) -> Sequence[str]:
        """Return who serves it, as people know them. None: nobody, and where one lock decides that, it is held now."""


@dataclass(frozen=True, slots=True)
class CopyReport:
    """A finished copy: what it holds, by the last pass, in how many passes, and for how long the source was sealed.

    Without kinds, all was done by an earlier run, but for the last word to the source.
    """

    kinds: tuple[KindReport, ...]
    passes: int
    sealed_for: timedelta


@dataclass(slots=True)
class CopyStore:
    """One move of `source` to `target`.

    `wait` bounds how long whoever serves the source is waited for; every `look_every` it is seen whether somebody does.
    """

    source: End
    target: End
    keeper: Keeper
    watcher: Watcher
    clock: Clock
    wait: timedelta
    look_every: timedelta = LOOK_EVERY
    _passes: int = 0

    async def run(self) -> CopyReport:
        """Copy, seal, copy the rest, compare, and hand the service over to the target.

        Raises CopyRefusedError, StillServedError, CopyDiffersError, StoreUnavailableError; the run may be repeated.
        """
        source, filling = await self._begin()
        if filling is None:
            assert source.mark is not None, "a copy is finished only while its source is sealed"
            await self._part(source.mark)
            return CopyReport((), 0, timedelta(0))
        if source.mark is None:
            await self._follow()
        since = self.clock.monotonic()
        sealed = await self._seal(source)
        kinds = await self._settle()
        # Whatever changed until it was sealed is part of it.
        of = await self.source.transfer.facts()
        if not await self.target.transfer.finish(of, filling):
            raise CopyRefusedError("somebody else finished or gave up this copy meanwhile")
        await self._part(sealed)
        return CopyReport(kinds, self._passes, timedelta(seconds=self.clock.monotonic() - since))

    async def _begin(self) -> tuple[Facts, Mark | None]:
        """What the source knows of itself, and the mark that the target bears; None: it was handed over before."""
        source, target = await self.source.transfer.facts(), await self.target.transfer.facts()
        if source.store_id == target.store_id:
            raise CopyRefusedError(f"{self.source.where} and {self.target.where} are the same store")
        _refuse_source(source, target, self.source.where)
        filling = Mark(Standing.FILLING, source.store_id, self.source.where)
        if source.mark is not None and target.mark is None:
            # Only the source was not told any more.
            return source, None
        if target.mark is None and not await self.target.transfer.begin(filling):
            hint = "copy into a store that holds nothing and that nobody serves"
            raise CopyRefusedError(f"{self.target.where} is not empty", hint)
        if target.mark is not None and (target.mark.standing, target.mark.other_id) != (
            Standing.FILLING,
            source.store_id,
        ):
            raise CopyRefusedError(f"{self.target.where} {target.mark.told}")
        return source, target.mark or filling

    async def _follow(self) -> None:
        """Copy while the source is served, and wait until it is no more."""
        since = rested_at = self.clock.monotonic()
        while served_by := await self.keeper.served_by():
            if (began := self.clock.monotonic()) >= rested_at:
                await self._pass()
                # A pass reads everything, and whoever serves the source has other things to do.
                rested_at = self.clock.monotonic() + REST_FACTOR * (self.clock.monotonic() - began)
            if self.clock.monotonic() - since > self.wait.total_seconds():
                raise StillServedError(self.source.where, served_by)
            self.watcher.waiting(served_by)
            await asyncio.sleep(self.look_every.total_seconds())

    async def _seal(self, source: Facts) -> Mark:
        """Seal the source: from now on nothing changes in it."""
        if source.mark is not None:
            # It has to be nobody's also now, when it is sealed since an earlier run.
            if served_by := await self.keeper.served_by():
                raise StillServedError(self.source.where, served_by)
            return source.mark
        if undelivered := (await self.source.transfer.facts()).undelivered:
            detail = f"{self.source.where} has messages that are in no stream yet: {undelivered}"
            raise CopyRefusedError(detail, "no copy takes them along: serve it once more until outbox_messages is 0")
        target = await self.target.transfer.facts()
        sealed = Mark(Standing.SEALED, target.store_id, self.target.where)
        if not await self.source.transfer.replace_mark(None, sealed):
            raise CopyRefusedError(f"{self.source.where} is being copied by somebody else")
        return sealed

    async def _settle(self) -> tuple[KindReport, ...]:
        """Copy what is left until nothing is; the pass that found both stores equal."""
        differing: list[Kind] = []
        for _ in range(SEALED_PASSES_MAX):
            kinds = await self._pass(is_sealed=True)
            if not (differing := [each.kind for each in kinds if not each.is_equal]):
                return kinds
        raise CopyDiffersError(differing)

    async def _part(self, sealed: Mark) -> None:
        """The source stays as it is for good: the target is what is served."""
        moved = Mark(Standing.MOVED, sealed.other_id, sealed.other)
        await self.source.transfer.replace_mark(sealed, moved)

    async def _pass(self, *, is_sealed: bool = False) -> tuple[KindReport, ...]:
        self._passes += 1
        self.watcher.passing(self._passes, is_sealed=is_sealed)
        source, target = self.source.transfer, self.target.transfer
        return tuple([await compare_kind(kind, source, target, self.watcher.seen, proving=is_sealed) for kind in Kind])


async def release(end: End, *, although_moved: bool) -> Mark | None:
    """Let a store be served again that was sealed for a copy; return the mark it had, None if it had none.

    Raises CopyRefusedError for one that is an unfinished copy, and for one that was moved unless that is meant: from
    then on both stores would decide the same occurrences.
    """
    mark = (await end.transfer.facts()).mark
    if mark is None:
        return None
    if mark.standing is Standing.FILLING:
        raise CopyRefusedError(f"{end.where} {mark.told}", "to give it up, remove it: the source has everything")
    if mark.standing is Standing.MOVED and not although_moved:
        raise CopyRefusedError(f"{end.where} {mark.told}", "if that copy is thrown away, give --although-moved")
    if not await end.transfer.replace_mark(mark, None):
        raise CopyRefusedError(f"{end.where} was changed meanwhile; look again")
    return mark


def _refuse_source(source: Facts, target: Facts, where: str) -> None:
    """Raise CopyRefusedError unless the source has no mark, or is sealed for this very target."""
    mark = source.mark
    if mark is not None and (mark.standing, mark.other_id) != (Standing.SEALED, target.store_id):
        raise CopyRefusedError(f"{where} {mark.told}")
