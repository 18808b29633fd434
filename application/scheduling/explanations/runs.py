"""What became of an execution: how it came to be, and where it stands or how it ended."""

from dataclasses import replace
from datetime import timedelta

from application.scheduling.explanations.alive import unserved
from application.scheduling.explanations.answer import Code, Finding
from application.scheduling.explanations.case import Case
from application.scheduling.explanations.delays import LATE_FROM, Delay, delay
from application.scheduling.explanations.endings import FAILURES, cancelled, died, failed
from application.scheduling.explanations.hold_times import HoldTime
from application.scheduling.explanations.holding import HELD, RELEASING, is_held, meanwhile, standing, was_held
from application.scheduling.explanations.words import gist, sentence, span, times
from application.scheduling.ports.records import AttemptRecord, ChangeRecord, ExecutionEvidence
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import AttemptOutcome, Execution, ExecutionKind, ExecutionState
from domain.scheduling.work import UNKNOWN_HANDLER_PATIENCE


def run_finding(case: Case, found: ExecutionEvidence) -> Finding:
    """What is to be told of one execution, whatever called for it."""
    execution = found.execution
    finding = _standing(case, found)
    asked, resumed = case.change_of(execution, {ChangeAction.RUN, ChangeAction.REDRIVE}), _resumption(case, execution)
    changes = (*(each for each in (asked, resumed) if each is not None), *finding.changes)
    caught_up = f"the task was resumed {case.face.made(resumed.change)}, which caught up on it" if resumed else ""
    delayed = delay(case, found)
    gist_, *more = finding.sentences
    began = (_start(case, found, delayed), caught_up, _deliberate_delay(case, execution))
    waited, waits = _holds_before(case, found), _hold_now(case, execution)
    late = [was_held(case, each) for each in waited]
    said = (gist_, *began, *late, *more, _takeovers(found), _again(case, execution))
    return Finding(
        finding.code,
        tuple(sentence(each) for each in said if each),
        at=execution.nominal_at,
        reason=finding.reason,
        executions=(execution, *finding.executions, *delayed.behind),
        changes=changes,
        holds=(*waited, *waits),
    )


def subject(case: Case, execution: Execution) -> str:
    """What ran, as the beginning of a sentence."""
    face = case.face
    match execution.kind:
        case ExecutionKind.AUTO:
            return f"the run due at {face.at(execution.nominal_at or execution.scheduled_at)}"
        case ExecutionKind.MANUAL:
            asked = case.change_of(execution, {ChangeAction.RUN, ChangeAction.REDRIVE})
            who = face.made(asked.change) if asked else f"by somebody at {face.at(execution.created_at)}"
            dead = execution.redrive_of
            return f"the repetition of execution {dead}, asked for {who}" if dead else f"the run asked for {who}"
        case ExecutionKind.CONTINUATION:
            return f"part {execution.number + 1} of execution {execution.root_id}, which asked to be continued"
        case ExecutionKind.BACKFILL:
            nominal_at = execution.nominal_at or execution.scheduled_at
            return f"the backfill of {face.at(nominal_at)}, asked for {_backfiller(case, execution)}"


def _backfiller(case: Case, execution: Execution) -> str:
    """Who asked for it: one change for many executions, made in the instant they were."""
    asked = case.change_made({ChangeAction.BACKFILL}, at=execution.created_at)
    if asked is None:
        return f"at {case.face.at(execution.created_at)}"
    return case.face.made(asked.change)


def _standing(case: Case, found: ExecutionEvidence) -> Finding:
    execution = found.execution
    what, face = subject(case, execution), case.face
    match execution.state:
        case ExecutionState.WAITING:
            return _waiting(case, what)
        case ExecutionState.PENDING:
            return _pending(case, found, what)
        case ExecutionState.RUNNING:
            return _running(case, found, what)
        case ExecutionState.RETRY_WAIT:
            return _retry_wait(case, found, what)
        case ExecutionState.SUCCEEDED:
            return _succeeded(case, found, what)
        case ExecutionState.DEAD:
            return died(case, found, what).adding(*_failures(case, found.attempts[:-1]))
        case ExecutionState.CANCELLED:
            return cancelled(case, found, what)
        case ExecutionState.DELIVERED:
            handed = f"{what} was handed to its stream at {face.at(execution.created_at)}"
            return Finding(Code.DELIVERED, (handed, "what its reader made of it is not on record here"))


def _waiting(case: Case, what: str) -> Finding:
    ahead = [
        each.execution
        for each in case.evidence.executions
        if each.execution.is_open and each.execution.state is not ExecutionState.WAITING
    ]
    named = ", ".join(f"{each.id} ({each.state})" for each in ahead) or "another execution"
    says = f"{what} has not run yet: it waits until {named} has ended (overlap queue_one or cancel_previous)"
    return Finding(Code.WAITING, (says,), executions=tuple(ahead))


def _pending(case: Case, found: ExecutionEvidence, what: str) -> Finding:
    execution = found.execution
    face, handler = case.face, _handler(case, execution)
    yet = f"{what} has not {'ended' if found.begun else 'run'} yet"
    if (hold := standing(case)) is not None:
        return Finding(
            Code.PENDING, (f"{yet}: {is_held(case, hold)}", RELEASING, *_failures(case, found.attempts)), reason=HELD
        )
    if execution.unknown_since is not None:
        ends = face.at(execution.unknown_since + UNKNOWN_HANDLER_PATIENCE)
        says = f"{yet}: the workers that took it have no handler named {handler[1]!r}"
        more = f"it has been put back since {face.at(execution.unknown_since)}, and is given up at {ends}"
        return Finding(Code.PENDING, (says, more), reason="put_back")
    # After the clock was set back, what was decided before lies ahead.
    since = f" since {face.at(execution.available_at)}" if execution.available_at <= case.now else ""
    waits = f"{yet}: it waits for a worker{since}"
    reason, why = _unclaimed(case, execution, handler)
    return Finding(Code.PENDING, (waits, why, *_failures(case, found.attempts)), reason=reason)


def _unclaimed(case: Case, execution: Execution, handler: tuple[str, str]) -> tuple[str, str]:
    """Why nobody has taken it yet, as a code and in words."""
    if (missing := unserved(case, *handler)) is not None:
        return missing
    if execution.is_suspect:
        died = f"its worker died {times(execution.rescues)} while running it"
        return "isolated", f"{died}, so it is given a process to itself, which runs such executions one at a time"
    return "queued", "workers that serve it are alive: the next that is free takes it"


def _handler(case: Case, execution: Execution) -> tuple[str, str]:
    definition = case.definition_of(execution.version)
    return ("", "") if definition is None else (definition.task_type, definition.handler_name)


def _running(case: Case, found: ExecutionEvidence, what: str) -> Finding:
    execution, progress = found.execution, found.progress
    started = execution.started_at or case.now
    says = f"{what} is running: attempt {execution.attempts_used + 1} on worker {execution.worker_id}"
    finding = Finding(Code.RUNNING, (f"{says}, for {span(max(case.now - started, timedelta(0)))} so far",))
    if progress is not None:
        total = "" if progress.total is None else f" of {progress.total:,}"
        note = f" ({progress.note})" if progress.note else ""
        finding = finding.adding(f"it has done {progress.done:,}{total}{note}")
    if execution.is_suspect:
        finding = finding.adding("it runs alone, as it may be what its workers died of")
    if execution.cancel is not None:
        asked = case.face.at(execution.cancel.at)
        finding = finding.adding(f"it was asked to stop by {execution.cancel.actor} at {asked}")
    return finding.adding(*_failures(case, found.attempts))


def _retry_wait(case: Case, found: ExecutionEvidence, what: str) -> Finding:
    execution = found.execution
    again = case.face.at(execution.available_at)
    if not execution.attempts_used:
        return Finding(Code.RETRY_WAIT, (f"{what} begins at {again}",), reason="continuation")
    last = next((failed(each) for each in reversed(found.attempts) if each.outcome in FAILURES), None)
    how = last or f"failed with {gist(execution.error)}"
    says = f"{what} has not succeeded yet: attempt {execution.attempts_used} {how}; it is tried again at {again}"
    return _not_while_held(case, Finding(Code.RETRY_WAIT, (says, *_failures(case, found.attempts)[:-1])))


def _not_while_held(case: Case, finding: Finding) -> Finding:
    hold = standing(case)
    if hold is None:
        return finding
    return replace(finding.adding(f"not before the hold ends: {is_held(case, hold)}"), reason=HELD)


def _succeeded(case: Case, found: ExecutionEvidence, what: str) -> Finding:
    execution = found.execution
    ended = case.face.at(execution.finished_at or case.now)
    says = f"{what} ran and succeeded at {ended}"
    if execution.attempts_used:
        says += f", in attempt {execution.attempts_used + 1}"
    return Finding(Code.SUCCEEDED, (says, *_failures(case, found.attempts)))


def _failures(case: Case, attempts: tuple[AttemptRecord, ...]) -> list[str]:
    """The attempts that failed, in the order they did."""
    failures = (each for each in attempts if each.outcome in FAILURES)
    return [
        f"attempt {number} {failed(each, at=f' at {case.face.at(each.finished_at or each.started_at)}')}"
        for number, each in enumerate(failures, start=1)
    ]


def _resumption(case: Case, execution: Execution) -> ChangeRecord | None:
    """The resume that ran it, as something that had been missed: it made it at its own instant."""
    if execution.kind is not ExecutionKind.AUTO or execution.scheduled_at > execution.created_at:
        return None
    return case.change_made({ChangeAction.RESUME}, at=execution.created_at)


def _start(case: Case, found: ExecutionEvidence, delayed: Delay) -> str:
    """When it began, and how late and why, if it was late."""
    execution = found.execution
    if not found.begun:
        return ""
    first = found.begun[0].started_at
    began = f"it began at {case.face.at(first)}"
    late = first - execution.scheduled_at
    if late < LATE_FROM:
        return f"{began}, on time" if execution.kind is ExecutionKind.AUTO else began
    return f"{began}, {span(late)} late{': ' if delayed.says else ''}{delayed.says}"


def _deliberate_delay(case: Case, execution: Execution) -> str:
    if execution.nominal_at is None or execution.kind is not ExecutionKind.AUTO:
        return ""
    delay = execution.scheduled_at - execution.nominal_at
    return f"its jitter put it off by {span(delay)}, to {case.face.at(execution.scheduled_at)}" if delay else ""


def _holds_before(case: Case, found: ExecutionEvidence) -> tuple[HoldTime, ...]:
    """The holds between the instant at which it was to run and its first start, if that was late."""
    begun, due = [each.started_at for each in found.begun[:1]], found.execution.scheduled_at
    return meanwhile(case, due, begun[0]) if begun and begun[0] - due >= LATE_FROM else ()


def _hold_now(case: Case, execution: Execution) -> tuple[HoldTime, ...]:
    """The hold that keeps it from running now."""
    waits = execution.is_open and execution.state is not ExecutionState.RUNNING
    return tuple(filter(None, [standing(case)])) if waits else ()


def _takeovers(found: ExecutionEvidence) -> str:
    said = []
    if found.execution.rescues:
        said.append(f"taken over from a dead worker {times(found.execution.rescues)}")
    back = sum(each.outcome is AttemptOutcome.HANDED_BACK for each in found.attempts)
    if back:
        said.append(f"handed back by a worker that shut down {times(back)}")
    return f"it was {' and '.join(said)}, which used up no attempt" if said else ""


def _again(case: Case, execution: Execution) -> str:
    """That a dead execution was repeated."""
    redriven = (each.execution for each in case.evidence.executions if each.execution.redrive_of == execution.id)
    repetition = next(redriven, None)
    return f"it was run again as execution {repetition.id}, which is {repetition.state}" if repetition else ""
