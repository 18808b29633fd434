"""Which change decided an occurrence that no firing did: an edit, the end of a pause, an undeletion.

Every one of them decides all that is owed up to its own instant. But not every record on the audit trail changed
something, and an edit may have paused the task or set it going again besides, which its record does not say.
"""

from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from application.scheduling.explanations.case import Case
from application.scheduling.ports.records import ChangeRecord
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.task import Definition

_REDEFINING = frozenset({ChangeAction.EDIT, ChangeAction.RESTORE})
_WAKING = frozenset({ChangeAction.RESUME, ChangeAction.PAUSE_ENDED})
_OF_PAUSES = _WAKING | {ChangeAction.PAUSE}
_MAY_PAUSE = frozenset({ChangeAction.PAUSE, ChangeAction.EDIT})


class Awakening(NamedTuple):
    """The change that set a paused or stopped task going again; None: which it was is not on record.

    It did so unless one of so many edits before it had. `again` is a pause that followed at once: it may have held back
    what a pause that ended late left to be decided.
    """

    record: ChangeRecord | None
    doubts: int = 0
    again: ChangeRecord | None = None


class Pausing(NamedTuple):
    """A pause on record; not `is_sure`: an edit may have ended it, and another change begun one."""

    record: ChangeRecord
    is_sure: bool


def that_changed(case: Case) -> Iterator[ChangeRecord]:
    """The changes that made another version of the task, in their order; what changed nothing is on record, too."""
    newest = 0
    for each in case.evidence.changes:
        if each.change.action.moves_version and each.version > newest:
            yield each
        newest = max(newest, each.version)


def first_of(case: Case, actions: Container[ChangeAction], *, since: datetime) -> ChangeRecord | None:
    """The first of these changes, at or after an instant, that changed something."""
    found = (each for each in that_changed(case) if each.change.action in actions)
    return next((each for each in found if each.change.at >= since), None)


def moving_edit(case: Case, *, since: datetime) -> ChangeRecord | None:
    """The first edit at or after an instant that moved occurrences; None if that is not, or not surely, on record."""
    edits = (each for each in that_changed(case) if each.change.action in _REDEFINING and each.change.at >= since)
    first = next((each for each in edits if _moved(case, each) is not False), None)
    return first if first is not None and _moved(case, first) else None


def deletion_before(case: Case, undeletion: ChangeRecord | None) -> ChangeRecord | None:
    """The last deletion, or the last one before the task was brought back."""
    gone = None
    for each in that_changed(case):
        if each is undeletion:
            break
        gone = each if each.change.action is ChangeAction.DELETE else gone
    return gone


def awakening(case: Case, at: datetime) -> Awakening:
    """What set the task going again that was paused, or stopped, when the occurrence `at` was to be decided."""
    run_at = case.occurrence_of(at).run_at
    changed = [each for each in that_changed(case) if each.change.at >= at]
    doubtful: list[ChangeRecord] = []
    for place, each in enumerate(changed):
        if each.change.action in _WAKING:
            again = _paused_before_a_firing(case, at, changed[place + 1 :])
            if again is not None and each.change.action is ChangeAction.RESUME and each.change.at < run_at:
                # It may have caught up, and left to a firing what still waited for its jitter.
                return Awakening(None, len(doubtful) + 1)
            is_late = each.change.action is ChangeAction.PAUSE_ENDED
            idle = place > 0 and _was_idle(case, changed[place - 1], each)
            return Awakening(each, len(doubtful) - idle, again if is_late else None)
        if moves_occurrences(case, each):
            return Awakening(each, len(doubtful))
        doubtful += [each] if each.change.action is ChangeAction.EDIT else []
    return Awakening(doubtful[0]) if len(doubtful) == 1 else Awakening(None, len(doubtful))


def _paused_before_a_firing(case: Case, at: datetime, changed: Sequence[ChangeRecord]) -> ChangeRecord | None:
    """The first of these changes that may have paused the task, if nothing was fired before it for later than `at`."""
    again = next((each for each in changed if each.change.action in _MAY_PAUSE), None)
    later = case.nearest_auto(behind=at)
    return None if again is None or (later is not None and later.created_at < again.change.at) else again


def pause_over(case: Case, at: datetime, *, end: ChangeRecord | None) -> Pausing | None:
    """The pause that was on at an instant, before `end`; None: there was none, or only an edit can have made it."""
    changed = list(that_changed(case))
    before = [each for each in changed if each.change.action in _OF_PAUSES and each.change.at <= at]
    if not before or before[-1].change.action is not ChangeAction.PAUSE or _fired_between(case, before[-1], at):
        return None
    pause = before[-1]
    since = changed[changed.index(pause) + 1 : changed.index(end) if end in changed else None]
    may_pause = [each for each in since if each.change.action in _MAY_PAUSE]
    # What a deletion ended need not have been paused; otherwise an edit ended the pause only if another one began.
    is_paused = end is not None and end.change.action is not ChangeAction.DELETE
    edits = (each for each in may_pause[: -1 if is_paused else None] if each.change.action is ChangeAction.EDIT)
    return Pausing(pause, is_sure=not any(each.change.at <= at for each in edits))


def moves_occurrences(case: Case, record: ChangeRecord) -> bool:
    """True if the change is an edit that surely moved occurrences."""
    return record.change.action in _REDEFINING and _moved(case, record) is True


def _moved(case: Case, record: ChangeRecord) -> bool | None:
    """Whether an edit moved occurrences, and so decided what was owed; None: its versions are not both kept."""
    old, new = case.definition_of(record.version - 1), case.definition_of(record.version)
    return None if old is None or new is None else _moving_parts(old) != _moving_parts(new)


def _moving_parts(definition: Definition) -> tuple[object, ...]:
    """What occurrences depend on."""
    policy = definition.policy
    bounds = (policy.start_at, policy.end_at, policy.jitter, policy.max_runs)
    return (definition.schedule, definition.timezone, *bounds)


def _fired_between(case: Case, pause: ChangeRecord, at: datetime) -> bool:
    """True if something was fired since the pause for an instant before `at`: it was over by then."""
    last = case.nearest_auto(before=at)
    return last is not None and last.created_at > pause.change.at


def _was_idle(case: Case, edit: ChangeRecord, woken: ChangeRecord) -> bool:
    """True if the change before was an edit that did not set the task going, as it was not going until `woken`.

    Only a death can have stopped it again meanwhile.
    """
    ended = (each.execution for each in case.evidence.executions if each.execution.state is ExecutionState.DEAD)
    died = any(edit.change.at <= (each.finished_at or each.created_at) <= woken.change.at for each in ended)
    return edit.change.action is ChangeAction.EDIT and not died
