"""Whether a verdict on a task still stands by what the store has by now: each compared field, one at a time."""

from typing import Any

import pytest

from domain.scheduling.identifiers import microseconds
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.standing import Standing
from tests.support.builders import a_task
from tests.support.manual_clock import NOON

READ = a_task()


@pytest.mark.parametrize(
    ("moved", "fires", "quarantines"),
    [
        ({}, True, True),
        ({"status": "paused"}, False, True),
        ({"status": "completed"}, False, False),
        ({"status": "failed"}, False, False),
        ({"status": "of a later release"}, False, True),
        ({"is_deleted": True}, False, False),
        ({"version": 2}, False, False),
        ({"decided_until": microseconds(NOON) + 1}, False, False),
        ({"decided_until": microseconds(NOON) - 1}, False, False),
        ({"open_seq": 1}, False, True),
    ],
)
def test_a_verdict_stands_while_what_it_rests_on_is_as_read(
    moved: dict[str, Any], fires: bool, quarantines: bool
) -> None:
    by_now = Standing("active", 1, microseconds(NOON), 0, is_deleted=False)._replace(**moved)

    assert by_now.allows_firing(READ) is fires
    assert by_now.allows_quarantine(READ) is quarantines


def test_where_executions_may_overlap_a_firing_does_not_look_at_them() -> None:
    read = a_task(policy=ExecutionPolicy(overlap=Overlap.ALLOW))

    assert Standing.of(read)._replace(open_seq=7).allows_firing(read)
    assert not Standing.of(read)._replace(open_seq=7, version=2).allows_firing(read)


@pytest.mark.parametrize(
    ("moved", "stands"),
    [
        ({}, True),
        ({"version": 2, "decided_until": 0}, True),
        ({"status": "paused"}, True),
        ({"status": "completed"}, False),
        ({"status": "failed"}, False),
        ({"is_deleted": True}, False),
    ],
)
def test_what_could_not_be_read_is_quarantined_unless_nobody_looks_at_it_any_more(
    moved: dict[str, Any], stands: bool
) -> None:
    assert Standing.of(READ)._replace(**moved).allows_quarantine(None) is stands


def test_the_standing_of_a_task_that_can_be_read() -> None:
    assert Standing.of(a_task(paused=True)) == Standing("paused", 1, microseconds(NOON), 0, is_deleted=False)
    assert Standing.of(a_task(deleted=True)).is_deleted
