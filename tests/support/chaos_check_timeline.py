"""Every instant decided once, on record, never early and never while all is held: I1 to I4 and I23."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise, takewhile

from tests.support.chaos_client import QUIESCE
from tests.support.chaos_dump import ExecutionRow, SkipRow, TaskRow
from tests.support.chaos_evidence import Evidence, Finding
from tests.support.chaos_oracle import Owed, owed, version_changes, within

REASONS = frozenset({"grace", "misfire", "overlap", "edited", "deleted", "paused", "failed"})
STOPS, STARTS = frozenset({"pause", "delete"}), frozenset({"create", "resume", "pause_ended", "undelete"})


def check_timeline(evidence: Evidence) -> Iterator[Finding]:
    """All findings, task by task."""
    for task in evidence.dump.tasks.values():
        due = owed(evidence.dump, task, evidence.clock, task.decided_until)
        yield from _decided_once(evidence, task, due)
        yield from _skips_are_true(evidence, task, due)
        yield from _nothing_outstanding(evidence, task)
        yield from _obeyed(evidence, task)
    yield from _never_early(evidence)
    yield from _held(evidence)


def _automatic(evidence: Evidence, task: TaskRow) -> list[ExecutionRow]:
    return [each for each in evidence.dump.executions_of(task.id) if each.kind == "auto"]


def _decided_once(evidence: Evidence, task: TaskRow, due: Owed) -> Iterator[Finding]:
    """I1: each instant up to the watermark has one execution or lies in one Skip, and nothing else has."""
    ran = Counter(each.nominal_at for each in _automatic(evidence, task) if each.nominal_at is not None)
    decided = Counter(ran)
    for skip in evidence.dump.skips[task.id]:
        decided.update(due.sure[within(due.sure, skip.first_at, skip.last_at)])
    for instant in due.sure:
        if decided[instant] == 0:
            yield Finding("I1", f"lost: {task.name} at {instant} neither ran nor was passed over")
        elif decided[instant] > 1:
            yield Finding("I1", f"{task.name} at {instant} was decided {decided[instant]} times")
    for instant in ran.keys() - set(due.sure) - due.maybe:
        yield Finding("I3", f"{task.name} ran for {instant}, which is none of its instants")


def _skips_are_true(evidence: Evidence, task: TaskRow, due: Owed) -> Iterator[Finding]:
    """I23: a reason that exists, a count of what lies between, and no overlap."""
    skips = evidence.dump.skips[task.id]
    for skip in skips:
        low = len(due.sure[within(due.sure, skip.first_at, skip.last_at)])
        high = low + sum(skip.first_at <= each <= skip.last_at for each in due.maybe)
        if skip.reason not in REASONS:
            yield Finding("I23", f"{task.name}: {skip} has no known reason")
        if not (low <= skip.count <= high or (skip.at_least and skip.count <= high)):
            yield Finding("I23", f"{task.name}: {skip} covers {low} to {high} instants")
        if skip.last_at > task.decided_until:
            yield Finding("I2", f"{task.name}: {skip} lies behind the watermark {task.decided_until}")
    yield from (_overlapping(task, *pair) for pair in pairwise(skips) if pair[1].first_at <= pair[0].last_at)


def _overlapping(task: TaskRow, earlier: SkipRow, later: SkipRow) -> Finding:
    return Finding("I1", f"{task.name}: {earlier} and {later} overlap")


def _nothing_outstanding(evidence: Evidence, task: TaskRow) -> Iterator[Finding]:
    """I2: a task that was active to the end has decided all it owed when the faults were healed."""
    if not _was_active_to_the_end(evidence, task) or task.decided_until >= evidence.marked_at:
        return
    jitter = evidence.dump.versions[task.id][-1].policy["jitter"]
    everything = owed(evidence.dump, task, evidence.clock, evidence.marked_at - jitter)
    for instant in everything.sure:
        if instant > task.decided_until:
            yield Finding("I2", f"lost: {task.name} never decided {instant}, its watermark is {task.decided_until}")


def _was_active_to_the_end(evidence: Evidence, task: TaskRow) -> bool:
    """True if it was put to rest, and nobody had stopped it before: what is paused until later is put to rest, too."""
    changes = evidence.dump.changes_of(task.id)
    before = list(takewhile(lambda each: each.reason != QUIESCE, changes))
    turns = [each.action for each in before if each.action in STOPS | STARTS]
    return len(before) < len(changes) and turns[-1] in STARTS


def _obeyed(evidence: Evidence, task: TaskRow) -> Iterator[Finding]:
    """I4: nothing is fired from a version in which the task was stopped, or after the version had ended."""
    stopped: dict[int, bool] = {}
    state = False
    changes = version_changes(evidence.dump, task.id)
    schedules = {each.version: each.schedule for each in evidence.dump.versions[task.id]}
    for version in sorted(changes):
        action = changes[version].action
        # A one-time task may have been completed while it was paused; another schedule then makes it active.
        was_one_time = schedules.get(version - 1, [""])[0] == "one_time"
        is_revived = was_one_time and schedules.get(version) != schedules[version - 1]
        state = action in STOPS or (state and action not in STARTS and not is_revived)
        stopped[version] = state
    superseded = _superseded(evidence, task.id)
    for each in _automatic(evidence, task):
        # What a pause has passed over may run when the task comes back, in the version the pause left.
        if stopped.get(each.version) and not _came_back(changes.get(each.version + 1)):
            yield Finding("I4", f"{task.name} was fired for {each.nominal_at} while version {each.version} stood still")
        known = superseded.get(each.version)
        if known is not None and min(evidence.clock.moments(each.created_at), default=known) > known:
            yield Finding("I4", f"{task.name} was fired from version {each.version}, which had been changed")


def _came_back(change: object) -> bool:
    return getattr(change, "action", "") in STARTS


def _superseded(evidence: Evidence, task_id: str) -> dict[int, float]:
    """When a client knew that a version of the task was another one by now."""
    known: dict[int, float] = {}
    for line in evidence.requests:
        if line["what"] == "answer" and line.get("id") == task_id and line.get("version") and not line["replayed"]:
            for version in range(1, line["version"]):
                known.setdefault(version, line["monotonic"])
    return known


def _never_early(evidence: Evidence) -> Iterator[Finding]:
    """I3: recorded, and begun, when the calendar had come to the instant, however it was stepped since."""
    for each in evidence.dump.executions.values():
        if each.kind == "auto" and each.created_at < each.scheduled_at:
            yield Finding("I3", f"early: {each.id} was recorded at {each.created_at} for {each.scheduled_at}")
    for mark in evidence.ledger:
        if mark.what == "start" and mark.wall < mark.scheduled_at > evidence.clock.reached(mark.monotonic):
            yield Finding("I3", f"early: {mark.task} began at {mark.wall} for {mark.scheduled_at}")


def _held(evidence: Evidence) -> Iterator[Finding]:
    """While all firing was held nothing began, and nothing was fired but what somebody had a task make up for."""
    asked = {(change.task_id, change.at) for change in evidence.dump.changes if change.action == "resume"}
    held = [line["monotonic"] for line in evidence.nemesis if line["what"] == "held"]
    released = [line["monotonic"] for line in evidence.nemesis if line["what"] == "released"]
    for began, ended in zip(held, [*released, float("inf")], strict=False):
        for mark in evidence.ledger:
            if mark.what == "start" and began <= mark.monotonic <= ended:
                yield Finding("hold", f"{mark.execution} of {mark.task} began while all firing was held")
        for each in evidence.dump.executions.values():
            moments = evidence.clock.moments(each.created_at)
            is_fired = each.kind == "auto" and (each.task_id, each.created_at) not in asked
            if is_fired and moments and all(began <= moment <= ended for moment in moments):
                yield Finding("hold", f"{each.id} was fired while all firing was held")
