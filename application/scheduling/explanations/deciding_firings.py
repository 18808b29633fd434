"""When, and under which policy, a firing passed an occurrence over, as far as the records tell.

A Skip keeps neither the instant of its decision nor its version, and grows from one decision to the next. But a firing
decides all that is due by its instant, so whatever was decided differently, before or behind, narrows both down.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, TypeVar

from application.scheduling.explanations.case import Case
from application.scheduling.explanations.deciding_changes import moves_occurrences, that_changed
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import Execution, ExecutionKind
from domain.scheduling.identifiers import MICROSECOND
from domain.scheduling.policy import ON_TIME, ExecutionPolicy, Misfire, Overlap
from domain.scheduling.task import SkipReason
from domain.scheduling.timeline import Occurrence

Said = TypeVar("Said")
# What ends the time in which a firing can have decided something: each decides it itself, or keeps firings from it.
_DECIDING = frozenset({ChangeAction.RESUME, ChangeAction.DELETE, ChangeAction.UNDELETE})


@dataclass(frozen=True, slots=True)
class Decided:
    """Between which instants, both included, and under which of these policies (empty: that is not on record)."""

    since: datetime
    until: datetime
    policies: tuple[ExecutionPolicy, ...]

    def agree(self, on: Callable[[ExecutionPolicy], Said]) -> Said | None:
        """What all the policies say; None if they differ, or none is on record."""
        said = {on(each) for each in self.policies}
        return said.pop() if len(said) == 1 else None


class InTheWay(NamedTuple):
    """The executions that were open when it was decided: these for sure, and, if not all are known, among those."""

    surely: tuple[Execution, ...]
    among: tuple[Execution, ...]


class _End(NamedTuple):
    """It was decided at this instant or before, under this version (None: that is not known) or an earlier one."""

    at: datetime
    version: int | None
    is_resumption: bool = False


def decided(case: Case, reason: SkipReason, at: datetime) -> Decided:
    """When a firing passed over the occurrence `at` for this reason."""
    occurrence, following = case.occurrence_of(at), case.due_next_to(behind=at)
    earlier = case.nearest_auto(before=at)
    since = max(occurrence.run_at, earlier.created_at) if earlier else occurrence.run_at
    # What a resumption ran began at its own instant.
    end = min(_ends(case, at, since), key=lambda each: (each.at, not each.is_resumption))
    question = _Question(case, reason, occurrence, following, since, end)
    # What the policies say may bring the end nearer, and that again leave fewer of them.
    question = question.narrowed()
    return Decided(since, max(since, question.end.at), question.policies())


def in_the_way(case: Case, at: datetime, when: Decided, *, count: int) -> InTheWay:
    """What was open when the occurrence `at` was decided, of which `count` were in its way."""
    found = [each.execution for each in case.evidence.executions]
    earlier = [each for each in found if each.kind is not ExecutionKind.AUTO or (each.nominal_at or at) < at]
    began = [each for each in earlier if each.created_at <= when.until]
    among = tuple(each for each in began if each.finished_at is None or each.finished_at >= when.since)
    if len(among) <= count and at >= case.horizon:
        return InTheWay(among, among)
    surely = [each for each in among if each.finished_at is None or each.finished_at > when.until]
    # An occurrence before this one was decided before, or in the same firing.
    return InTheWay(
        tuple(each for each in surely if each.created_at < when.since or each.kind is ExecutionKind.AUTO), among
    )


@dataclass(frozen=True, slots=True)
class _Question:
    case: Case
    reason: SkipReason
    occurrence: Occurrence
    following: Occurrence | None
    since: datetime
    end: _End

    def policies(self) -> tuple[ExecutionPolicy, ...]:
        """Those in force between the two ends that could pass it over for this reason; empty if one is not kept."""
        first, last = _version_before(self.case, self.since), self.end.version
        if first is None or last is None:
            return ()
        found = [self.case.definition_of(version) for version in range(first, max(first, last) + 1)]
        kept = [each.policy for each in found if each is not None]
        return tuple(each for each in kept if self._allows(each)) if len(kept) == len(found) else ()

    def narrowed(self) -> "_Question":
        """The same with an end before what was surely decided later, if the policies say so."""
        policies = self.policies()
        if self.reason is not SkipReason.OVERLAP or self.end.is_resumption or not policies:
            return self
        ends = [self.end]
        if self.following is not None and {each.misfire for each in policies} <= {Misfire.LATEST, Misfire.SKIP}:
            # It was picked, so it was the newest.
            ends.append(_before(self.case, self.following.run_at))
        later = self.case.nearest_auto(behind=self.occurrence.nominal_at)
        if later is not None and {each.overlap for each in policies} <= {Overlap.SKIP, Overlap.QUEUE_ONE}:
            # The older are admitted first, so one that ran was not decided with it.
            ends.append(_before(self.case, later.scheduled_at))
        return replace(self, end=min(ends, key=lambda each: each.at))

    def _allows(self, policy: ExecutionPolicy) -> bool:
        late = self.end.at - self.occurrence.run_at
        is_newest = self.following is None or self.following.run_at > self.end.at
        match self.reason:
            case SkipReason.GRACE:
                return policy.grace is not None and late > policy.grace
            case SkipReason.OVERLAP if policy.overlap is Overlap.CANCEL_PREVIOUS:
                return policy.misfire is Misfire.ALL or self.end.is_resumption
            case SkipReason.OVERLAP:
                return policy.overlap is not Overlap.ALLOW
            case SkipReason.MISFIRE if policy.misfire is Misfire.SKIP:
                return late > ON_TIME or not is_newest
            case SkipReason.MISFIRE if policy.misfire is not Misfire.EARLIEST:
                return not is_newest
            case _:
                return True


def _ends(case: Case, at: datetime, since: datetime) -> Iterator[_End]:
    yield _End(case.now, case.newest_version)
    later = case.nearest_auto(behind=at)
    if later is not None:
        yield _End(later.created_at, later.version)
    for each in that_changed(case):
        action = each.change.action
        if each.change.at >= since and (action in _DECIDING or moves_occurrences(case, each)):
            yield _End(each.change.at, each.version - 1, action is ChangeAction.RESUME)
            return


def _before(case: Case, instant: datetime) -> _End:
    return _End(instant - MICROSECOND, case.version_at(instant))


def _version_before(case: Case, instant: datetime) -> int | None:
    """The version before anything that was changed at an instant; that of its creation has none before it."""
    version = case.version_at(instant)
    oldest = next(iter(case.evidence.changes), None)
    if version is None and oldest is not None and oldest.change.action is ChangeAction.CREATE:
        return oldest.version
    return version
