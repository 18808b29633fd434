"""Deciding what was read: a firing, or that a task is put aside for a while."""

from datetime import datetime, timedelta
from typing import TypeGuard

from application.scheduling.ports.task_store import Decision, Unreadable
from application.scheduling.services.errors import UNDECIDABLE
from domain.scheduling.firing import fire
from domain.scheduling.task import Quarantine, ScheduledTask, TaskStatus

AHEAD = timedelta(milliseconds=50)
"""How long before its instant a task may be read in any pass."""
QUARANTINE_FOR = timedelta(minutes=5)


def is_paused(found: ScheduledTask | Unreadable) -> TypeGuard[ScheduledTask]:
    """True for a task that is looked at because its pause may be over: nothing is fired for it."""
    return isinstance(found, ScheduledTask) and found.status is TaskStatus.PAUSED


def decided(found: ScheduledTask | Unreadable, now: datetime) -> Decision:
    """What becomes of a task that is due now, or of one that will be at its `look_at`, then."""
    if isinstance(found, Unreadable):
        return quarantined(found, found.error, now)
    if found.decided_until > now + AHEAD:
        # The clock was set back behind what is decided already: there is nothing to decide until it is there again,
        # or was set right.
        error = "decided until an instant that lies ahead: was the clock set back?"
        return Decision(found, Quarantine(error, min(found.decided_until, now + QUARANTINE_FOR)))
    try:
        return Decision(found, fire(found, max(now, found.look_at or now)))
    except UNDECIDABLE as error:
        # One task that can't be decided must not keep the others from running.
        return undecidable(found, error, now)


def undecidable(found: ScheduledTask, error: Exception, now: datetime) -> Decision:
    """Put a task aside that raised one of UNDECIDABLE."""
    return quarantined(found, f"{type(error).__name__}: {error}", now)


def quarantined(found: ScheduledTask | Unreadable, error: str, now: datetime) -> Decision:
    """Put a task aside, whatever it is."""
    return Decision(found, Quarantine(error, now + QUARANTINE_FOR))


def instant_of(decision: Decision) -> datetime:
    """The instant before which the commit would be too early."""
    verdict = decision.verdict
    return verdict.look_at - QUARANTINE_FOR if isinstance(verdict, Quarantine) else verdict.decided_at
