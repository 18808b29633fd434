"""Why occurrences were passed over, from the Skip, the version that was in force, and what stands beside it."""

from collections.abc import Callable, Mapping
from datetime import datetime

from application.scheduling.explanations.answer import Code, Finding
from application.scheduling.explanations.case import REDEFINING, Case
from application.scheduling.explanations.words import sentence, span
from application.scheduling.ports.history import ChangeRecord
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.policy import ON_TIME, Misfire, Overlap
from domain.scheduling.task import Skip, SkipReason

CODES = {reason: Code(f"skipped_{reason}") for reason in SkipReason}
_RESUMING = frozenset({ChangeAction.RESUME, ChangeAction.PAUSE_ENDED})


def skip_finding(case: Case, skip: Skip, at: datetime | None) -> Finding:
    """Why the occurrence `at` did not run (None: which of the skipped ones is meant, is not known any more)."""
    about = skip.first_at if at is None and skip.count == 1 else at
    why = _WHY[skip.reason](case, skip, about or skip.first_at)
    gist, *more = why.sentences
    head = f"the occurrence of {case.face.at(about)}" if about else _some(case, skip)
    said = (f"{head} did not run: {gist}", *more, _among(case, skip) if about else "")
    return Finding(
        CODES[skip.reason],
        tuple(sentence(each) for each in said if each),
        at=about,
        executions=why.executions,
        skip=skip,
        changes=why.changes,
    )


def _some(case: Case, skip: Skip) -> str:
    """The Skip covers the time asked about; whether an occurrence of it lay right there is no longer known."""
    return f"{_number(skip)} occurrences from {case.face.at(skip.first_at)} to {case.face.at(skip.last_at)}"


def _among(case: Case, skip: Skip) -> str:
    if skip.count == 1:
        return ""
    between = f"from {case.face.at(skip.first_at)} to {case.face.at(skip.last_at)}"
    return f"it is one of {_number(skip)} passed over for this reason, {between}"


def _number(skip: Skip) -> str:
    return f"{'at least ' if skip.at_least else ''}{skip.count:,}"


def _why(
    *sentences: str, executions: tuple[Execution, ...] = (), changes: tuple[ChangeRecord | None, ...] = ()
) -> Finding:
    made = tuple(each for each in changes if each is not None)
    return Finding(Code.NO_RECORD, tuple(each for each in sentences if each), executions=executions, changes=made)


def _grace(case: Case, skip: Skip, at: datetime) -> Finding:
    definition = case.definition_at(at)
    grace = definition.policy.grace if definition else None
    limit = f" of {span(grace)}" if grace is not None else ""
    instead, ran = _instead(case, skip)
    return _why(f"it was found later than its grace{limit} allows", instead, executions=ran)


def _misfire(case: Case, skip: Skip, at: datetime) -> Finding:
    definition = case.definition_at(at)
    late = "no scheduler decided it in time"
    if definition is None:
        return _why(f"{late}, and the misfire policy passed it over")
    policy = definition.policy
    if policy.misfire is Misfire.SKIP:
        return _why(f"{late}: it was found more than {span(ON_TIME)} late, and misfire skip runs nothing that late")
    if policy.misfire is Misfire.EARLIEST:
        earlier = case.nearest_auto(before=skip.first_at)
        ran: tuple[Execution, ...] = () if earlier is None else (earlier,)
        return _why(
            f"{late}, and of the occurrences found late only the earliest runs{_which(case, earlier)}", executions=ran
        )
    instead, ran = _instead(case, skip)
    few = "only the latest runs" if policy.misfire is Misfire.LATEST else f"no more than {policy.catch_up_max} run"
    return _why(f"{late}, and of the occurrences found late {few} (misfire {policy.misfire})", instead, executions=ran)


def _overlap(case: Case, skip: Skip, at: datetime) -> Finding:
    definition = case.definition_at(at)
    overlap = definition.policy.overlap if definition else None
    if overlap is Overlap.CANCEL_PREVIOUS:
        instead, ran = _instead(case, skip)
        return _why(
            "it was found together with a newer one, and only the newest runs (overlap cancel_previous)",
            instead,
            executions=ran,
        )
    ahead = case.open_at(at)
    waits = overlap is Overlap.QUEUE_ONE
    gist = "one execution was open and another waited for its turn" if waits else "an earlier execution was still open"
    if not ahead:
        return _why(gist, "which one it was can no longer be told from the records")
    return _why(f"{gist}: {'; '.join(_stood(case, each) for each in ahead)}", executions=tuple(ahead))


def _edited(case: Case, skip: Skip, at: datetime) -> Finding:  # noqa: ARG001 - the shape of all reasons
    edit = case.first_change(REDEFINING, since=at)
    gist = "the schedule was changed before it was decided"
    if edit is None:
        return _why(gist)
    return _why(f"{gist}, {case.face.made(edit.change)} (now version {edit.version})", changes=(edit,))


def _deleted(case: Case, skip: Skip, at: datetime) -> Finding:  # noqa: ARG001
    back = case.first_change({ChangeAction.UNDELETE}, since=at)
    gone = case.last_change({ChangeAction.DELETE}, until=case.now if back is None else back.change.at)
    gist = "the task was deleted then" + (f", {case.face.made(gone.change)}" if gone else "")
    restored = f"it was brought back {case.face.made(back.change)}" if back else ""
    return _why(gist, restored, changes=(gone, back))


def _paused(case: Case, skip: Skip, at: datetime) -> Finding:  # noqa: ARG001
    end = case.first_change(_RESUMING | REDEFINING, since=at)
    begin = case.last_change({ChangeAction.PAUSE}, until=case.now if end is None else end.change.at)
    gist = "the task was paused" + (f", {case.face.made(begin.change)}" if begin else "")
    ended = "" if end is None else _resumed(case, end)
    late = "it had not been decided yet when the pause began" if begin and at < begin.change.at else ""
    return _why(gist, late, ended, changes=(begin, end))


def _resumed(case: Case, end: ChangeRecord) -> str:
    if end.change.action is ChangeAction.PAUSE_ENDED:
        return f"the pause ended by itself at {case.face.about(end.change.at)}"
    did = "resumed" if end.change.action is ChangeAction.RESUME else "given another definition"
    return f"the task was {did} {case.face.made(end.change)}, which passed over what lay before"


def _failed(case: Case, skip: Skip, at: datetime) -> Finding:  # noqa: ARG001
    last = case.nearest_auto(before=at)
    dead = last if last is not None and last.state is ExecutionState.DEAD else None
    back = case.first_change({ChangeAction.RESUME, *REDEFINING}, since=at)
    named = f"; execution {dead.id}, the last before it, failed for good" if dead else ""
    again = f"it was set going again {case.face.made(back.change)}" if back else ""
    return _why(
        f"the task had been stopped after too many failures{named}",
        again,
        executions=(dead,) if dead else (),
        changes=(back,),
    )


def _instead(case: Case, skip: Skip) -> tuple[str, tuple[Execution, ...]]:
    """The next execution behind the Skip: what ran when somebody decided again."""
    following = case.nearest_auto(behind=skip.last_at)
    if following is None or following.nominal_at is None:
        return "", ()
    decided, due = case.face.about(following.created_at), case.face.at(following.nominal_at)
    return f"the next to run was that of {due} (execution {following.id}), decided at {decided}", (following,)


def _which(case: Case, execution: Execution | None) -> str:
    if execution is None or execution.nominal_at is None:
        return ""
    return f": that of {case.face.at(execution.nominal_at)} (execution {execution.id})"


def _stood(case: Case, execution: Execution) -> str:
    end = "" if execution.finished_at is None else f" until {case.face.about(execution.finished_at)}"
    return f"{execution.id}, since {case.face.about(execution.created_at)}{end or ', and it still is'}"


_WHY: Mapping[SkipReason, Callable[[Case, Skip, datetime], Finding]] = {
    SkipReason.GRACE: _grace,
    SkipReason.MISFIRE: _misfire,
    SkipReason.OVERLAP: _overlap,
    SkipReason.EDITED: _edited,
    SkipReason.DELETED: _deleted,
    SkipReason.PAUSED: _paused,
    SkipReason.FAILED: _failed,
}
