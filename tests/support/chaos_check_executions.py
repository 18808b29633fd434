"""The life of each execution: dump and ledger tell one story, and every start beyond the first is accounted for.

I5 to I11 and I13. A repeat is explained by a retry the policy allows or by a recovery on record, and a recovery by the
death of a process, or by a freeze longer than a lease, while the attempt was held.
"""

from collections.abc import Iterator
from itertools import combinations, pairwise

from tests.support.chaos_dump import AttemptRow, ExecutionRow
from tests.support.chaos_evidence import Evidence, Finding
from tests.support.chaos_handlers import TYPE
from tests.support.chaos_ledger import Fault, Mark
from tests.support.chaos_plan import SILENCING

OPEN = frozenset({"waiting", "pending", "running", "retry_wait"})
USED = frozenset({"succeeded", "failed", "timeout"})
RECOVERED = frozenset({"rescued", "handed_back"})
ENDED_BY = {
    "succeeded": frozenset({"succeeded"}),
    "dead": frozenset({"failed", "timeout", "rescued", "unknown_handler"}),
    "cancelled": frozenset({"cancelled", "rescued", "failed", "timeout", "handed_back"}),
}
RESCUES_MAX = 3
# A death is seen a moment late, and the calendar is read a moment before what it dates.
SEEN_WITHIN_SECONDS = 0.3
# A worker tells that it is there so often, and one that was out of touch has heard what it lost within so long.
BEAT_SECONDS = 1.0
# For so much of a lease a worker may take a claim for its own.
TRUSTED_SHARE = 0.75
THAWED_WITHIN_SECONDS = 3.0


def check_executions(evidence: Evidence) -> Iterator[Finding]:
    """All findings."""
    yield from _on_record(evidence)
    for execution in evidence.dump.executions.values():
        attempts = evidence.dump.attempts[execution.id]
        yield from _one_outcome(execution, attempts)
        yield from _ran_as_recorded(evidence, execution)
        yield from _recovered_for_a_reason(evidence, execution, attempts)
        yield from _died_for_a_reason(evidence, execution)
        yield from _one_holder(evidence, execution)
    yield from _apart(evidence)


def _on_record(evidence: Evidence) -> Iterator[Finding]:
    """I5: nothing runs that is not recorded; I9: nothing runs twice on one claim."""
    seen: set[tuple[str, int]] = set()
    for mark in evidence.ledger:
        if mark.execution not in evidence.dump.executions:
            yield Finding("I5", f"{mark.execution} of {mark.task} is in the ledger and not in the store")
        if mark.what == "start" and (mark.execution, mark.fence) in seen:
            yield Finding("I9", f"dup: {mark.execution} of {mark.task} was started twice with fence {mark.fence}")
        if mark.what == "start":
            seen.add((mark.execution, mark.fence))


def _one_outcome(execution: ExecutionRow, attempts: list[AttemptRow]) -> Iterator[Finding]:
    """I6 and I8: it came to an end; attempts are numbered without a gap, each has ended, one of them for good."""
    if execution.state in OPEN:
        yield Finding("I6", f"{execution.id} was left {execution.state}")
        return
    if [each.start for each in attempts] != list(range(1, execution.starts + 1)):
        yield Finding("I8", f"{execution.id}: {execution.starts} starts, attempts {attempts}")
    outcomes = [each.outcome for each in attempts]
    if None in outcomes or outcomes.count("succeeded") > 1 or "succeeded" in outcomes[:-1]:
        yield Finding("I8", f"{execution.id} has the outcomes {outcomes}")
    if outcomes and execution.state in ENDED_BY and outcomes[-1] not in ENDED_BY[execution.state]:
        # One that was cancelled while it waited for its turn or a retry ended by no attempt.
        yield Finding("I8", f"{execution.id} is {execution.state} after {outcomes}")
    if sum(each in ("failed", "timeout") for each in outcomes) != execution.attempts_used:
        yield Finding("I8", f"{execution.id}: {execution.attempts_used} attempts used, {outcomes}")


def _ran_as_recorded(evidence: Evidence, execution: ExecutionRow) -> Iterator[Finding]:
    """I7: success stands in the ledger under the last fence; I8: fences rise; I9: no start without a claim."""
    if _type_of(evidence, execution) != TYPE:
        return
    starts = evidence.starts(execution.id)
    # Who was frozen with a claim in its hands begins to run it before it can hear that it was taken away.
    if any(
        later.fence <= earlier.fence and not _thawed(evidence, later.monotonic) for earlier, later in pairwise(starts)
    ):
        yield Finding("I8", f"{execution.id}: fences {[each.fence for each in starts]}")
    ended = [mark for mark in evidence.marks.get(execution.id, ()) if mark.outcome == "done"]
    if execution.state == "succeeded" and execution.fence not in [mark.fence for mark in ended]:
        yield Finding("I7", f"lost: {execution.id} succeeded with fence {execution.fence}, the ledger says {ended}")
    if execution.state == "dead" and not starts:
        yield Finding("I7", f"lost: {execution.id} is dead and was never started")
    claims = evidence.dump.attempts[execution.id]
    allowed = 1 + sum(each.outcome in RECOVERED | {"failed", "timeout"} for each in claims[:-1])
    if len(starts) > min(len(claims), allowed):
        yield Finding("I9", f"dup: {execution.id} was started {len(starts)} times, claims {claims}")


def _recovered_for_a_reason(
    evidence: Evidence, execution: ExecutionRow, attempts: list[AttemptRow]
) -> Iterator[Finding]:
    """I9: behind every recovery stands a death, or a freeze that outlasted the lease; I10: three rescues at most."""
    rescued = [each for each in attempts if each.outcome == "rescued"]
    if execution.rescues > RESCUES_MAX or len(rescued) > RESCUES_MAX + 1:
        yield Finding("I10", f"{execution.id} was rescued {len(rescued)} times")
    for each in attempts:
        if each.outcome in RECOVERED and not _has_cause(evidence, each):
            yield Finding("I9", f"dup: nothing happened that would explain {each}")


def _has_cause(evidence: Evidence, attempt: AttemptRow) -> bool:
    assert attempt.finished_at is not None
    begun = evidence.clock.moments(attempt.started_at) or [0.0]
    ended = evidence.clock.moments(attempt.finished_at) or [float("inf")]
    low, high = min(begun) - SEEN_WITHIN_SECONDS, max(ended) + SEEN_WITHIN_SECONDS
    if any(low <= death <= high for death in evidence.deaths.values()):
        return True
    died = evidence.deaths.get(evidence.workers.get(attempt.worker_id, -1))
    if died is not None and died <= high:
        # A busy store may carry out a claim long after whoever asked for it is dead.
        return True
    if attempt.outcome == "handed_back":
        restarts = any(
            fault.kind.startswith("restart") and fault.touches(high, after=high) for fault in evidence.faults
        )
        return restarts or any(_makes_late(evidence, fault, min(begun)) for fault in evidence.faults)
    return any(_outlasts_a_lease(evidence, fault) and low <= fault.ended for fault in evidence.faults)


def _makes_late(evidence: Evidence, fault: Fault, claimed: float) -> bool:
    """True if the answer to a claim of that moment may have come too late to be trusted, so that it was handed back."""
    is_long = fault.ended - fault.began >= TRUSTED_SHARE * evidence.aftermath.lease
    silences = fault.kind in SILENCING or fault.kind.startswith("freeze")
    return silences and is_long and fault.touches(claimed, after=BEAT_SECONDS)


def _outlasts_a_lease(evidence: Evidence, fault: Fault) -> bool:
    """True if a holder may have been silent for a lease because of a fault.

    Who was frozen goes on at once. Who waits for a store that does not answer asks more and more seldom, so that it may
    wait as long again after that.
    """
    lasted = fault.ended - fault.began
    if fault.kind in SILENCING:
        return 2 * lasted + BEAT_SECONDS >= evidence.aftermath.lease
    return fault.kind.startswith("freeze") and lasted >= evidence.aftermath.lease


def _died_for_a_reason(evidence: Evidence, execution: ExecutionRow) -> Iterator[Finding]:
    """I13: dead is who has used up its attempts, or has taken too many workers with it."""
    version = evidence.dump.version_of(execution)
    if execution.state != "dead" or version is None:
        return
    is_poison = bool(execution.error) and execution.error[0] == "poison"
    if is_poison:
        if execution.rescues != RESCUES_MAX:
            yield Finding("I10", f"{execution.id} is poison after {execution.rescues} rescues")
        if _is_innocent(evidence, execution):
            yield Finding("I10", f"{execution.id} died as poison for what others did to its workers")
    elif execution.attempts_used != version.policy["max_retries"] + 1:
        yield Finding("I13", f"{execution.id} is dead after {execution.attempts_used} attempts: {execution.error}")


def _is_innocent(evidence: Evidence, execution: ExecutionRow) -> bool:
    """True if other handlers, and never its own, ended a process it ran in."""
    crashes = [mark for mark in evidence.ledger if mark.what == "crash"]
    if any(mark.execution == execution.id for mark in crashes):
        return False
    return bool({mark.pid for mark in crashes} & {mark.pid for mark in evidence.starts(execution.id)})


def _one_holder(evidence: Evidence, execution: ExecutionRow) -> Iterator[Finding]:
    """I9: the next start of an execution comes after the one before was over, save a frozen or overdue one."""
    outcomes = [each.outcome for each in evidence.dump.attempts[execution.id]]
    if "timeout" in outcomes:
        return
    for earlier, later in pairwise(evidence.starts(execution.id)):
        over_at = evidence.over_at(earlier)
        if (over_at is None or over_at > later.monotonic + SEEN_WITHIN_SECONDS) and not _thawed(
            evidence, later.monotonic
        ):
            yield Finding("I9", f"dup: {execution.id} was started at {later.monotonic} beside itself: {earlier}")


def _thawed(evidence: Evidence, instant: float) -> bool:
    """True during a freeze that outlasted the lease, and shortly after it."""
    long = [fault for fault in evidence.faults if _outlasts_a_lease(evidence, fault)]
    return any(fault.touches(instant, after=THAWED_WITHIN_SECONDS) for fault in long)


def _apart(evidence: Evidence) -> Iterator[Finding]:
    """I11: where overlap is not allowed, two executions of a task never run at once, unless a person asked for it."""
    beside = {line.get("id") for line in evidence.requests if line["what"] == "answer" and line["kind"] == "run beside"}
    by_task: dict[str, list[Mark]] = {}
    for mark in evidence.ledger:
        execution = evidence.dump.executions.get(mark.execution)
        if mark.what == "start" and execution is not None and not _may_overlap(evidence, execution, beside):
            by_task.setdefault(execution.task_id, []).append(mark)
    for starts in by_task.values():
        for earlier, later in combinations(starts, 2):
            if earlier.execution != later.execution and _runs_beside(evidence, earlier, later):
                yield Finding("I11", f"{later.execution} of {later.task} began beside {earlier.execution}")


def _may_overlap(evidence: Evidence, execution: ExecutionRow, beside: set[str | None]) -> bool:
    version = evidence.dump.version_of(execution)
    return version is None or version.policy["overlap"] == "allow" or execution.id in beside


def _runs_beside(evidence: Evidence, earlier: Mark, later: Mark) -> bool:
    over_at = evidence.over_at(earlier)
    # Who saw neither its end nor its process's cannot say that it still ran.
    is_running = over_at is not None and earlier.monotonic <= later.monotonic < over_at
    is_taken = _was_taken(evidence, earlier) or _was_taken(evidence, later)
    return is_running and not (is_taken and _thawed(evidence, later.monotonic))


def _was_taken(evidence: Evidence, start: Mark) -> bool:
    """True if a claim of the execution was given up for lost, which may have been this one."""
    return any(each.outcome == "rescued" for each in evidence.dump.attempts[start.execution])


def _type_of(evidence: Evidence, execution: ExecutionRow) -> str:
    return evidence.dump.tasks[execution.task_id].task_type
