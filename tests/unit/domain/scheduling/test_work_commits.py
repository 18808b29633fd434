"""What a committed firing and a run asked for leave behind."""

from dataclasses import replace

from domain.scheduling.execution import CancelRequest, Execution
from domain.scheduling.firing import Firing, Start, fire
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.task import Quarantine, TaskStatus
from domain.scheduling.work import Work
from tests.support.builders import SECOND, a_task
from tests.support.drawings import EVERY_TEN, PENDING, RETRY_WAIT, RUNNING, WAITING, minute, occurrence
from tests.support.works import CANCELLED, LATER, a_manual, a_work, execution, states


def test_a_commit_records_executions_and_moves_the_watermark() -> None:
    task = replace(a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(overlap=Overlap.ALLOW)), version=4)

    work = Work(task).commit(fire(task, minute(10)), minute(10) + SECOND)

    (created,) = work.executions.values()
    assert (created.version, created.nominal_at, created.created_at) == (4, minute(10), minute(10) + SECOND)
    assert (created.task_id, created.scheduled_at) == (task.id, minute(10))
    after = work.task
    assert (after.decided_until, after.next_occurrence) == (minute(10), occurrence(20))
    assert (after.auto_runs, after.run_count, after.last_run_at) == (1, 1, minute(10) + SECOND)
    assert work.created == {created.id}
    assert (work.changed, after.version, after.open_seq) == (frozenset(), 4, 1)


def test_a_commit_ends_a_quarantine() -> None:
    task = replace(a_task(schedule=EVERY_TEN), quarantine=Quarantine("bad zone", minute(10)))

    assert Work(task).commit(fire(task, minute(10)), minute(10)).task.quarantine is None


def test_a_commit_that_only_skips_counts_no_run() -> None:
    work = a_work(execution(RUNNING))

    after = work.commit(fire(work.task, minute(10)), minute(10)).task

    assert (after.auto_runs, after.run_count, after.last_run_at) == (0, 0, None)
    assert after.trailing_skip is not None
    assert after.decided_until == minute(10)


def test_a_commit_that_decides_nothing_keeps_the_trailing_skip_and_a_run_ends_it() -> None:
    work = a_work(execution(RUNNING))
    skipped = work.commit(fire(work.task, minute(10)), minute(10)).task

    idle = Work.of(skipped, [execution(RUNNING)]).commit(fire(skipped, minute(15)), minute(15)).task
    free = skipped.with_open()
    ran = Work(free).commit(fire(free, minute(20)), minute(20)).task

    assert idle.trailing_skip == skipped.trailing_skip
    assert ran.trailing_skip is None


def cancelling(*executions: Execution) -> tuple[Work, Firing]:
    policy = ExecutionPolicy(overlap=Overlap.CANCEL_PREVIOUS)
    work = a_work(*executions, task=a_task(schedule=EVERY_TEN, policy=policy))
    return work, fire(work.task, minute(10))


def test_a_newer_occurrence_cancels_what_does_not_run_and_takes_its_place() -> None:
    work, firing = cancelling(execution(PENDING))

    cancelled, started = work.commit(firing, minute(10)).executions.values()

    assert (cancelled.state, started.state) == (CANCELLED, PENDING)
    assert cancelled.cancel == CancelRequest(minute(10), "scheduler", "superseded by a newer occurrence")


def test_a_newer_occurrence_waits_for_what_runs_to_stop() -> None:
    work, firing = cancelling(execution(RUNNING), execution(WAITING, 5))

    after = work.commit(firing, minute(10))

    assert states(after) == [RUNNING, CANCELLED, WAITING]
    assert [each.cancel is not None for each in after.executions.values()] == [True, True, False]


def test_what_was_claimed_since_the_decision_is_not_run_beside() -> None:
    work, firing = cancelling(execution(PENDING))
    (pending,) = work.executions.values()
    claimed = Work.of(work.task, [replace(pending, state=RUNNING, starts=1)])

    assert firing.run == (Start(occurrence(10), PENDING),)
    assert states(claimed.commit(firing, minute(10))) == [RUNNING, WAITING]


def test_what_stopped_running_since_the_decision_is_not_waited_for() -> None:
    work, firing = cancelling(execution(RUNNING))
    (running,) = work.executions.values()
    retried = Work.of(work.task, [replace(running, state=RETRY_WAIT)])

    after = retried.commit(firing, minute(10))

    assert firing.run == (Start(occurrence(10), WAITING),)
    assert states(after) == [CANCELLED, PENDING]
    assert [each.available_at for each in after.executions.values()][1] == minute(10)
    # The new one is inserted as it has become, not inserted and updated.
    assert after.changed == {running.id}
    assert after.created == after.executions.keys() - {running.id}


def test_a_run_somebody_asked_for_moves_neither_schedule_nor_status() -> None:
    task = replace(a_task(schedule=EVERY_TEN), status=TaskStatus.FAILED)

    after = Work(task).run_now(a_manual(PENDING), LATER).task

    assert (after.run_count, after.last_run_at, after.open_seq) == (1, LATER, 1)
    unmoved = ("auto_runs", "decided_until", "next_occurrence", "status", "version", "trailing_skip")
    assert all(getattr(after, name) == getattr(task, name) for name in unmoved)
