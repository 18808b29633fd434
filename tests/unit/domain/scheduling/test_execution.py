from dataclasses import replace

import pytest

from domain.errors import IllegalTransitionError
from domain.scheduling.execution import (
    EDGES,
    ISOLATED_AFTER,
    OPEN_STATES,
    RESCUES_MAX,
    TASK_KINDS,
    CancelRequest,
    ErrorReport,
    ExecutionKind,
    ExecutionState,
    automatic,
    backfilled,
    continuation,
    manual,
)
from domain.scheduling.identifiers import ClaimToken, NodeId, TaskId, microseconds
from tests.support.builders import HOUR, MINUTE, SECOND, an_execution
from tests.support.manual_clock import NOON

TASK = TaskId("t1")
TOKEN, NODE = ClaimToken("token"), NodeId("node")
ASKED = CancelRequest(NOON, "ana", "wrong")
# Every edge of protocol 5, and no other.
ALLOWED = {
    ("waiting", "pending"),
    ("waiting", "cancelled"),
    ("pending", "running"),
    ("pending", "cancelled"),
    ("pending", "dead"),
    ("running", "succeeded"),
    ("running", "retry_wait"),
    ("running", "dead"),
    ("running", "cancelled"),
    ("running", "pending"),
    ("retry_wait", "pending"),
    ("retry_wait", "cancelled"),
    ("retry_wait", "dead"),
}


@pytest.mark.parametrize("state", ExecutionState)
@pytest.mark.parametrize("following", ExecutionState)
def test_every_edge_of_the_protocol_and_no_other(state: ExecutionState, following: ExecutionState) -> None:
    execution = an_execution(state=state)

    if (state, following) in ALLOWED:
        assert execution.to(following, NOON).state is following
    else:
        with pytest.raises(IllegalTransitionError):
            execution.to(following, NOON)
    assert ((state, following) in ALLOWED) == (following in EDGES[state])


def test_what_is_open_and_what_is_final() -> None:
    assert {"waiting", "pending", "running", "retry_wait"} == OPEN_STATES
    for state in ExecutionState:
        assert an_execution(state=state).is_open == (state in OPEN_STATES) == (not state.is_final)


def test_only_a_final_state_has_an_end() -> None:
    running = an_execution(state=ExecutionState.RUNNING)

    assert running.to(ExecutionState.SUCCEEDED, NOON).finished_at == NOON
    assert running.to(ExecutionState.RETRY_WAIT, NOON).finished_at is None


def test_a_claim_makes_it_running_and_counts_as_a_start() -> None:
    claimed = replace(an_execution(), starts=2).claimed(NODE, TOKEN, 7, NOON)

    assert (claimed.state, claimed.token, claimed.worker_id, claimed.fence) == (ExecutionState.RUNNING, TOKEN, NODE, 7)
    assert (claimed.starts, claimed.started_at, claimed.attempts_used) == (3, NOON, 0)


@pytest.mark.parametrize("state", [ExecutionState.WAITING, ExecutionState.RUNNING, ExecutionState.RETRY_WAIT])
def test_only_a_pending_one_can_be_claimed(state: ExecutionState) -> None:
    with pytest.raises(IllegalTransitionError):
        an_execution(state=state).claimed(NODE, TOKEN, 7, NOON)


@pytest.mark.parametrize("state", [ExecutionState.WAITING, ExecutionState.RUNNING, ExecutionState.RETRY_WAIT])
def test_what_is_released_can_be_claimed_from_that_instant(state: ExecutionState) -> None:
    released = an_execution(state=state).released(NOON + HOUR)

    assert (released.state, released.available_at) == (ExecutionState.PENDING, NOON + HOUR)


@pytest.mark.parametrize("state", [ExecutionState.WAITING, ExecutionState.PENDING, ExecutionState.RETRY_WAIT])
def test_what_does_not_run_is_cancelled_at_once(state: ExecutionState) -> None:
    cancelled = an_execution(state=state).cancelled(ASKED)

    assert (cancelled.state, cancelled.cancel, cancelled.finished_at) == (ExecutionState.CANCELLED, ASKED, NOON)


def test_what_runs_is_asked_to_stop_and_the_first_request_stands() -> None:
    later = CancelRequest(NOON + HOUR, "bob", "me too")

    asked = an_execution(state=ExecutionState.RUNNING).cancelled(ASKED).cancelled(later)

    assert (asked.state, asked.cancel, asked.finished_at) == (ExecutionState.RUNNING, ASKED, None)


@pytest.mark.parametrize("state", [state for state in ExecutionState if state.is_final])
def test_what_is_final_cannot_be_cancelled(state: ExecutionState) -> None:
    with pytest.raises(IllegalTransitionError):
        an_execution(state=state).cancelled(ASKED)


def test_an_occurrence_can_have_one_automatic_execution_only() -> None:
    one, again = (
        automatic(TASK, version, nominal_at=NOON, run_at=NOON + MINUTE, at=at, state=ExecutionState.PENDING)
        for version, at in ((1, NOON + MINUTE), (2, NOON + HOUR))
    )

    assert one.id == again.id
    assert (one.task_id, one.kind, one.nominal_at) == (TASK, ExecutionKind.AUTO, NOON)
    assert one.key == str(microseconds(NOON))
    assert (one.scheduled_at, one.created_at, one.available_at) == (NOON + MINUTE, NOON + MINUTE, NOON + MINUTE)
    assert (one.version, again.version, one.finished_at) == (1, 2, None)


def test_a_delivered_execution_is_over_as_it_begins() -> None:
    delivered = automatic(TASK, 1, nominal_at=NOON, run_at=NOON, at=NOON + SECOND, state=ExecutionState.DELIVERED)

    assert (delivered.is_open, delivered.finished_at) == (False, NOON + SECOND)


def test_a_manual_execution_can_be_claimed_at_once_and_has_no_occurrence() -> None:
    run = manual(TASK, 3, key="k", at=NOON, payload_json='{"a":1}')

    assert (run.kind, run.key, run.state, run.version) == (ExecutionKind.MANUAL, "k", ExecutionState.PENDING, 3)
    assert (run.task_id, run.created_at) == (TASK, NOON)
    assert (run.scheduled_at, run.available_at, run.nominal_at, run.payload_json) == (NOON, NOON, None, '{"a":1}')


def test_a_continuation_starts_afresh_where_its_predecessor_stopped() -> None:
    done = replace(
        an_execution().claimed(NODE, TOKEN, 7, NOON),
        payload_json="{}",
        attempts_used=2,
        rescues=1,
        cancel=ASKED,
        error=ErrorReport("ValueError", "odd"),
        finished_at=NOON + HOUR,
        result_json="1",
        unknown_since=NOON,
    )

    following = continuation(done, at=NOON + HOUR, after=MINUTE)

    assert (following.kind, following.state) == (ExecutionKind.CONTINUATION, ExecutionState.RETRY_WAIT)
    assert (following.created_at, following.finished_at) == (NOON + HOUR, None)
    assert (following.scheduled_at, following.available_at) == (NOON + HOUR + MINUTE, NOON + HOUR + MINUTE)
    assert (following.version, following.payload_json) == (done.version, "{}")
    assert (following.root_id, following.number, following.key) == (done.id, 1, f"{done.id}+1")
    assert (following.token, following.worker_id, following.fence, following.started_at) == (None, None, 0, None)
    assert (following.attempts_used, following.starts, following.rescues) == (0, 0, 0)
    assert (following.error, following.result_json, following.unknown_since, following.cancel) == (None,) * 4


def test_a_chain_is_named_by_its_root_and_counted_from_it() -> None:
    root = an_execution(state=ExecutionState.RUNNING)

    second = continuation(continuation(root, at=NOON + MINUTE, after=MINUTE), at=NOON + HOUR, after=MINUTE)

    assert (second.root_id, second.number, second.key, second.chain_at) == (root.id, 2, f"{root.id}+2", NOON)


def test_every_process_and_every_release_names_an_execution_alike() -> None:
    run = manual(TASK, 1, key="k", at=NOON, payload_json=None)
    fired = automatic(TASK, 1, nominal_at=NOON, run_at=NOON, at=NOON, state=ExecutionState.PENDING)

    # Literals: two schedulers of different releases that decide one occurrence must find that they did.
    assert fired.id == "060efac0d410002d2b26667acdff7a01"
    assert run.id == "060efac0d4100069ede3c12de13d6c7e"
    assert backfilled(TASK, 1, backfill="k", nominal_at=NOON, at=NOON, place=0).id == "060efac0d4100051edc22599ec9fc156"
    assert continuation(run, at=NOON, after=MINUTE).id == "060efac0d410000eeff9109b5c332c1c"


@pytest.mark.parametrize(("rescues", "is_suspect"), [(0, False), (1, False), (2, True), (3, True)])
def test_what_its_workers_died_of_twice_is_a_suspect(rescues: int, is_suspect: bool) -> None:
    assert replace(an_execution(), rescues=rescues).is_suspect is is_suspect


def test_a_suspect_has_more_than_one_start_to_itself_before_it_is_poison() -> None:
    assert RESCUES_MAX + 1 - ISOLATED_AFTER > 1


def test_only_what_the_schedule_started_counts_for_the_task() -> None:
    assert {"auto", "continuation"} == TASK_KINDS


@pytest.mark.parametrize(
    ("kind", "text", "gist"),
    [
        ("timeout", "it ran longer than 1 min", "timeout: it ran longer than 1 min"),
        (
            "ValueError",
            'Traceback (most recent call last):\n  File "x"\nValueError: no such row\n',
            "ValueError: no such row",
        ),
        ("no_such_row", "Traceback:\nPermanentError: gone", "no_such_row: PermanentError: gone"),
        ("KeyError", "", "KeyError"),
    ],
)
def test_the_gist_of_an_error_is_its_kind_and_last_line(kind: str, text: str, gist: str) -> None:
    assert ErrorReport(kind, text).gist == gist
