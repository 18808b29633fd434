"""Why occurrences were passed over, from the Skip, the version that was in force, and what stands beside it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from application.scheduling.explanations.answer import Code, Finding
from application.scheduling.explanations.case import Case
from application.scheduling.explanations.deciding_changes import (
    Awakening,
    awakening,
    deletion_before,
    first_of,
    moves_occurrences,
    moving_edit,
    pause_over,
)
from application.scheduling.explanations.deciding_firings import Decided, decided, in_the_way
from application.scheduling.explanations.holding import that_made_late, was_held
from application.scheduling.explanations.words import counted, sentence, span
from application.scheduling.ports.records import ChangeRecord
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.policy import ON_TIME, ExecutionPolicy, Misfire, Overlap
from domain.scheduling.task import Skip, SkipReason

CODES = {reason: Code(f"skipped_{reason}") for reason in SkipReason}


class _Why(NamedTuple):
    """The cause, as the end of a sentence, what else is to be said, and the records it rests on."""

    gist: str
    more: tuple[str, ...] = ()
    executions: tuple[Execution, ...] = ()
    changes: tuple[ChangeRecord | None, ...] = ()


def skip_finding(case: Case, skip: Skip, at: datetime | None, *, count: int, at_least: bool) -> Finding:
    """Why the occurrence `at` did not run (None: which of the skipped ones is meant, is not known any more).

    So many of those that were skipped lie in the span, or, if `at_least`, are known to.
    """
    about = skip.first_at if at is None and skip.count == 1 else at
    why = _WHY[skip.reason](case, skip, about) if about else _Why(_IN_GENERAL[skip.reason])
    head = f"the occurrence of {case.face.at(about)}" if about else _some(case, skip)
    holds = that_made_late(case, skip, about) if about else ()
    late = [was_held(case, each) for each in holds]
    said = (f"{head} did not run: {why.gist}", *late, *why.more, _among(case, skip) if about else "")
    return Finding(
        CODES[skip.reason],
        tuple(sentence(each) for each in said if each),
        at=about,
        executions=why.executions,
        skip=skip,
        changes=tuple(each for each in why.changes if each is not None),
        holds=holds,
        count=count,
        at_least=at_least,
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


def _grace(case: Case, skip: Skip, at: datetime) -> _Why:
    grace = decided(case, skip.reason, at).agree(lambda policy: policy.grace)
    limit = f" of {span(grace)}" if grace is not None else ""
    instead, ran = _instead(case, skip)
    return _Why(f"it was found later than its grace{limit} allows", (instead,), ran)


def _misfire(case: Case, skip: Skip, at: datetime) -> _Why:
    when = decided(case, skip.reason, at)
    misfire = when.agree(lambda policy: policy.misfire)
    if misfire is None:
        return _Why(f"{_IN_GENERAL[skip.reason]}; {_unknown(when)}")
    if misfire is Misfire.SKIP:
        return _Why(f"{_FOUND_LATE} only the newest runs, if it is no more than {span(ON_TIME)} late (misfire skip)")
    if misfire is Misfire.EARLIEST:
        which, picked = _earliest(case, skip)
        return _Why(f"{_FOUND_LATE} only the earliest runs (misfire earliest){which}", (), picked)
    instead, ran = _instead(case, skip)
    few = "only the latest runs" if misfire is Misfire.LATEST else when.agree(_at_most) or "only the latest few run"
    return _Why(f"{_FOUND_LATE} {few} (misfire {misfire})", (instead,), ran)


def _at_most(policy: ExecutionPolicy) -> str:
    left = "" if policy.max_runs is None else ", nor more than max_runs has left"
    return f"no more than {policy.catch_up_max} run{left}"


def _overlap(case: Case, skip: Skip, at: datetime) -> _Why:
    when = decided(case, skip.reason, at)
    overlap = when.agree(lambda policy: policy.overlap)
    if overlap is Overlap.CANCEL_PREVIOUS:
        instead, ran = _instead(case, skip)
        says = "it was found together with a newer one, and only the newest runs (overlap cancel_previous)"
        return _Why(says, (instead,), ran)
    if overlap is None:
        return _Why(f"{_IN_GENERAL[skip.reason]}; {_unknown(when)}")
    waits = overlap is Overlap.QUEUE_ONE
    gist = "one execution was open and another waited for its turn" if waits else "another execution was open"
    gist, count = f"{gist} when it was decided (overlap {overlap})", 2 if waits else 1
    surely, among = in_the_way(case, at, when, count=count)
    if len(surely) >= count:
        return _Why(f"{gist}: {_stood(case, surely)}", (), surely)
    if not among:
        return _Why(gist, ("which one it was can no longer be told from the records",))
    between = f"between {case.face.at(when.since)} and {case.face.at(when.until)}"
    return _Why(gist, (f"that was {between}; open then, at one time or another: {_stood(case, among)}",), among)


def _unknown(when: Decided) -> str:
    """Why the policy is not named."""
    return f"which policy that was is {'not known, as it was changed about then' if when.policies else 'not on record'}"


def _edited(case: Case, skip: Skip, at: datetime) -> _Why:
    edit = moving_edit(case, since=at)
    by = "" if edit is None else f", {case.face.made(edit.change)} (now version {edit.version})"
    return _Why(f"{_IN_GENERAL[skip.reason]}{by}", (), (), (edit,))


def _deleted(case: Case, skip: Skip, at: datetime) -> _Why:  # noqa: ARG001 - the shape of all reasons
    back = first_of(case, {ChangeAction.UNDELETE}, since=at)
    gone = deletion_before(case, back)
    by = f", {case.face.made(gone.change)}" if gone else ""
    restored = f"it was brought back {case.face.made(back.change)}" if back else ""
    if gone is None or at >= gone.change.at:
        return _Why(f"the task was deleted then{by}", (restored,), (), (gone, back))
    pause = pause_over(case, at, end=gone)
    held = pause.record if pause is not None and pause.is_sure else None
    paused = f"the task was paused then, {case.face.made(held.change)}" if held else ""
    return _Why(f"the task was deleted before it was decided{by}", (paused, restored), (), (held, gone, back))


def _paused(case: Case, skip: Skip, at: datetime) -> _Why:  # noqa: ARG001
    end = awakening(case, at)
    pause = pause_over(case, at, end=end.record)
    if pause is None:
        return _paused_later(case, end, at)
    by, gist = case.face.made(pause.record.change), "the task was paused"
    changes = (pause.record, end.record)
    if pause.is_sure and (end.record is not None or not end.doubts):
        return _Why(f"{gist}, {by}", (_woken(case, end),), (), changes)
    doubt = f"it had been paused {by}, but an edit since may have ended that, and another change paused it again"
    return _Why(gist, (doubt, _woken(case, end)), (), changes)


def _paused_later(case: Case, end: Awakening, at: datetime) -> _Why:
    """A pause that began when the occurrence was not decided yet, or that an edit began."""
    gist, begin = "the task was paused", first_of(case, {ChangeAction.PAUSE}, since=at)
    is_behind = begin is not None and end.record is not None and begin.change.at > end.record.change.at
    if begin is None or is_behind or end.doubts:
        return _Why(gist, (_woken(case, end),), (), (end.record,))
    late = "it had not been decided yet by then"
    return _Why(f"{gist}, {case.face.made(begin.change)}", (late, _woken(case, end)), (), (begin, end.record))


def _failed(case: Case, skip: Skip, at: datetime) -> _Why:
    last = case.nearest_auto(before=at)
    dead = last if last is not None and last.state is ExecutionState.DEAD else None
    named = f"; execution {dead.id}, the last before it, failed for good" if dead else ""
    end = awakening(case, at)
    return _Why(f"{_IN_GENERAL[skip.reason]}{named}", (_woken(case, end),), (dead,) if dead else (), (end.record,))


def _woken(case: Case, end: Awakening) -> str:
    """What ended the pause or the stop, and thereby passed over what lay before."""
    if end.record is None:
        return ""
    change = end.record.change
    if change.action is ChangeAction.PAUSE_ENDED:
        behind = "another began, which may have held back what was due behind its end"
        says = f"the pause ended by itself at {case.face.at(change.at)}{f'; {behind}' if end.again else ''}"
    else:
        edited = "given another definition" if moves_occurrences(case, end.record) else "set going again"
        did = "resumed" if change.action is ChangeAction.RESUME else edited
        says = f"the task was {did} {case.face.made(change)}, which passed over what lay before"
    before = "an edit" if end.doubts == 1 else f"one of {counted(end.doubts, 'edit')}"
    return f"{says}, unless {before} before it had done so" if end.doubts else says


def _instead(case: Case, skip: Skip) -> tuple[str, tuple[Execution, ...]]:
    """The next execution behind the Skip: what ran when somebody decided again."""
    following = case.nearest_auto(behind=skip.last_at)
    if following is None or following.nominal_at is None:
        return "", ()
    decided_at, due = case.face.at(following.created_at), case.face.at(following.nominal_at)
    return f"the next to run was that of {due} (execution {following.id}), decided at {decided_at}", (following,)


def _earliest(case: Case, skip: Skip) -> tuple[str, tuple[Execution, ...]]:
    """The execution right before the Skip; another occurrence there was picked, and did not run itself."""
    picked, before = case.nearest_auto(before=skip.first_at), case.due_next_to(before=skip.first_at)
    if picked is None or picked.nominal_at is None or before is None or picked.nominal_at != before.nominal_at:
        return "", ()
    return f": that of {case.face.at(picked.nominal_at)} (execution {picked.id})", (picked,)


def _stood(case: Case, executions: tuple[Execution, ...]) -> str:
    return "; ".join(_lasted(case, each) for each in executions)


def _lasted(case: Case, execution: Execution) -> str:
    end = "" if execution.finished_at is None else f" until {case.face.at(execution.finished_at)}"
    return f"{execution.id}, since {case.face.at(execution.created_at)}{end or ', and it still is'}"


_FOUND_LATE = "no scheduler decided it in time, and of the occurrences found late"
_IN_GENERAL: Mapping[SkipReason, str] = {
    SkipReason.GRACE: "found later than the grace of the task allows",
    SkipReason.MISFIRE: "no scheduler decided it in time, and the misfire policy did not pick it",
    SkipReason.OVERLAP: "the overlap policy passed it over",
    SkipReason.EDITED: "the schedule was changed before it was decided",
    SkipReason.DELETED: "the task was deleted before it was decided",
    SkipReason.PAUSED: "the task was paused",
    SkipReason.FAILED: "the task was stopped after too many failures, and so when it was to be decided",
}
_WHY: Mapping[SkipReason, Callable[[Case, Skip, datetime], _Why]] = {
    SkipReason.GRACE: _grace,
    SkipReason.MISFIRE: _misfire,
    SkipReason.OVERLAP: _overlap,
    SkipReason.EDITED: _edited,
    SkipReason.DELETED: _deleted,
    SkipReason.PAUSED: _paused,
    SkipReason.FAILED: _failed,
}
