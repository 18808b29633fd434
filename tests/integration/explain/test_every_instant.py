"""Whatever people and clocks do to a task, each of its instants is explained, and nothing else is taken for one."""

import asyncio
import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.scheduling.explanations import Code
from application.scheduling.ports.execution_store import Claim
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionKind
from domain.scheduling.mutation import edit, undelete
from domain.scheduling.outcome import Succeeded
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.schedule import IntervalSchedule
from domain.scheduling.task import ScheduledTask, TaskStatus
from tests.conformance.backends import BACKENDS
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import MINUTE, a_change, a_definition, a_failure
from tests.support.explaining import explained
from tests.support.manual_clock import NOON, ManualClock

STEP = 5 * MINUTE
SCHEDULES = (IntervalSchedule(2 * STEP), IntervalSchedule(3 * STEP))
POLICIES = st.builds(
    ExecutionPolicy,
    misfire=st.sampled_from(Misfire),
    overlap=st.sampled_from(Overlap),
    grace=st.sampled_from([None, 4 * STEP]),
    jitter=st.sampled_from([0 * MINUTE, 0 * MINUTE, 7 * MINUTE]),
)
ACTS = st.sampled_from(
    ["pass", "decide", "decide", "claim", "settle", "fail", "edit", "pause", "resume", "delete", "run"]
)
UNEXPLAINED = {Code.NO_RECORD, Code.OLDER_THAN_RECORDS, Code.UNREADABLE}


@dataclass
class Life:
    """A task, what was done to it, and the schedules it had, each with the instant up to which it counted."""

    store: StoreUnderTest
    task: ScheduledTask
    had: list[tuple[IntervalSchedule, datetime]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    async def do(self, act: str) -> None:
        """Carry out one act, if the task is in a state for it; time passes before each."""
        store, now = self.store, self.store.clock.advance(STEP)
        self.task = await store.read(self.task)
        match act:
            case "decide" if self.task.look_at is not None and self.task.look_at <= now:
                await store.commit(self.task)
            case "claim":
                self.claims += await store.executions.claim(WORKER, [store.token()])
            case "settle" | "fail" if self.claims:
                await store.settle(self.claims.pop(), Succeeded() if act == "settle" else a_failure())
            case "edit":
                await self._edit(now)
            case "pause" if self.task.status is TaskStatus.ACTIVE:
                await store.paused(self.task)
            case "resume" if self.task.status in (TaskStatus.PAUSED, TaskStatus.FAILED):
                await store.resumed(self.task)
            case "delete":
                deleted = await store.deleted(self.task)
                back = store.clock.advance(2 * STEP)
                await store.applied(undelete(deleted, a_change(ChangeAction.UNDELETE, at=back)))
            case "run":
                await store.run_now(self.task, key=now.isoformat())

    def is_due(self, instant: datetime) -> bool:
        """True if the schedule that counted then has an occurrence there."""
        counted = next((each for each, until in self.had if instant <= until), self.task.definition.schedule)
        return counted.previous_before(instant + MINUTE) == instant

    async def _edit(self, now: datetime) -> None:
        old = self.task.definition.schedule
        assert isinstance(old, IntervalSchedule)
        new = SCHEDULES[old == SCHEDULES[0]]
        definition = replace(self.task.definition, schedule=new, schedule_text=new.text)
        self.had.append((old, max(now, self.task.decided_until)))
        await self.store.applied(edit(self.task, definition, a_change(at=now)))


async def _check(life: Life) -> None:
    """Every five minutes of its life, from before its creation to what is to come."""
    store = life.store
    life.task = task = await store.read(life.task)
    evidence = await store.history.evidence(task.id, since=NOON, until=store.clock.now())
    assert evidence is not None
    ran = {
        each.execution.nominal_at: each.execution.id
        for each in evidence.executions
        if each.execution.kind is ExecutionKind.AUTO
    }
    for each in evidence.executions:
        told = await explained(store, task, each.execution.scheduled_at)
        assert each.execution.id in {one.id for finding in told.findings for one in finding.executions[:1]}, told
    for number in range(-1, (store.clock.now() - NOON) // STEP + 4):
        at = NOON + number * STEP
        told = await explained(store, task, at)
        codes = {each.code for each in told.findings}
        assert not codes & UNEXPLAINED, (at, told)
        if at in ran:
            assert ran[at] in {each.id for finding in told.findings for each in finding.executions[:1]}, (at, told)
        elif number > 0 and life.is_due(at):
            assert any(each.code is not Code.NOT_DUE and each.at == at for each in told.findings), (at, told)
            decided = {each.skip is not None for each in told.findings if each.at == at}
            assert (at <= task.decided_until) in decided, (at, told)
        else:
            assert codes & {Code.NOT_DUE, Code.BEFORE_CREATION}, (at, told)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policy=POLICIES, acts=st.lists(ACTS, max_size=16))
def test_each_instant_of_a_task_is_explained_and_no_other(policy: ExecutionPolicy, acts: list[str]) -> None:
    async def live() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with BACKENDS["memory"](ManualClock(), Path(folder)) as store:
                life = Life(store, await store.add(a_definition(schedule=SCHEDULES[0], policy=policy)))
                for act in acts:
                    await life.do(act)
                await _check(life)

    asyncio.run(live())
