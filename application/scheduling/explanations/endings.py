"""How executions end without success: dead, and of what; cancelled, and by whom."""

from application.scheduling.explanations.answer import Code, Finding
from application.scheduling.explanations.case import Case
from application.scheduling.explanations.words import counted, gist
from application.scheduling.ports.records import AttemptRecord, ChangeRecord, ExecutionEvidence
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import AttemptOutcome, CancelRequest, Execution
from domain.scheduling.work import SUPERSEDED, TASK_FAILED

_DEATHS = {
    "poison": "its workers died again and again while running it",
    "unknown_handler": "no worker with its handler appeared in time",
    "continuation_limit": "it asked to be continued too often",
}
FAILURES = (AttemptOutcome.FAILED, AttemptOutcome.TIMEOUT)
_ENDS_ALL = {ChangeAction.PAUSE: "paused_now", ChangeAction.DELETE: "task_deleted"}
_SCHEDULER = "scheduler"


def failed(attempt: AttemptRecord, *, at: str = "") -> str:
    """How an attempt failed: the end of a sentence about it; ` at …` stands in the middle."""
    error = gist(attempt.error)
    if attempt.outcome is AttemptOutcome.TIMEOUT:
        return f"ran out of time{at}: {error.removeprefix('timeout: ')}"
    return f"failed{at} with {error}"


def died(case: Case, found: ExecutionEvidence, what: str) -> Finding:
    """Dead: what of, with the last error."""
    execution = found.execution
    ended = case.face.at(execution.finished_at or case.now)
    if (kind := _kind_of_death(found)) is not None:
        says = f"{what} failed for good at {ended}: {_DEATHS[kind]}"
        return Finding(Code.DEAD, (says, f"the error on record is {gist(execution.error)}"), reason=kind)
    definition = case.definition_of(execution.version)
    allowed = None if definition is None else definition.policy.retry.max_retries + 1
    error = f"the last error was {gist(execution.error)}"
    tries = counted(execution.attempts_used, "attempt")
    if allowed is not None and execution.attempts_used < allowed:
        says = f"{what} failed for good at {ended}, after {tries}: the error says that trying again is of no use"
        return Finding(Code.DEAD, (says, error), reason="permanent_error")
    return Finding(Code.DEAD, (f"{what} failed for good at {ended}, after {tries}", error), reason="attempts_exhausted")


def cancelled(case: Case, found: ExecutionEvidence, what: str) -> Finding:
    """Cancelled: by a person, or by what happened to the task."""
    execution = found.execution
    request = execution.cancel
    head = f"{what} {_stopped(found)} at {case.face.at(execution.finished_at or case.now)}"
    if request is None:
        return Finding(Code.CANCELLED, (head, "who asked for that is not on record"))
    by_change = _by_a_change(case, execution, request, head)
    if by_change is not None:
        return by_change
    if (request.actor, request.reason) == (_SCHEDULER, SUPERSEDED):
        return Finding(
            Code.CANCELLED, (f"{head}: a newer occurrence took its place (cancel_previous)",), reason="superseded"
        )
    if (request.actor, request.reason) == (_SCHEDULER, TASK_FAILED):
        return Finding(Code.CANCELLED, (f"{head}: {TASK_FAILED}",), reason="task_failed")
    why = f": {request.reason}" if request.reason else ""
    says = f"{head}: asked for by {request.actor} at {case.face.at(request.at)}{why}"
    return Finding(Code.CANCELLED, (says,), reason="asked")


def _kind_of_death(found: ExecutionEvidence) -> str | None:
    """Which of the scheduler's own errors it died of; a handler may call its errors by the same names."""
    error = found.execution.error
    if error is None or error.kind not in _DEATHS:
        return None
    if error.kind == "continuation_limit":
        return error.kind if found.execution.number else None
    raised = any(each.outcome in FAILURES for each in found.attempts[-1:])
    return None if raised else error.kind


def _stopped(found: ExecutionEvidence) -> str:
    """At which point of its life it was stopped."""
    execution, begun = found.execution, found.begun
    if not begun:
        return "was cancelled" if execution.starts and not found.attempts else "was cancelled before it began,"
    last = begun[-1]
    if last.outcome is AttemptOutcome.CANCELLED:
        return "was stopped while running,"
    asked = execution.cancel.at if execution.cancel else None
    if last.outcome is AttemptOutcome.RESCUED and asked and last.finished_at and asked < last.finished_at:
        return "was to stop when its worker died, and ended so"
    return "was cancelled before it was tried again,"


def _by_a_change(case: Case, execution: Execution, request: CancelRequest, head: str) -> Finding | None:
    asked = _asking(case, execution, request)
    if asked is not None:
        says = f"{head}: asked for {case.face.made(asked.change)}"
        return Finding(Code.CANCELLED, (says,), reason="asked", changes=(asked,))
    # What ends everything asks at its own instant, for its own reason.
    made = case.change_made(_ENDS_ALL, at=request.at)
    if made is None or (made.change.actor, made.change.reason or made.change.action) != (request.actor, request.reason):
        return None
    did = "paused with immediate effect" if made.change.action is ChangeAction.PAUSE else "deleted"
    says = f"{head}: the task was {did} {case.face.made(made.change)}"
    return Finding(Code.CANCELLED, (says,), reason=_ENDS_ALL[made.change.action], changes=(made,))


def _asking(case: Case, execution: Execution, request: CancelRequest) -> ChangeRecord | None:
    """The change by which the request came; others may have asked after it, which changed nothing any more."""
    records = (each for each in case.evidence.changes if each.change.action is ChangeAction.CANCEL)
    asked = (each for each in records if each.execution_id == execution.id)
    said = (request.actor, request.reason)
    return next((each for each in asked if (each.change.actor, each.change.reason) == said), None)
