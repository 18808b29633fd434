"""Whatever people and clocks do to a task, each of its instants is explained truly, and no other is taken for one."""

import asyncio
import re
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.scheduling.explanations import Code, Explanation, Finding
from application.scheduling.explanations.words import Clockface, span
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import Execution, ExecutionKind, ExecutionState
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.task import SkipReason
from tests.conformance.backends import BACKENDS
from tests.support.builders import MINUTE, SECOND, a_definition
from tests.support.explained_life import SCHEDULER, SCHEDULES, STEP, Life, Passed
from tests.support.explaining import explained
from tests.support.manual_clock import NOON, ManualClock

POLICIES = st.builds(
    ExecutionPolicy,
    misfire=st.sampled_from(Misfire),
    overlap=st.sampled_from(Overlap),
    grace=st.sampled_from([None, 4 * STEP]),
    jitter=st.sampled_from([0 * MINUTE, 0 * MINUTE, 7 * MINUTE]),
    fail_after=st.sampled_from([1, 3]),
)
ACTS = st.sampled_from(
    [
        *("pass", "decide", "decide", "fire", "fire", "fire", "claim", "claim", "claim"),
        *("settle", "fail", "retry", "back", "unknown", "die", "cancel", "run", "run"),
        *("edit", "tune", "tune", "describe", "touch", "touch", "switch"),
        *("pause", "pause now", "pause until", "resume", "resume all", "delete", "undelete"),
    ]
)
# Never nothing: of two things at one instant the records don't tell which came first.
GAPS = st.sampled_from([SECOND, 40 * SECOND, STEP + SECOND, STEP + SECOND, 11 * MINUTE, 17 * MINUTE + SECOND])
UNEXPLAINED = {Code.NO_RECORD, Code.OLDER_THAN_RECORDS, Code.UNREADABLE}
CANCELLED_BY = {
    "cancel": "asked",
    "pause now": "paused_now",
    "delete": "task_deleted",
    SCHEDULER: "superseded",
    "resume all": "superseded",
    "fail": "task_failed",
}
FACE = Clockface("UTC")


async def _check(life: Life) -> None:
    """Every five minutes of its life, from before its creation to what is to come; and every execution."""
    store = life.store
    evidence = await life.evidence()
    task, executions = life.task, [each.execution for each in evidence.executions]
    ran = {each.nominal_at: each.id for each in executions if each.kind is ExecutionKind.AUTO}
    for each in executions:
        _check_run(life, each, await explained(store, task, each.scheduled_at))
    for number in range(-1, (store.clock.now() - NOON) // STEP + 4):
        at = NOON + number * STEP
        told = await explained(store, task, at)
        codes = {each.code for each in told.findings}
        assert not codes & UNEXPLAINED, (at, told)
        if at in ran:
            assert ran[at] in {each.id for finding in told.findings for each in finding.executions[:1]}, (at, told)
        elif number > 0 and life.is_due(at):
            (finding,) = [each for each in told.findings if each.at == at]
            assert (at <= task.decided_until, finding.code is not Code.NOT_DUE) == (finding.skip is not None, True), (
                told
            )
            if finding.skip is not None:
                _check_passed(life, life.passed[at], finding)
        else:
            assert codes & {Code.NOT_DUE, Code.BEFORE_CREATION, Code.DELETED}, (at, told)


def _check_run(life: Life, execution: Execution, told: Explanation) -> None:
    (finding,) = [each for each in told.findings if execution.id in {one.id for one in each.executions[:1]}]
    whole = " ".join(finding.sentences)
    begun = [at for at, with_handler in life.starts.get(execution.id, []) if with_handler]
    assert finding.code is Code(execution.state), whole
    assert (f"It began at {FACE.at(begun[0])}" in whole) if begun else ("It began" not in whole), (begun, whole)
    if execution.state is ExecutionState.CANCELLED:
        by = re.sub(r" \d+$", "", life.asked[execution.id])
        assert finding.reason == CANCELLED_BY.get(by, "task_failed"), (by, whole)
        running = life.stopped[execution.id] is ExecutionState.RUNNING
        head = "while running" if running else "before it was tried again" if begun else "before it began"
        assert head in whole or (running and "its worker died" in whole), (life.stopped[execution.id], whole)


def _check_passed(life: Life, passed: Passed, finding: Finding) -> None:
    """What is named is what was: the policy, the executions, the change."""
    whole, policy = " ".join(finding.sentences), passed.policy
    named = {each.id for each in finding.executions}
    assert finding.skip is not None
    for pattern, truth in (
        (r"\(misfire (\w+)\)", policy.misfire),
        (r"\(overlap (\w+)\)", policy.overlap),
        (r"its grace of (.+) allows", span(policy.grace or timedelta(0))),
    ):
        assert {str(truth)} >= set(re.findall(pattern, whole)), (passed, whole)
    match finding.skip.reason:
        case SkipReason.OVERLAP if "when it was decided" in whole:
            surely = "at one time or another" not in whole
            assert (named <= passed.open) if surely else (named & passed.open), (passed, whole)
        case SkipReason.MISFIRE if "(misfire earliest)" in whole:
            assert named <= passed.born, (passed, whole)
        case SkipReason.EDITED | SkipReason.PAUSED | SkipReason.DELETED | SkipReason.FAILED:
            _check_changes(life, passed, finding, whole)


def _check_changes(life: Life, passed: Passed, finding: Finding, whole: str) -> None:
    at = finding.at
    assert at is not None
    decided = [
        (each.change.actor, each.change.at)
        for each in finding.changes
        if each.change.action not in (ChangeAction.PAUSE, ChangeAction.DELETE)
    ]
    assert decided in ([], [(passed.by, passed.at)]) or "unless" in whole or "may have" in whole, (passed, whole)
    gone = [each.change.at for each in finding.changes if each.change.action is ChangeAction.DELETE]
    assert gone in ([], [passed.task.deleted_at]), (passed, whole)
    assert not gone or ("was deleted then" in whole) == (at >= gone[0]), (passed, whole)
    pauses = {each.change.actor for each in finding.changes if each.change.action is ChangeAction.PAUSE}
    if "may have" not in whole:
        was_on = {each for each, (begun, over) in life.lasted.items() if begun <= at and (over is None or at <= over)}
        assert pauses <= (was_on if gone else set(passed.pauses)), (passed, whole)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policy=POLICIES, acts=st.lists(st.tuples(ACTS, GAPS), min_size=15, max_size=40))
def test_each_instant_of_a_task_is_explained_truly_and_no_other(
    policy: ExecutionPolicy, acts: list[tuple[str, timedelta]]
) -> None:
    async def live() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with BACKENDS["memory"](ManualClock(), Path(folder)) as store:
                life = Life(store, await store.add(a_definition(schedule=SCHEDULES[0], policy=policy)))
                for act, gap in acts:
                    await life.do(act, gap)
                await _check(life)

    asyncio.run(live())
