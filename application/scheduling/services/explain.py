"""Why did it, or did it not, run at a time? Answered from the records alone (protocol 7)."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from application.scheduling.explanations import Case, Explanation, explained
from application.scheduling.explanations.hold_times import HoldTime, hold_times
from application.scheduling.explanations.words import Clockface
from application.scheduling.ports.access_trail import AccessFilter, AccessTrail
from application.scheduling.ports.history import History, Retention, TaskFilter, TaskOrder
from application.scheduling.ports.hold import Holds
from application.scheduling.ports.membership import Membership
from application.scheduling.ports.records import Evidence
from application.scheduling.services.errors import TaskNotFoundError
from domain.access.record import AccessAction, AccessRecord
from domain.scheduling.asked_time import AskedSpans, AskedTime, Span
from domain.scheduling.cron.zone import timezone_keys
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask

ZONE_DEFAULT = "UTC"
# The zone is read with the records, so a time on its clocks takes a second look; an edit meanwhile takes a third.
LOOKS_MAX = 3
# Deleted tasks with the name in their own, their description or handler, among which those that bore it are looked for.
NAMESAKES_MAX = 200
# Of so many holds it is told that they were the cause: the last ones.
HOLDS_MAX = 100


@dataclass(frozen=True, slots=True)
class Explain:
    """Answers for tasks, deleted ones too while they are on record. `retention` is how long records are kept."""

    history: History
    membership: Membership
    holds: Holds
    trail: AccessTrail
    retention: Retention = field(default_factory=Retention)

    async def at(self, task_id: TaskId, asked: AskedTime) -> Explanation:
        """What became of the task's occurrences at a time. Raises TaskNotFoundError, StoreUnavailableError.

        A time without an offset is what clocks show in the zone the task has now.
        """
        members = await self.membership.members()
        timezone, meant, evidence = await self._look(task_id, asked)
        whole = Span(meant.spans[0].since, meant.spans[-1].until)
        case = Case(evidence, whole, self.retention, members, Clockface(timezone or ZONE_DEFAULT))
        case = replace(case, namesakes=await self._namesakes(case), holds=await self._hold_times())
        spans = [replace(case, span=span) for span in meant.spans]
        return explained(case, spans, asked, meant.shown, zone_known=timezone is not None)

    async def _namesakes(self, case: Case) -> tuple[ScheduledTask, ...]:
        """The deleted tasks that bore the name before this one did, in the time that is asked about."""
        task, when = case.task, case.span
        if task is None or when.since >= task.created_at:
            return ()
        name, order = task.definition.name, TaskOrder.UPDATED_AT
        which = TaskFilter(text=name, deleted=True)
        gone = await self.history.tasks(which, order=order, descending=True, limit=NAMESAKES_MAX, cursor=None)
        bore = (each for each in gone.tasks if each.definition.name == name and each.id != task.id)
        return tuple(
            each for each in bore if each.created_at < when.until and when.since < (each.deleted_at or case.now)
        )

    async def _hold_times(self) -> tuple[HoldTime, ...]:
        standing, records = await self.holds.current(), list[AccessRecord]()
        for action in (AccessAction.FIRING_HELD, AccessAction.FIRING_RELEASED):
            records += (await self.trail.page(AccessFilter(action=action), limit=HOLDS_MAX)).records
        return hold_times(standing, records)

    async def _look(self, task_id: TaskId, asked: AskedTime) -> tuple[str | None, AskedSpans, Evidence]:
        meant = asked.in_zone(ZONE_DEFAULT)
        evidence = await self._evidence(task_id, meant)
        looked, timezone = ZONE_DEFAULT, _timezone(evidence)
        for _ in range(LOOKS_MAX - 1):
            if asked.offset is not None or looked == (timezone or ZONE_DEFAULT):
                break
            looked = timezone or ZONE_DEFAULT
            meant = asked.in_zone(looked)
            evidence = await self._evidence(task_id, meant)
            timezone = _timezone(evidence)
        return timezone, meant, evidence

    async def _evidence(self, task_id: TaskId, meant: AskedSpans) -> Evidence:
        since, until = meant.spans[0].since, meant.spans[-1].until
        evidence = await self.history.evidence(task_id, since=since, until=until)
        if evidence is None:
            raise TaskNotFoundError(task_id)
        return evidence


def _timezone(evidence: Evidence) -> str | None:
    """The zone of the task, or the last one on record; None: there is none, or none that is known any more."""
    named: Iterable[str] = (each.timezone for _, each in sorted(evidence.versions.items(), reverse=True))
    if isinstance(evidence.task, ScheduledTask):
        named = (evidence.task.definition.timezone,)
    return next((each for each in named if each in timezone_keys()), None)
