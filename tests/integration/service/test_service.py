"""The promises of the whole service, seen from outside: a real process, a real file, a ledger beside them."""

import os
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from adapters.sql.store import open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.ports.task_store import Applied, TaskStore
from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.runs import run_now
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.task import ScheduledTask
from tests.support.builders import a_creation, a_definition
from tests.support.chores import entries
from tests.support.exposition import Samples, value
from tests.support.manual_clock import ManualClock
from tests.support.service import Service, eventually, running

DONE = ExecutionState.SUCCEEDED
DONE_ATTEMPT = (("outcome", "succeeded"), ("state", "succeeded"), ("task_type", "chores"))
DEFAULTS = {"cleanup_old_activities", "update_instance_stats", "cleanup_orphaned_data", "purge_deleted_content"}


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the test lives in the same time as the process it watches


def more_than(count: int, ledger: Path) -> bool:
    """Whether more than so many runs have come to their end."""
    return len(entries(ledger, "end")) > count


async def run_often(tasks: TaskStore, task_id: TaskId, *, times: int) -> list[ExecutionId]:
    """So many executions that somebody asked for, written past the service."""
    ids = []
    for number in range(times):
        task = await tasks.get(task_id)
        assert isinstance(task, ScheduledTask)
        change = Change(ChangeAction.RUN, "ana", Via.API, now())
        (answer,) = await tasks.mutate([run_now(task, change, key=str(number), allow_overlap=True)])
        assert isinstance(answer, Applied)
        assert answer.execution_id is not None
        ids.append(answer.execution_id)
    return ids


async def test_the_default_tasks_are_listed_with_their_next_instants_and_deleted_ones_stay_away(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        tasks = (await service.call("GET", "/scheduled-tasks"))["tasks"]

        assert {task["name"] for task in tasks} == DEFAULTS
        assert all(datetime.fromisoformat(task["next_run_at"]) > now() for task in tasks)
        assert all(task["warnings"] == [] for task in tasks)
        gone = next(task for task in tasks if task["name"] == "purge_deleted_content")
        await service.call("DELETE", f"/scheduled-tasks/{gone['id']}", expect=204)
    async with running(tmp_path) as service:
        tasks = (await service.call("GET", "/scheduled-tasks"))["tasks"]

        assert {task["name"] for task in tasks} == DEFAULTS - {"purge_deleted_content"}


async def test_a_one_time_task_runs_once_and_not_early(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        at = now() + timedelta(seconds=2)
        task_id = await service.create(
            "wait",
            schedule_type="one_time",
            schedule=at.isoformat(),
            payload={"ledger": str(ledger)},
        )
        await eventually(lambda: entries(ledger, "end"))

        async def completed() -> bool:
            return bool((await service.call("GET", f"/scheduled-tasks/{task_id}"))["status"] == "completed")

        await eventually(completed)
        (start,) = entries(ledger, "start")
        assert start["at"] >= at.timestamp()
        assert start["scheduled_at"] == at.timestamp()

        async def told() -> Samples | None:
            found = await service.figures()
            return found if ("attempts_settled_total", DONE_ATTEMPT) in found else None

        # The worker tells its supervisor once a second.
        figures = await eventually(told)
        assert figures["attempts_settled_total", DONE_ATTEMPT] == 1
        assert value(figures, "start_wait_seconds_count") == value(figures, "dispatch_lateness_seconds_count") == 1
        assert 0 < value(figures, "dispatch_lateness_seconds_sum") < 2
        assert value(figures, "members", role="worker") == value(figures, "worker_processes") == 1
        assert value(figures, "process_resident_memory_bytes", process="worker") > 10_000_000
        assert value(figures, "process_cpu_seconds_total", process="worker") > 0


async def test_five_hours_down_over_a_nightly_instant_run_it_once_with_the_rest_on_record(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    before = now() - timedelta(hours=5)
    half_hourly = CronSchedule("*/30 * * * *", "UTC")
    definition = a_definition(
        "wait", schedule=half_hourly, task_type="chores", payload_json=f'{{"ledger": "{ledger}"}}'
    )
    async with open_sqlite_store(tmp_path / "scheduler.db", ManualClock(before), SystemEntropy()) as stores:
        await stores.tasks.mutate([a_creation(definition, at=before, task_id="nightly")])
    missed = half_hourly.count_between(before, now(), at_most=100)

    async with running(tmp_path) as service:
        await eventually(lambda: entries(ledger, "end"))

        task = await service.call("GET", "/scheduled-tasks/nightly")
        executions = (await service.call("GET", "/scheduled-tasks/nightly/executions"))["executions"]
        page = await service.page("/scheduled-tasks/nightly")
        assert len(executions) == 1
        assert task["run_count"] == 1
    async with open_sqlite_store(tmp_path / "scheduler.db", ManualClock(now()), SystemEntropy()) as stores:
        (skip,) = await stores.history.skips(TaskId("nightly"), limit=10)
    assert (skip.reason, skip.count) == ("misfire", missed - 1)
    assert str(missed - 1) in page


async def test_a_killed_worker_is_replaced_and_its_execution_finished_once(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        task_id = await service.create("wait", payload={"ledger": str(ledger), "seconds": 1.5})
        execution_id = await service.run_now(task_id)
        (start,) = await eventually(lambda: entries(ledger, "start"))

        os.kill(start["pid"], signal.SIGKILL)

        ended = await service.finished(execution_id)
        page = await service.page(f"/scheduled-tasks/{task_id}")
        assert (ended["state"], ended["starts"], ended["rescues"]) == ("succeeded", 2, 1)
        assert [attempt["outcome"] for attempt in ended["attempts"]] == ["rescued", "succeeded"]
        assert len(entries(ledger, "end")) == 1
        starts = entries(ledger, "start")
        assert starts[1]["fence"] > starts[0]["fence"]
        assert starts[1]["attempt"] == 1
        assert "dead worker" in page
        assert (await service.call("GET", "/health"))["workers"] == 1


async def test_a_killed_service_leaves_no_child_and_the_next_one_finishes_its_work(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        task_id = await service.create("wait", payload={"ledger": str(ledger), "seconds": 1.5})
        execution_id = await service.run_now(task_id)
        (start,) = await eventually(lambda: entries(ledger, "start"))

        await service.kill()
        await eventually(lambda: not Path(f"/proc/{start['pid']}").exists(), within=5)
        await service.start()

        ended = await service.finished(execution_id)
        assert (ended["state"], ended["starts"], ended["rescues"]) == ("succeeded", 2, 1)
        assert len(entries(ledger, "end")) == 1


async def test_a_handler_that_blocks_its_loop_stops_neither_the_clock_nor_the_dashboard(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        blocker = await service.create("block", payload={"ledger": str(ledger), "seconds": 4})
        execution_id = await service.run_now(blocker)
        await eventually(lambda: entries(ledger, "start"))
        at = now() + timedelta(seconds=1)
        due = await service.create(
            "due", handler="wait", schedule_type="one_time", schedule=at.isoformat(), payload={"ledger": str(ledger)}
        )

        async def dispatched() -> bool:
            return bool((await service.call("GET", f"/scheduled-tasks/{due}"))["run_count"])

        await eventually(dispatched, within=3)
        assert "Scheduled tasks" in await service.page("/scheduled-tasks")
        assert not entries(ledger, "end"), "the handler still blocks"
        ended = await service.finished(execution_id)
        assert (ended["state"], ended["rescues"]) == ("succeeded", 0)


async def test_sigterm_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path, SCHEDULER_CONCURRENCY="20", SCHEDULER_GRACE="10") as service:
        task_id = await service.create(
            "wait", payload={"ledger": str(ledger), "seconds": 0.3}, policy={"overlap": "allow"}
        )
        ids = [await service.run_now(task_id) for _ in range(60)]
        await eventually(lambda: entries(ledger, "end"))

        code = await service.stop()

        assert code == 0, service.log()
        assert len(entries(ledger, "start")) == len(entries(ledger, "end")), "what was begun was finished"
        await service.start()
        ends = [await service.finished(execution_id) for execution_id in ids]
        assert Counter(ended["state"] for ended in ends) == {"succeeded": 60}
        assert Counter(each["execution"] for each in entries(ledger, "end")) == dict.fromkeys(ids, 1)


async def test_sigterm_between_short_runs_forgets_none_that_was_run(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path, SCHEDULER_CONCURRENCY="1") as service:
        task_id = await service.create(
            "blink", handler="blink", payload={"ledger": str(ledger)}, policy={"overlap": "allow"}
        )
        await service.stop()
        async with open_sqlite_store(tmp_path / "scheduler.db", SystemClock(), SystemEntropy()) as stores:
            ids = await run_often(stores.tasks, TaskId(task_id), times=300)
        for _ in range(2):
            before = len(entries(ledger, "end"))
            await service.start()
            await eventually(partial(more_than, before + 20, ledger))

            assert await service.stop() == 0

            async with open_sqlite_store(tmp_path / "scheduler.db", ManualClock(now()), SystemEntropy()) as stores:
                records = [await stores.history.execution(execution_id) for execution_id in ids]
            succeeded = {each.summary.execution.id for each in records if each and each.summary.execution.state is DONE}
            assert Counter(each["execution"] for each in entries(ledger, "end")) == dict.fromkeys(succeeded, 1)


async def test_sigterm_while_code_is_stuck_hands_its_neighbours_back(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path, SCHEDULER_GRACE="0.5") as service:
        neighbour = await service.create("neighbour", handler="wait", payload={"ledger": str(ledger), "seconds": 90})
        stuck = await service.create(
            "stuck",
            handler="thread",
            payload={"ledger": str(ledger), "seconds": 90},
            max_retries=0,
            policy={"timeout": "PT1S"},
        )
        waits = await service.run_now(neighbour)
        await service.finished(await service.run_now(stuck))

        assert await service.stop() == 0
        assert "is killed" not in service.log()

        await service.start()
        # A successor that was starting when the service stopped may have begun it, too, and handed it back.
        await eventually(lambda: len(entries(ledger, "start")) >= 3)
        found = await service.call("GET", f"/executions/{waits}")
        assert (found["attempts"][0]["outcome"], found["rescues"]) == ("handed_back", 0)
        await service.call("POST", f"/executions/{waits}/cancel", {})
        await service.finished(waits)


async def test_a_program_left_behind_by_a_handler_does_not_keep_the_service_from_starting_again(
    tmp_path: Path,
) -> None:
    pids = tmp_path / "pids"
    async with running(tmp_path) as service:
        payload = {"ledger": str(pids), "seconds": 60}
        await service.finished(await service.run_now(await service.create("daemon", payload=payload)))
        pid = int(pids.read_text())
        try:
            assert await service.stop() == 0
            os.kill(pid, 0)
            await service.start()
        finally:
            os.kill(pid, signal.SIGKILL)


async def test_a_program_that_a_handler_starts_can_be_asked_to_end(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        task_id = await service.create("terminate", payload={"ledger": "", "seconds": 30})

        ended = await service.finished(await service.run_now(task_id))

        assert ended["result"]["ended_by"] == signal.SIGTERM


async def test_sigterm_hands_back_what_does_not_finish_in_the_grace(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path, SCHEDULER_GRACE="0.5") as service:
        task_id = await service.create("wait", payload={"ledger": str(ledger), "seconds": 60})
        execution_id = await service.run_now(task_id)
        await eventually(lambda: entries(ledger, "start"))

        assert await service.stop() == 0

        await service.start()
        await eventually(lambda: len(entries(ledger, "start")) == 2)
        found = await service.call("GET", f"/executions/{execution_id}")
        assert (found["state"], found["starts"], found["rescues"]) == ("running", 2, 0)
        assert found["attempts"][0]["outcome"] == "handed_back"
        await service.call("POST", f"/executions/{execution_id}/cancel", {})
        assert (await service.finished(execution_id))["state"] == "cancelled"


async def test_a_time_out_ends_an_attempt_whatever_the_handler_does(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        policy = {"timeout": "PT1S", "overlap": "allow"}
        for handler in ("wait", "thread"):
            task_id = await service.create(
                handler, payload={"ledger": str(ledger), "seconds": 20}, max_retries=0, policy=policy
            )
            ended = await service.finished(await service.run_now(task_id), within=30)

            assert (ended["state"], ended["attempts"][-1]["outcome"]) == ("dead", "timeout")


async def test_a_second_service_on_the_same_file_is_refused_in_one_line(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        other = Service(tmp_path, {})
        with pytest.raises(AssertionError) as refused:
            await other.start()

        assert f"served by another process (pid {service.process and service.process.pid})" in str(refused.value)
        assert other.process is not None
        assert other.process.returncode == 5
