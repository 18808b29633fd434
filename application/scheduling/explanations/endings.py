"""How executions end without success: dead, and of what; cancelled, and by whom."""

from application.scheduling.explanations.answer import Code, Finding
from application.scheduling.explanations.case import Case
from application.scheduling.explanations.words import counted, gist
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import CancelRequest, Execution
from domain.scheduling.work import SUPERSEDED, TASK_FAILED

_DEATHS = {
    "poison": "its workers died again and again while running it",
    "unknown_handler": "no worker with its handler appeared in time",
    "continuation_limit": "it asked to be continued too often",
}
_ENDS_ALL = {ChangeAction.PAUSE: "paused_now", ChangeAction.DELETE: "task_deleted"}


def died(case: Case, execution: Execution, what: str) -> Finding:
    """Dead: what of, with the last error."""
    ended = case.face.about(execution.finished_at or case.now)
    kind = execution.error.kind if execution.error else ""
    if kind in _DEATHS:
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


def cancelled(case: Case, execution: Execution, what: str) -> Finding:
    """Cancelled: by a person, or by what happened to the task."""
    request = execution.cancel
    ended = case.face.about(execution.finished_at or case.now)
    ran = "was stopped while running" if execution.started_at else "was cancelled before it began"
    head = f"{what} {ran}, at {ended}"
    if request is None:
        return Finding(Code.CANCELLED, (head, "who asked for that is not on record"))
    if request.reason == SUPERSEDED:
        return Finding(
            Code.CANCELLED, (f"{head}: a newer occurrence took its place (cancel_previous)",), reason="superseded"
        )
    if request.reason == TASK_FAILED:
        return Finding(Code.CANCELLED, (f"{head}: {TASK_FAILED}",), reason="task_failed")
    return _by_a_change(case, execution, request, head)


def _by_a_change(case: Case, execution: Execution, request: CancelRequest, head: str) -> Finding:
    asked = case.change_of(execution, {ChangeAction.CANCEL})
    if asked is not None:
        says = f"{head}: asked for {case.face.made(asked.change)}"
        return Finding(Code.CANCELLED, (says,), reason="asked", changes=(asked,))
    # What ends everything asks at its own instant.
    made = case.last_change(_ENDS_ALL, until=request.at)
    if made is not None and made.change.at == request.at:
        did = "paused with immediate effect" if made.change.action is ChangeAction.PAUSE else "deleted"
        says = f"{head}: the task was {did} {case.face.made(made.change)}"
        return Finding(Code.CANCELLED, (says,), reason=_ENDS_ALL[made.change.action], changes=(made,))
    why = f": {request.reason}" if request.reason else ""
    says = f"{head}: asked for by {request.actor} at {case.face.about(request.at)}{why}"
    return Finding(Code.CANCELLED, (says,), reason="asked")
