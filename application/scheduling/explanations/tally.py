"""Much at once, in one sentence: how many occurrences of a time came to what."""

from collections.abc import Mapping, Sequence

from application.scheduling.explanations.answer import Code, Finding
from application.scheduling.explanations.words import sentence

TALLIED: Mapping[Code, str] = {
    Code.WAITING: "waiting for its turn",
    Code.PENDING: "waiting for a worker",
    Code.RUNNING: "running",
    Code.RETRY_WAIT: "to be tried again",
    Code.SUCCEEDED: "succeeded",
    Code.DEAD: "failed for good",
    Code.CANCELLED: "cancelled",
    Code.DELIVERED: "delivered",
    Code.SKIPPED_GRACE: "passed over: later than the grace allows",
    Code.SKIPPED_MISFIRE: "passed over: found late",
    Code.SKIPPED_OVERLAP: "passed over: overlap",
    Code.SKIPPED_EDITED: "passed over: the schedule was changed",
    Code.SKIPPED_DELETED: "passed over: the task was deleted",
    Code.SKIPPED_PAUSED: "passed over: the task was paused",
    Code.SKIPPED_FAILED: "passed over: the task was stopped",
    Code.NOT_DUE: "not due",
    Code.OUT_OF_BOUNDS: "outside its start and end",
    Code.MAX_RUNS: "beyond the number of its runs",
    Code.BEFORE_CREATION: "before its creation",
    Code.UPCOMING: "to come",
    Code.OVERDUE: "overdue",
    Code.PAUSED: "held back: the task is paused",
    Code.FAILED: "held back: the task is stopped",
    Code.COMPLETED: "not to run: the task is completed",
    Code.DELETED: "not to run: the task is deleted",
    Code.QUARANTINED: "held back: the task cannot be decided",
    Code.UNREADABLE: "unknown: the record of the task cannot be read",
    Code.OLDER_THAN_RECORDS: "older than the records kept",
    Code.NO_RECORD: "without a record",
}
"""The words for each code but `several`, which is what a tally is for."""


def tally(findings: Sequence[Finding]) -> str:
    """So many of each kind, in the order of their first."""
    kinds = dict.fromkeys(each.code for each in findings)
    return sentence(", ".join(_part(code, [each for each in findings if each.code is code]) for code in kinds))


def _part(code: Code, findings: Sequence[Finding]) -> str:
    count, at_least = sum(each.count for each in findings), any(each.at_least for each in findings)
    if not count:
        return f"an unknown number {TALLIED[code]}"
    return f"{'at least ' if at_least else ''}{count:,} {TALLIED[code]}"
