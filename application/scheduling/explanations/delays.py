"""Why an execution began late: until it was decided, until its turn had come, until a worker took it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from application.scheduling.explanations.case import Case
from application.scheduling.explanations.words import span
from application.scheduling.ports.records import ExecutionEvidence
from domain.scheduling.execution import Execution, ExecutionKind
from domain.scheduling.policy import Overlap

LATE_FROM = timedelta(seconds=1)
_TAKING_TURNS = (Overlap.QUEUE_ONE, Overlap.CANCEL_PREVIOUS)


class Delay(NamedTuple):
    """What took LATE_FROM or longer, in its order (empty: nothing did), and the executions it waited behind."""

    says: str
    behind: tuple[Execution, ...]


class _Turn(NamedTuple):
    """When nothing stood in its way any more, and what had until then."""

    at: datetime
    behind: tuple[Execution, ...]


def delay(case: Case, found: ExecutionEvidence) -> Delay:
    """What lay between the instant at which it was to run and its first start; nothing for one that never began."""
    if not found.begun:
        return Delay("", ())
    execution = found.execution
    decided, taken = max(execution.created_at, execution.scheduled_at), found.attempts[0].started_at
    turn = _turn(case, execution, decided, taken)
    parts = [
        (decided - execution.scheduled_at, "it was decided {} after its instant"),
        (turn.at - decided, f"it waited {{}} for its turn, until {_named(turn.behind)} had ended"),
        (taken - turn.at, "it waited {} for a worker"),
        (found.begun[0].started_at - taken, "the workers that took it before had no handler for it"),
    ]
    said = [says.format(span(length)) for length, says in parts if length >= LATE_FROM]
    return Delay(", and ".join(said), turn.behind if turn.at - decided >= LATE_FROM else ())


def _turn(case: Case, execution: Execution, decided: datetime, taken: datetime) -> _Turn:
    """An occurrence decided while others are open waits until none of them is, nor any that began meanwhile."""
    definition = case.definition_of(execution.version)
    takes_turns = definition is not None and definition.policy.overlap in _TAKING_TURNS
    if execution.kind is not ExecutionKind.AUTO or not takes_turns:
        return _Turn(decided, ())
    at, behind = decided, list[Execution]()
    for other, ended_at in _others(case, execution, taken):
        if other.created_at <= at < ended_at:
            at, behind = ended_at, [*behind, other]
    return _Turn(at, tuple(behind))


def _others(case: Case, execution: Execution, taken: datetime) -> Iterator[tuple[Execution, datetime]]:
    """The others that had ended when it was taken, with that instant, in the order in which they were made."""
    found = (each.execution for each in case.evidence.executions if each.execution.id != execution.id)
    for each in sorted(found, key=lambda each: each.created_at):
        if each.finished_at is not None and each.finished_at <= taken:
            yield each, each.finished_at


def _named(executions: tuple[Execution, ...]) -> str:
    return " and ".join(f"execution {each.id}" for each in executions)
