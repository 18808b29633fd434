"""What is stored is what is read, to the letter; and what cannot be read harms nobody else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.records.executions import change_of, change_row, execution_of, execution_row, skip_row
from adapters.records.executions import skip_of as skip_of_row
from adapters.records.tasks import birth_row, task_of, version_row
from adapters.sql.store import SqlStore
from adapters.sql.store.execution_rows import EXECUTION_COLUMNS
from adapters.sql.store.rows import (
    BIRTH_COLUMNS,
    DEFINITION_COLUMNS,
    FACE_COLUMNS,
    STATE_COLUMNS,
    TASK_COLUMNS,
    VERSION_COLUMNS,
)
from application.scheduling.ports.execution_store import LogLine, Settlement
from application.scheduling.ports.records import ChangeRecord
from application.scheduling.ports.task_store import Decision
from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.execution import CancelRequest, ErrorReport, Execution, ExecutionKind, ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId, TaskId
from domain.scheduling.outcome import Failed
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.retry import Backoff, BackoffKind, GiveUp, RetryPolicy
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import (
    Delivery,
    Pause,
    PauseMode,
    Quarantine,
    ScheduledTask,
    Skip,
    SkipReason,
    TaskStatus,
)
from domain.scheduling.timeline import Occurrence
from tests.support.builders import MINUTE, a_creation, a_definition, a_task
from tests.support.manual_clock import NOON, ManualClock

instants = st.integers(0, 10**9).map(lambda seconds: NOON + timedelta(seconds=seconds, microseconds=seconds % 997))
words = st.text(max_size=20)
counts = st.integers(0, 2**40)
durations = st.integers(0, 86_400 * 10**6).map(lambda microseconds: timedelta(microseconds=microseconds))
skips = st.builds(Skip, st.sampled_from(SkipReason), instants, instants, counts, st.booleans())
pauses = st.builds(Pause, words, words, instants, st.none() | instants, st.sampled_from(PauseMode))
changes = st.builds(
    Change, st.sampled_from(ChangeAction), words, st.sampled_from(Via), instants, words, st.none() | words, words
)
schedules = st.one_of(
    st.sampled_from([CronSchedule("*/5 1-3 * * mon", "Europe/Berlin"), CronSchedule("0 0 29 2 *")]),
    st.builds(IntervalSchedule, st.integers(1, 10**6).map(lambda seconds: timedelta(seconds=seconds)), instants),
    st.builds(OneTimeSchedule, instants),
)
backoffs = st.one_of(
    st.builds(Backoff, st.sampled_from([BackoffKind.FIXED, BackoffKind.LINEAR]), durations, durations),
    st.builds(Backoff, st.just(BackoffKind.LIST), delays=st.lists(durations, min_size=1, max_size=3).map(tuple)),
)
policies = st.builds(
    ExecutionPolicy,
    misfire=st.sampled_from(Misfire),
    grace=st.none() | durations.map(lambda duration: duration + timedelta(seconds=1)),
    catch_up_max=st.integers(1, 100),
    overlap=st.sampled_from(Overlap),
    retry=st.builds(RetryPolicy, st.integers(0, 100), backoffs),
    timeout=durations.map(lambda duration: duration + timedelta(seconds=1)),
    start_at=st.none() | st.just(NOON),
    end_at=st.none() | instants,
    max_runs=st.none() | st.integers(1, 10**6),
    jitter=durations,
    fail_after=st.none() | st.integers(1, 100),
)


@st.composite
def tasks(draw: st.DrawFn) -> ScheduledTask:
    """Any task a store may be given, its open executions aside."""
    definition = replace(
        a_definition(draw(words), schedule=draw(schedules), policy=draw(policies)),
        handler=draw(st.none() | words),
        tags=tuple(draw(st.lists(words, max_size=3))),
        description=draw(words),
        delivery=draw(st.sampled_from(Delivery)),
        payload_json=draw(words),
    )
    return replace(
        a_task(),
        definition=definition,
        status=draw(st.sampled_from(TaskStatus)),
        version=draw(counts),
        decided_until=draw(instants),
        next_occurrence=draw(st.none() | st.builds(Occurrence, instants, instants)),
        open_seq=draw(counts),
        error_count=draw(counts),
        last_run_at=draw(st.none() | instants),
        last_error=draw(st.none() | words),
        trailing_skip=draw(st.none() | skips),
        pause=draw(
            st.none() | st.builds(Pause, words, words, instants, st.none() | instants, st.sampled_from(PauseMode))
        ),
        quarantine=draw(st.none() | st.builds(Quarantine, words, instants)),
        deleted_at=draw(st.none() | instants),
    )


executions = st.builds(
    Execution,
    id=words.map(ExecutionId),
    task_id=words.map(TaskId),
    kind=st.sampled_from(ExecutionKind),
    key=words,
    version=counts,
    state=st.sampled_from(ExecutionState),
    scheduled_at=instants,
    created_at=instants,
    available_at=instants,
    nominal_at=st.none() | instants,
    payload_json=st.none() | words,
    attempts_used=counts,
    starts=counts,
    rescues=counts,
    token=st.none() | words.map(ClaimToken),
    fence=counts,
    worker_id=st.none() | words.map(NodeId),
    started_at=st.none() | instants,
    finished_at=st.none() | instants,
    cancel=st.none() | st.builds(CancelRequest, instants, words, words),
    unknown_since=st.none() | instants,
    error=st.none() | st.builds(ErrorReport, words, words),
    result_json=st.none() | words,
    root_id=st.none() | words.map(ExecutionId),
    number=counts,
    chain_at=st.none() | instants,
)


@given(tasks())
def test_a_task_is_read_as_it_was_written(task: ScheduledTask) -> None:
    state = dict(zip((*STATE_COLUMNS, *FACE_COLUMNS[1:], *BIRTH_COLUMNS), birth_row(task), strict=True))
    version = dict(zip(VERSION_COLUMNS, version_row(task), strict=True))
    row = [version[column] if column in DEFINITION_COLUMNS else state[column] for column in TASK_COLUMNS]

    found = task_of(row)

    assert found == task
    assert isinstance(found, ScheduledTask)
    assert birth_row(found) == birth_row(task)
    assert version_row(found) == version_row(task)


@given(executions)
def test_an_execution_is_read_as_it_was_written(execution: Execution) -> None:
    row = execution_row(execution)

    assert len(row) == len(EXECUTION_COLUMNS)
    assert execution_of(row) == execution
    assert execution_row(execution_of(row)) == row


@given(skips)
def test_a_skip_is_read_as_it_was_written(skip: Skip) -> None:
    assert skip_of_row(skip_row(TaskId("task"), skip)[1:]) == skip


@given(
    st.builds(Change, st.sampled_from(ChangeAction), words, st.sampled_from(Via), instants, words, st.none() | words)
)
def test_a_change_is_read_as_it_was_written(change: Change) -> None:
    record = ChangeRecord(change, TaskId("task"), 3, None)

    assert change_of(change_row(record)) == record


@pytest.mark.parametrize(
    "text_",
    ["", "plain", 'quotes " and \\ and \\u0000', "née 🍑 \u2028 \x7f", "tab\tline\nfeed", "'; DROP TABLE tasks; --"],
)
async def test_texts_reach_the_file_and_come_back(store: SqlStore, text_: str) -> None:
    definition = replace(a_definition(payload_json=f'{{"x": "{text_}"}}'), description=text_)
    await store.tasks.mutate([a_creation(definition)])

    found = await store.tasks.find("report")

    assert isinstance(found, ScheduledTask)
    assert found.definition == definition


async def test_what_a_text_cannot_hold_is_replaced_and_nothing_lost_behind_it(
    store: SqlStore, clock: ManualClock
) -> None:
    await store.tasks.mutate([a_creation()])
    await _commit_due(store, clock)
    (claim,) = await store.executions.claim(NodeId("worker"), [ClaimToken("token")])
    words_ = "nul \0 and half \ud83c of a pair"
    error, log = ErrorReport("ValueError", words_), (LogLine(NOON, "info", words_),)
    await store.executions.settle([Settlement(claim.execution.id, claim.token, Failed(error, GiveUp()), log=log)])

    record = await store.history.execution(claim.execution.id)
    found = await store.tasks.find("report")

    assert record is not None
    assert record.summary.execution.error == error
    assert [line.text for line in record.log] == ["nul \ufffd and half \ufffd of a pair"]
    assert isinstance(found, ScheduledTask)
    assert found.last_error == "ValueError: nul \ufffd and half \ufffd of a pair"


async def _commit_due(store: SqlStore, clock: ManualClock) -> None:
    clock.advance(MINUTE)
    found = await store.tasks.due(EVERYTHING, until=clock.now(), limit=100)
    sound = [task for task in found if isinstance(task, ScheduledTask)]
    await store.tasks.commit_firings([Decision(task, fire(task, clock.now())) for task in sound])
