"""The maintenance hold as the cause: what it keeps from happening now, and what it made late."""

from datetime import datetime

from application.scheduling.explanations.case import Case
from application.scheduling.explanations.hold_times import HoldTime
from domain.scheduling.task import Skip, SkipReason

HELD = "held"
"""The finer code of what waits for a release."""

RELEASING = (
    "nothing fires and nothing new starts until somebody releases it: with `peachpie-scheduler release`, on the page "
    '"Workers", or by DELETE /api/hold'
)
_FOUND_LATE = (SkipReason.GRACE, SkipReason.MISFIRE)


def standing(case: Case) -> HoldTime | None:
    """The hold there is now."""
    return next((each for each in case.holds if each.until is None), None)


def is_held(case: Case, hold: HoldTime) -> str:
    """Since when, by whom and why, as a part of a sentence."""
    return f"all firing is held since {case.face.at(hold.since)} by {hold.actor} ({hold.reason})"


def was_held(case: Case, hold: HoldTime) -> str:
    """The same of one that is over."""
    if hold.until is None:
        return is_held(case, hold)
    lasted = f"from {case.face.at(hold.since)} to {case.face.at(hold.until)}"
    released = "" if hold.released_by == hold.actor else f", and released by {hold.released_by}"
    return f"all firing was held {lasted} by {hold.actor} ({hold.reason}){released}"


def meanwhile(case: Case, after: datetime, until: datetime) -> tuple[HoldTime, ...]:
    """The holds in a time in which something waited."""
    return tuple(each for each in case.holds if each.overlaps(after, until))


def that_made_late(case: Case, skip: Skip, at: datetime) -> tuple[HoldTime, ...]:
    """The hold in which the occurrence `at` of a Skip was due; none if it was not passed over for being found late."""
    if skip.reason not in _FOUND_LATE:
        return ()
    run_at = case.occurrence_of(at).run_at
    return tuple(each for each in case.holds if each.covers(run_at))
