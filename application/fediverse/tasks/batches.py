"""The common loop of the maintenance tasks: small transactions, one after another, until the work or the budget ends.

A task is a row of phases, each a walk over ids; a step is one transaction that also saves the checkpoint. Between
steps the loop reports progress, heeds a cancellation, adapts the size of the batches to the time they take, leaves
the database to others for a moment, or for longer if it is in trouble, and looks whether rows or time are spent.
Nothing is held across steps.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from application.fediverse.ports.checkpoints import SKIPPED_LOCKED, Batch, Checkpoint, Checkpoints
from application.fediverse.ports.errors import ContentRefusedError, FenceLostError, StepBusyError
from application.fediverse.ports.load import LoadProbe
from application.fediverse.tasks.payload import MaintenancePayload
from application.scheduling.ports.clock import Clock
from application.scheduling.processors import Continue, PermanentError, Run, Summary

Step = Callable[[Checkpoint, int], Awaitable[Batch]]
Stop = Literal["max_rows", "max_runtime", "database_busy", "superseded"]

BATCH_MIN = 50
GRACE_SECONDS = 60.0  # what a run leaves of its attempt's time, to end in good order
CONTINUE_AFTER = timedelta(minutes=1)
NOTES_MAX = 20
NOTE_CHARACTERS_MAX = 200
LOOK_EVERY_SECONDS = 1.0  # at the load
THROTTLE = timedelta(seconds=5)
THROTTLED_MAX = timedelta(minutes=2)
RETRIES_MAX = 5
RETRY_AFTER = timedelta(milliseconds=100)  # doubled with every try


@dataclass(slots=True)
class Pace:
    """How many rows the next batch may have: up by half while batches are quick, down to half when they are slow."""

    size: int
    size_max: int
    target_seconds: float

    def took(self, seconds: float) -> None:
        """Learn from a batch that took so long."""
        if seconds > 2 * self.target_seconds:
            self.halve()
        elif seconds < self.target_seconds / 2:
            self.size = min(self.size + (self.size + 1) // 2, self.size_max)

    def halve(self) -> None:
        """Go on with half as many rows, but not with next to none."""
        self.size = max(self.size // 2, min(BATCH_MIN, self.size_max))


@dataclass(frozen=True, slots=True)
class BatchLoop:
    """Opens the work of a run where an earlier one left it."""

    checkpoints: Checkpoints
    clock: Clock
    load: LoadProbe

    async def begin(self, payload: MaintenancePayload, run: Run) -> "Work":
        """Take the checkpoint of the task and payload, or start afresh. A dry run takes none and leaves none."""
        now = self.clock.now()
        checkpoint = Checkpoint(
            task_name=run.task_name,
            scope=payload.scope,
            run_id=run.execution_id,
            fence=run.fence,
            started_at=now,
            saved_at=now,
            is_rehearsal=payload.dry_run,
            patience=payload.patience,
        )
        work = Work(self, payload, run, checkpoint)
        if not payload.dry_run:
            await work.resume()
        return work


class Work:
    """One run of a maintenance task. `walk` its phases in their order, then return what `end` makes of it."""

    def __init__(self, loop: BatchLoop, payload: MaintenancePayload, run: Run, checkpoint: Checkpoint) -> None:
        self._checkpoints = loop.checkpoints
        self._clock = loop.clock
        self._load = loop.load
        self._payload = payload
        self._run = run
        self._checkpoint = checkpoint
        self._stopped: Stop | None = None
        self._has_moved = False
        self._looked_at = float("-inf")  # the load, on the monotonic clock
        self._throttled = timedelta()
        self._pace = Pace(payload.batch_size, payload.batch_size, payload.target_batch_ms / 1000)
        self._ends_at = min(self._clock.monotonic() + payload.max_runtime_s, run.deadline - GRACE_SECONDS)

    @property
    def started_at(self) -> datetime:
        """The frozen present: cut-offs count from here, also in a later attempt."""
        return self._checkpoint.started_at

    @property
    def rows(self) -> Mapping[str, int]:
        """The rows done so far in this execution, by kind."""
        return {name: count for name, count in self._checkpoint.rows.items() if name != SKIPPED_LOCKED}

    async def resume(self) -> None:
        """Take over the kept checkpoint, or learn that a later claim holds it."""
        fresh = self._checkpoint
        try:
            self._checkpoint = await self._checkpoints.take(fresh, resume=self._payload.resume)
        except FenceLostError:
            self._stopped = "superseded"
        if self._checkpoint.phase:
            place = {"phase": self._checkpoint.phase, "after_id": self._checkpoint.after_id}
            self._run.log.info("going on where an earlier run stopped", **place)

    async def walk(self, phase: str, step: Step) -> None:
        """Take step after step until the phase is over; nothing if it is already, or if the run has stopped.

        Raises RunCancelledError between steps, PermanentError if the database refuses, StoreUnavailableError if it
        is away; each leaves the checkpoint, for the attempt that follows.
        """
        if self._stopped or phase in self._checkpoint.finished:
            return
        self._checkpoint = self._checkpoint.entering(phase)
        try:
            while not self._is_stopping() and not await self._advance(step):
                await self._breathe()
        except FenceLostError:
            self._stopped = "superseded"
        except ContentRefusedError as refusal:
            raise PermanentError(refusal.code, str(refusal)) from refusal
        self._tell(phase)

    def _tell(self, phase: str) -> None:
        """A line for the execution's page on a phase that is over, or why the run ends in the midst of it."""
        told = f"{phase} stopped ({self._stopped})" if self._stopped else f"{phase} done"
        self._run.log.info(told, batches=self._checkpoint.batches, rows_changed=self._checkpoint.changed)

    def _is_stopping(self) -> bool:
        self._run.checkpoint()
        if self._payload.max_rows and self._checkpoint.changed >= self._payload.max_rows:
            self._stopped = "max_rows"
        # A run takes one step at least: a budget that is too small must not mean that nothing ever moves.
        elif self._has_moved and self._clock.monotonic() >= self._ends_at:
            self._stopped = "max_runtime"
        return self._stopped is not None

    async def _advance(self, step: Step) -> bool:
        began = self._clock.monotonic()
        place = replace(self._checkpoint, saved_at=self._clock.now())
        batch = await self._taken(step, place)
        self._checkpoint = place.after(batch)
        self._has_moved = True
        self._pace.took(self._clock.monotonic() - began)
        self._report(batch)
        return batch.is_last

    async def _taken(self, step: Step, place: Checkpoint) -> Batch:
        """The batch of a step, tried again while others are in its way."""
        for number in range(RETRIES_MAX):
            try:
                return await step(place, self._limit())
            except StepBusyError as busy:
                self._run.log.info("others were in the way of a batch", why=str(busy)[:NOTE_CHARACTERS_MAX])
                if busy.is_too_long:
                    self._pace.halve()
            await self._wait(RETRY_AFTER * 2**number)
            self._run.checkpoint()
        return await step(place, self._limit())

    def _limit(self) -> int:
        if not self._payload.max_rows:
            return self._pace.size
        return min(self._pace.size, self._payload.max_rows - self._checkpoint.changed)

    def _report(self, batch: Batch) -> None:
        walked = 0 if batch.after_id is None else abs(batch.after_id - batch.stretch.first) + 1
        length = batch.stretch.length
        note = f"{self._checkpoint.phase}: {self._checkpoint.changed:,} rows changed"
        self._run.progress(length if batch.is_last else min(walked, length), length, note)

    async def _breathe(self) -> None:
        if self._payload.pause_ms:
            await self._wait(timedelta(milliseconds=self._payload.pause_ms))
        if self._clock.monotonic() - self._looked_at >= LOOK_EVERY_SECONDS:
            await self._stand_back()

    async def _stand_back(self) -> None:
        """Wait until nothing troubles the database any more; that it takes too long ends the run."""
        waited = timedelta()
        while (trouble := await self._load.trouble()) and not self._is_stopping():
            if waited >= THROTTLED_MAX:
                self._stopped = "database_busy"
                break
            if not waited:
                self._run.log.info("the database is busy; the rest waits", why=trouble)
            await self._wait(THROTTLE)
            waited += THROTTLE
        self._throttled += waited
        self._looked_at = self._clock.monotonic()

    async def _wait(self, pause: timedelta) -> None:
        await self._clock.sleep_until(self._clock.now() + pause)

    async def end(
        self,
        *,
        cutoff: datetime | None = None,
        warnings: Iterable[str] = (),
        errors: Iterable[str] = (),
        **more: Any,
    ) -> Summary | Continue:
        """Close the work: what was done, and a continuation if time, or the database's patience, ran out before it.

        The checkpoint stays only for a continuation: when `max_rows` ends a run, the next one starts with a new
        cut-off, for that limit is kept on purpose.
        """
        if self._stopped in {None, "max_rows"} and not self._payload.dry_run:
            await self._close()
        facts = self._facts(cutoff) | {
            "warnings": list(warnings)[:NOTES_MAX],
            "errors": list(errors)[:NOTES_MAX],
            **more,
        }
        if facts["errors"] and facts["status"] == "completed":
            facts["status"] = "partial"
        if self._stopped in {"max_runtime", "database_busy"} and not self._payload.dry_run:
            return Continue(after=CONTINUE_AFTER, facts=facts)
        return Summary(facts)

    async def _close(self) -> None:
        try:
            await self._checkpoints.remove(self._checkpoint)
        except FenceLostError:
            self._stopped = "superseded"

    def _facts(self, cutoff: datetime | None) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "task": self._checkpoint.task_name,
            "status": self._status(),
            "cutoff": None if cutoff is None else cutoff.isoformat().replace("+00:00", "Z"),
            "batches": self._checkpoint.batches,
            "rows": self.rows,
            SKIPPED_LOCKED: self._checkpoint.rows.get(SKIPPED_LOCKED, 0),
            "throttled_ms": round(self._throttled.total_seconds() * 1000),
            "has_more": self._stopped is not None,
        }
        return facts if self._stopped is None else facts | {"reason": self._stopped}

    def _status(self) -> str:
        if self._stopped == "superseded":
            return "skipped"
        if self._payload.dry_run:
            return "dry_run"
        return "completed" if self._stopped is None else "partial"
