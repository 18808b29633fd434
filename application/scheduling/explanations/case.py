"""The records around the time that was asked about, and what can be looked up in them."""

from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from application.scheduling.explanations.hold_times import HoldTime
from application.scheduling.explanations.words import Clockface
from application.scheduling.ports.history import Retention
from application.scheduling.ports.membership import Member
from application.scheduling.ports.records import EVIDENCE_MAX, ChangeRecord, Evidence, ExecutionEvidence
from domain.errors import DomainError
from domain.scheduling.asked_time import Span
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import Execution, ExecutionKind
from domain.scheduling.identifiers import EPOCH, MICROSECOND, TaskId
from domain.scheduling.task import Definition, ScheduledTask, Skip, TaskStatus
from domain.scheduling.timeline import Occurrence, Timeline

OCCURRENCES_MAX = EVIDENCE_MAX
# What computing the occurrences of a broken schedule may raise, such as one in a zone that is gone.
_BROKEN = (DomainError, ArithmeticError, ValueError)


class Due(NamedTuple):
    """The occurrences of a span by the versions in force then; `is_known` False: not of all of it."""

    occurrences: tuple[Occurrence, ...]
    is_known: bool

    @property
    def is_cut(self) -> bool:
        """True if there may be more than these."""
        return not self.is_known or len(self.occurrences) >= OCCURRENCES_MAX


@dataclass(frozen=True, slots=True)
class Case:
    """One span of time, what is on record around it, and who is alive now.

    `namesakes` are the deleted tasks that bore the name of the task in that time, before it was created.
    `holds` are the times in which all firing was held, ascending, as far as they are on record.
    """

    evidence: Evidence
    span: Span
    retention: Retention
    members: Sequence[Member]
    face: Clockface
    namesakes: tuple[ScheduledTask, ...] = ()
    holds: tuple[HoldTime, ...] = ()

    @property
    def task(self) -> ScheduledTask | None:
        """The task; None if its row cannot be read."""
        return self.evidence.task if isinstance(self.evidence.task, ScheduledTask) else None

    @property
    def task_id(self) -> TaskId:
        """Whose records these are."""
        task = self.evidence.task
        return task.id if isinstance(task, ScheduledTask) else task.task_id

    @property
    def now(self) -> datetime:
        """The store's clock."""
        return self.evidence.now

    @property
    def has_scheduler(self) -> bool:
        """True if somebody is alive who decides what is due."""
        return any("scheduler" in member.roles for member in self.members)

    @property
    def horizon(self) -> datetime:
        """Since when nothing about executions and Skips has been forgotten."""
        old, forgotten = self.now - self.retention.executions, self.evidence.forgotten_until
        return old if forgotten is None else max(old, forgotten + MICROSECOND)

    @property
    def records_since(self) -> datetime:
        """Since when everything about the task is on record: its creation, or the horizon if that came later."""
        return self.horizon if self.task is None else max(self.horizon, self.task.created_at)

    def version_at(self, instant: datetime) -> int | None:
        """The version whose occurrence an instant is; None if that is no longer on record.

        An edit decides what lies up to its own instant by the version before it.
        """
        if self.task is not None and self.task.updated_at < instant:
            return self.task.version
        versions = [record.version for record in self.evidence.changes if record.change.at < instant]
        return versions[-1] if versions else None

    @property
    def newest_version(self) -> int | None:
        """The version of the task, or, if its row cannot be read, the last on record."""
        return self.task.version if self.task is not None else max(self.evidence.versions, default=None)

    def definition_at(self, instant: datetime) -> Definition | None:
        """The definition in force at an instant; None if it is no longer on record."""
        return self.definition_of(self.version_at(instant))

    def definition_of(self, version: int | None) -> Definition | None:
        """The definition of a version, if that is kept."""
        if self.task is not None and version == self.task.version:
            return self.task.definition
        return None if version is None else self.evidence.versions.get(version)

    def due(self) -> Due:
        """The occurrences whose nominal or run instant lies in the span, the first OCCURRENCES_MAX."""
        late = self._put_off()
        found = {} if late is None else {late.nominal_at: late}
        is_known = True
        for after, until in self._parts():
            definition = self.definition_at(until)
            if definition is None:
                is_known = False
                continue
            try:
                found |= {each.nominal_at: each for each in self._listed(self._timeline(definition), after, until)}
            except _BROKEN:
                is_known = False
        return Due(tuple(found[each] for each in sorted(found)[:OCCURRENCES_MAX]), is_known)

    def unborn(self) -> Occurrence | None:
        """The last occurrence that its first version has in the span before its creation; None: none is known."""
        task, since = self.task, self.span.since
        if task is None or not since < task.created_at < self.span.until:
            return None
        definition = self.definition_at(task.created_at + MICROSECOND)
        with suppress(*_BROKEN):
            if definition is not None:
                return self._timeline(definition).newest(after=since - MICROSECOND, until=task.created_at - MICROSECOND)
        return None

    def runs(self) -> list[ExecutionEvidence]:
        """The executions of the span's occurrences, and whatever else was asked for, or began, in it."""
        return [each for each in self.evidence.executions if self._is_about(each)]

    def meanwhile(self) -> list[ExecutionEvidence]:
        """The executions that were open at some instant of the span, but for `runs`; of what is to come, none."""
        if self.span.since > self.now:
            return []
        lasting = (each for each in self.evidence.executions if _lasts_into(each.execution, self.span.since))
        return [each for each in lasting if each.execution.created_at < self.span.until and not self._is_about(each)]

    def nearest_auto(self, *, before: datetime | None = None, behind: datetime | None = None) -> Execution | None:
        """The automatic execution on record next to an instant, on the one side or the other."""
        found = [each.execution for each in self.evidence.executions if each.execution.kind is ExecutionKind.AUTO]
        if before is not None:
            return next((each for each in reversed(found) if _nominal(each) < before), None)
        assert behind is not None, "one side is asked for"
        return next((each for each in found if _nominal(each) > behind), None)

    def coming(self, *, before: datetime | None = None, behind: datetime | None = None) -> Occurrence | None:
        """The occurrence still to be decided that is next to an instant, on one side; None if nothing is to come."""
        task = self.task
        if task is None or task.status is not TaskStatus.ACTIVE or task.deleted_at is not None:
            return None
        with suppress(*_BROKEN):
            last = self._last_run()
            if before is not None:
                until = before - MICROSECOND if last is None else min(before - MICROSECOND, last)
                return task.timeline.newest(after=task.decided_until, until=until)
            assert behind is not None, "one side is asked for"
            found = task.occurrence_after(max(behind, task.decided_until))
            return found if found is None or last is None or found.nominal_at <= last else None
        return None

    def place_to_come(self, nominal_at: datetime) -> int:
        """The place of an instant among the occurrences still to be decided; 1: it is the next."""
        following = self.task.next_occurrence if self.task is not None else None
        if self.task is None or following is None or nominal_at <= following.nominal_at:
            return 1
        most = (self.task.runs_left or 0) + 1
        return 1 + self.task.definition.schedule.count_between(following.nominal_at, nominal_at, at_most=most)

    def occurrence_of(self, nominal_at: datetime) -> Occurrence:
        """The occurrence of this instant; one that runs then, if that cannot be computed any more."""
        definition = self.definition_at(nominal_at)
        found = None
        with suppress(*_BROKEN):
            if definition is not None:
                found = self._timeline(definition).newest(after=nominal_at - MICROSECOND, until=nominal_at)
        return found or Occurrence(nominal_at, nominal_at)

    def due_next_to(self, *, before: datetime | None = None, behind: datetime | None = None) -> Occurrence | None:
        """The occurrence next to an instant, on one side, by the version in force there; None: none, or not known."""
        at = before or behind
        assert at is not None, "one side is asked for"
        definition = self.definition_at(at)
        if definition is None:
            return None
        timeline = self._timeline(definition)
        with suppress(*_BROKEN):
            return (
                timeline.after(at)
                if before is None
                else timeline.newest(after=EPOCH - MICROSECOND, until=at - MICROSECOND)
            )
        return None

    def skip_of(self, nominal_at: datetime) -> Skip | None:
        """The Skip that holds an instant."""
        return next((each for each in self.evidence.skips if each.first_at <= nominal_at <= each.last_at), None)

    def is_recorded(self, nominal_at: datetime) -> bool:
        """True if the occurrence of this instant ran, or lies in a Skip."""
        found = (each.execution for each in self.evidence.executions if each.execution.kind is ExecutionKind.AUTO)
        return any(each.nominal_at == nominal_at for each in found) or self.skip_of(nominal_at) is not None

    def change_made(self, actions: Container[ChangeAction], *, at: datetime) -> ChangeRecord | None:
        """The last of these changes that was made at this very instant."""
        found = (each for each in reversed(self.evidence.changes) if each.change.action in actions)
        return next((each for each in found if each.change.at == at), None)

    def change_of(self, execution: Execution, actions: Container[ChangeAction]) -> ChangeRecord | None:
        """The change that was about this execution."""
        found = (each for each in self.evidence.changes if each.change.action in actions)
        return next((each for each in found if each.execution_id == execution.id), None)

    def _is_about(self, each: ExecutionEvidence) -> bool:
        execution = each.execution
        planned = (execution.nominal_at, execution.scheduled_at)
        if execution.kind is ExecutionKind.AUTO:
            return any(at is not None and at in self.span for at in planned)
        began = (execution.created_at, *(attempt.started_at for attempt in each.begun[:1]))
        return any(at is not None and at in self.span for at in (*planned, *began))

    def _last_run(self) -> datetime | None:
        """The last instant that max_runs reaches, if all before it run; None: there is none, or it is too far away."""
        task = self.task
        left = None if task is None else task.runs_left
        following = None if task is None else task.next_occurrence
        if task is None or left is None or left > OCCURRENCES_MAX or following is None:
            return None
        for _ in range(left - 1):
            following = task.timeline.after(following.nominal_at) or following
        return following.nominal_at

    def _put_off(self) -> Occurrence | None:
        """The occurrence before the span that its jitter has put into it; run instants come before the next nominal."""
        before = self.due_next_to(before=self.span.since)
        born = EPOCH if self.task is None else self.task.created_at
        return before if before is not None and before.run_at in self.span and before.nominal_at > born else None

    def _parts(self) -> Iterator[tuple[datetime, datetime]]:
        """The span cut at every change, as (after, until], what lies before the task's creation left out."""
        since, until = self.span.since - MICROSECOND, self.span.until - MICROSECOND
        if self.task is not None:
            since = max(since, self.task.created_at)
        cuts = sorted({each.change.at for each in self.evidence.changes if since < each.change.at < until})
        for cut in (*cuts, until):
            if since < cut:
                yield since, cut
            since = cut

    def _timeline(self, definition: Definition) -> Timeline:
        policy = definition.policy
        return Timeline.bounded(self.task_id, definition.schedule, policy)

    def _listed(self, timeline: Timeline, after: datetime, until: datetime) -> Iterator[Occurrence]:
        following = timeline.after(after)
        count = 0
        while following is not None and following.nominal_at <= until and count < OCCURRENCES_MAX:
            yield following
            following, count = timeline.after(following.nominal_at), count + 1


def _nominal(execution: Execution) -> datetime:
    return execution.nominal_at or execution.scheduled_at


def _lasts_into(execution: Execution, since: datetime) -> bool:
    return execution.finished_at is None or execution.finished_at >= since
