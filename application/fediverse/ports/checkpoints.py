"""How far a maintenance task has come, kept beside the content it works on.

Every step of a task is one transaction that changes content and saves the checkpoint reached by it. A crash therefore
falls between steps, never into one, and the next attempt goes on where the last committed step ended. The checkpoint
carries the fence of the claim that holds it; a holder taken for dead finds its fence gone and its step undone.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

FORGOTTEN_AFTER = timedelta(days=7)
ABANDONED_AFTER = timedelta(hours=1)
SKIPPED_LOCKED = "rows_skipped_locked"


@dataclass(frozen=True, slots=True)
class Stretch:
    """The ids a phase walks over, both ends included; it walks downwards if `first` is above `last`."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many ids there may be: an upper bound, for ids have gaps."""
        return abs(self.last - self.first) + 1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may take over one statement of a step, and over its waiting for a lock; SQLite has its own."""

    statement: timedelta = timedelta(seconds=30)
    lock: timedelta = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step did: the last id it looked at, the rows by kind, and whether its phase is over.

    `rows` may say SKIPPED_LOCKED: rows that somebody else held, and that the walk has passed by.
    """

    stretch: Stretch
    after_id: int | None
    rows: Mapping[str, int] = field(default_factory=dict)
    changed: int = 0  # the rows that count towards the payload's `max_rows`
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a task stands. `started_at` is the frozen `now` from which every attempt derives its cut-off.

    `rows`, `changed` and `batches` are sums over the attempts of one execution (`run_id`). A rehearsal (dry run) is
    never saved, and the steps it is given to change nothing. `patience` is the present run's, and not kept.
    """

    task_name: str
    scope: str  # SHA-256 of what matters in the payload: an edited payload starts afresh
    run_id: str
    fence: int
    started_at: datetime
    saved_at: datetime
    is_rehearsal: bool = False
    patience: Patience = Patience()
    finished: tuple[str, ...] = ()
    phase: str = ""
    stretch: Stretch | None = None  # None: the phase has not taken its first step
    after_id: int | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    changed: int = 0
    batches: int = 0

    def entering(self, phase: str) -> "Checkpoint":
        """At the start of `phase`, or within it if that is where this checkpoint lies."""
        if phase == self.phase:
            return self
        return replace(self, phase=phase, stretch=None, after_id=None)

    def after(self, batch: Batch) -> "Checkpoint":
        """Behind `batch`, the sums included."""
        rows = Counter(self.rows)
        rows.update(batch.rows)
        moved = replace(
            self,
            stretch=batch.stretch,
            after_id=batch.after_id,
            rows=dict(rows),
            changed=self.changed + batch.changed,
            batches=self.batches + 1,
        )
        return replace(moved, finished=(*self.finished, self.phase)) if batch.is_last else moved

    def resumed_by(self, fresh: "Checkpoint") -> "Checkpoint":
        """The same place, held by the run that made `fresh`; another execution counts its rows from nought."""
        held = replace(self, fence=fresh.fence, saved_at=fresh.saved_at, patience=fresh.patience)
        if self.run_id == fresh.run_id:
            return held
        return replace(held, run_id=fresh.run_id, rows={}, changed=0, batches=0)


class Checkpoints(Protocol):
    """The checkpoints of all tasks, one per task name and scope. Each method is one atomic step.

    Raises StoreUnavailableError when the database does not answer; the call may be repeated.
    """

    async def take(self, fresh: Checkpoint, *, resume: bool) -> Checkpoint:
        """Return the kept checkpoint of `fresh`'s task and scope under its fence, or save `fresh` and return it.

        One that was last saved more than 7 days before `fresh` is forgotten; without `resume` any is. Raises
        FenceLostError if a higher fence holds it and has saved within the hour before `fresh`: a holder saves after
        every batch, so a longer silence means that the fence comes from a scheduler store that is no more.
        """

    async def remove(self, checkpoint: Checkpoint) -> None:
        """Remove a finished task's checkpoint. Raises FenceLostError if it is held under another fence by now."""
