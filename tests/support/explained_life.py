"""The life of a task, with what happened to its occurrences and executions, and why, kept beside the store."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from application.scheduling.ports.execution_store import Claim
from application.scheduling.ports.records import Evidence
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.execution import ExecutionKind, ExecutionState
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.mutation import Mutation, delete, edit, end_pause, pause, resume, system_change, undelete
from domain.scheduling.outcome import HandedBack, Outcome, Succeeded, UnknownHandler
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.runs import run_now
from domain.scheduling.schedule import IntervalSchedule
from domain.scheduling.task import Definition, Pause, PauseMode, ScheduledTask, TaskStatus
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import MINUTE, a_change, a_failure
from tests.support.manual_clock import NOON

STEP = 5 * MINUTE
SCHEDULES = (IntervalSchedule(2 * STEP), IntervalSchedule(3 * STEP))
POLICY_EDITS = (
    {"misfire": Misfire.SKIP},
    {"misfire": Misfire.ALL, "overlap": Overlap.SKIP},
    {"misfire": Misfire.LATEST, "overlap": Overlap.QUEUE_ONE},
    {"misfire": Misfire.EARLIEST, "grace": 3 * STEP},
)
SCHEDULER = "scheduler"


@dataclass(frozen=True, slots=True)
class Passed:
    """How an occurrence was passed over: by whose act, when, on what task, and what began with it.

    `pauses` are those who paused the task, or paused it once more, since it last was going.
    """

    by: str
    at: datetime
    task: ScheduledTask
    born: frozenset[ExecutionId]
    pauses: tuple[str, ...]

    @property
    def policy(self) -> ExecutionPolicy:
        """The policy of the decision."""
        return self.task.definition.policy

    @property
    def open(self) -> frozenset[ExecutionId]:
        """What was open when it was decided, or began with the decision."""
        return self.born | {each.id for each in self.task.open}


@dataclass
class Life:
    """A task and what was done to it; every act is done by somebody else, whose name begins with that of the act.

    `had`: the schedules it had, each with the instant up to which it counted. `starts`: when an execution was taken,
    and whether by a worker with its handler. `stopped`: the state in which it was cancelled; `asked`: who had it
    cancelled first. `lasted`: when a pause began, and when the task was going again.
    """

    store: StoreUnderTest
    task: ScheduledTask
    had: list[tuple[IntervalSchedule, datetime]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    passed: dict[datetime, Passed] = field(default_factory=dict)
    starts: dict[ExecutionId, list[tuple[datetime, bool]]] = field(default_factory=dict)
    stopped: dict[ExecutionId, ExecutionState] = field(default_factory=dict)
    asked: dict[ExecutionId, str] = field(default_factory=dict)
    pauses: tuple[str, ...] = ()
    lasted: dict[str, tuple[datetime, datetime | None]] = field(default_factory=dict)
    acts: int = 0

    async def do(self, act: str, gap: timedelta) -> None:
        """Carry out one act, if the task is in a state for it; time passes before each."""
        self.acts += 1
        before = await self.evidence()
        if act == "fire" and self.task.look_at is not None:
            gap = max(gap, self.task.look_at - self.store.clock.now())
        self.store.clock.advance(gap)
        by = await self._act(act, f"{act} {self.acts}")
        self._note(before, await self.evidence(), by)

    async def evidence(self) -> Evidence:
        """All that is on record of the task so far; keeps the task as it is."""
        found = await self.store.history.evidence(self.task.id, since=NOON, until=self.store.clock.now() + STEP)
        assert found is not None
        assert isinstance(found.task, ScheduledTask)
        self.task = found.task
        return found

    def is_due(self, instant: datetime) -> bool:
        """True if the schedule that counted then has an occurrence there."""
        counted = next((each for each, until in self.had if instant <= until), self.task.definition.schedule)
        return counted.previous_before(instant + MINUTE) == instant

    async def _act(self, act: str, by: str) -> str:
        """Carry it out; the name of who did it."""
        now = self.store.clock.now()
        if act in ("decide", "fire"):
            return await self._look(now)
        if act in ("claim", "settle", "fail", "retry", "back", "unknown", "die"):
            await self._work(act, now)
        elif act == "cancel" and self.task.open:
            await self.store.executions.cancel(self.task.open[-1].id, _change(ChangeAction.CANCEL, now, by))
        elif (mutation := self._change_of(act, now, by)) is not None:
            await self.store.applied(mutation)
        return by

    async def _look(self, now: datetime) -> str:
        """What a scheduler does at its next look, if that is due."""
        await self.store.executions.release_due(100)
        if self.task.look_at is not None and self.task.look_at <= now:
            if self.task.status is TaskStatus.PAUSED:
                change = system_change(ChangeAction.PAUSE_ENDED, now, "its time was over")
                await self.store.applied(end_pause(self.task, change))
            else:
                await self.store.commit(self.task)
        return SCHEDULER

    async def _work(self, act: str, now: datetime) -> None:
        if act == "claim":
            for claim in await self.store.executions.claim(WORKER, [self.store.token()]):
                self.claims.append(claim)
                self.starts.setdefault(claim.execution.id, []).append((now, True))
        elif act == "die":
            await self.store.executions.rescue_worker(WORKER)
            self.claims.clear()
        elif self.claims:
            outcomes: dict[str, Outcome] = {
                "settle": Succeeded(),
                "fail": a_failure(),
                "retry": a_failure(retry_at=now + STEP),
                "back": HandedBack(),
                "unknown": UnknownHandler(),
            }
            claim = self.claims.pop()
            await self.store.settle(claim, outcomes[act])
            if act == "unknown" and await self.store.state(claim.execution.id) is not ExecutionState.CANCELLED:
                starts = self.starts[claim.execution.id]
                starts[-1] = (starts[-1][0], False)

    def _change_of(self, act: str, now: datetime, by: str) -> Mutation | None:
        task, is_deleted = self.task, self.task.deleted_at is not None
        if is_deleted:
            return undelete(task, _change(ChangeAction.UNDELETE, now, by)) if act == "undelete" else None
        match act:
            case "edit" | "tune" | "describe" | "touch" | "switch":
                return self._edit(act, now, by)
            case "pause" | "pause now" | "pause until" if task.status in (TaskStatus.ACTIVE, TaskStatus.PAUSED):
                mode = PauseMode.NOW if act == "pause now" else PauseMode.DRAIN
                until = now + 3 * STEP if act == "pause until" else None
                return pause(task, Pause("", by, now, until, mode), _change(ChangeAction.PAUSE, now, by))
            case "resume" | "resume all" if task.status in (TaskStatus.PAUSED, TaskStatus.FAILED):
                missed = Misfire.ALL if act == "resume all" else Misfire.SKIP
                return resume(task, _change(ChangeAction.RESUME, now, by), missed=missed)
            case "delete":
                return delete(task, _change(ChangeAction.DELETE, now, by))
            case "run":
                return run_now(task, _change(ChangeAction.RUN, now, by), key=by, allow_overlap=True)
            case _:
                return None

    def _edit(self, act: str, now: datetime, by: str) -> Mutation:
        """Another schedule, policy or description, nothing at all, or the description and the status."""
        task, change = self.task, _change(ChangeAction.EDIT, now, by)
        edited = edit(task, self._edited(act, by), change)
        if act == "edit":
            old = task.definition.schedule
            assert isinstance(old, IntervalSchedule)
            self.had.append((old, max(now, task.decided_until)))
        if act != "switch":
            return edited
        if edited.after.status is TaskStatus.ACTIVE:
            return edited.then(pause(edited.after, Pause("", by, now), change))
        return edited.then(resume(edited.after, change))

    def _edited(self, act: str, by: str) -> Definition:
        definition = self.task.definition
        match act:
            case "edit":
                schedule = SCHEDULES[definition.schedule == SCHEDULES[0]]
                return replace(definition, schedule=schedule, schedule_text=schedule.text)
            case "tune":
                policy = replace(definition.policy, **POLICY_EDITS[self.acts % len(POLICY_EDITS)])
                return replace(definition, policy=policy)
            case "touch":
                return definition
            case _:
                return replace(definition, description=by)

    def _note(self, before: Evidence, after: Evidence, by: str) -> None:
        assert isinstance(before.task, ScheduledTask)
        old, new = before.task, self.task
        states = {each.execution.id: each.execution for each in before.executions}
        born = frozenset(each.execution.id for each in after.executions) - states.keys()
        ran = {each.execution.nominal_at for each in after.executions if each.execution.kind is ExecutionKind.AUTO}
        due = old.definition.schedule.next_after(old.decided_until)
        while due is not None and due <= new.decided_until:
            if due not in ran:
                self.passed[due] = Passed(by, self.store.clock.now(), old, born, self.pauses)
            due = old.definition.schedule.next_after(due)
        for each in (one.execution for one in after.executions):
            if each.cancel is not None:
                self.asked.setdefault(each.id, by)
            if each.state is ExecutionState.CANCELLED and each.id in states:
                self.stopped.setdefault(each.id, states[each.id].state)
        now = self.store.clock.now()
        if new.status is not TaskStatus.PAUSED:
            self.lasted |= {each: (self.lasted[each][0], now) for each in self.pauses}
            self.pauses = ()
        elif old.pause != new.pause:
            self.pauses += (by,)
            self.lasted[by] = (now, None)


def _change(action: ChangeAction, at: datetime, actor: str) -> Change:
    return a_change(action, at=at, actor=actor)
