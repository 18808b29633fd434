"""Code that does not stop, on the real service: new work goes on at once, other work as if nothing had happened."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.children import is_gone
from tests.support.chores import entries
from tests.support.service import Service, eventually, running

ONE_SECOND: dict[str, Any] = {"max_retries": 0, "policy": {"timeout": "PT1S"}}
# Longer than a successor takes to be there, which is about two seconds on a machine that is not busy.
NEIGHBOUR_SECONDS = 18.0


async def stuck(service: Service, handler: str, ledger: Path) -> str:
    """A run that goes on for long after its second is over; the id of its execution, once it has begun."""
    payload = {"ledger": str(ledger), "seconds": 90}
    task_id = await service.create(f"stuck-{handler}", handler=handler, payload=payload, **ONE_SECOND)
    execution_id = await service.run_now(task_id)
    await eventually(lambda: any(each["execution"] == execution_id for each in entries(ledger, "start")))
    return execution_id


async def neighbour(service: Service, handler: str, ledger: Path, *, seconds: float) -> str:
    """A run that shares its process with what is going to be stuck, once it has begun."""
    payload = {"ledger": str(ledger), "seconds": seconds}
    task_id = await service.create(f"neighbour-{len(entries(ledger, 'start'))}", handler=handler, payload=payload)
    execution_id = await service.run_now(task_id)
    await eventually(lambda: any(each["execution"] == execution_id for each in entries(ledger, "start")))
    return execution_id


def of(execution_id: str, what: str, ledger: Path) -> list[dict[str, Any]]:
    """What the ledger says of one execution."""
    return [each for each in entries(ledger, what) if each["execution"] == execution_id]


@pytest.mark.parametrize("handler", ["thread", "block"])
async def test_new_work_is_taken_at_once_and_a_thread_beside_stuck_code_ends_undisturbed(
    tmp_path: Path, handler: str
) -> None:
    ledger, new_ledger = tmp_path / "ledger", tmp_path / "new"
    async with running(tmp_path, SCHEDULER_CONCURRENCY="5") as service:
        old = service.worker_pid()
        waits = await neighbour(service, "thread", ledger, seconds=NEIGHBOUR_SECONDS)
        given_up = await service.finished(await stuck(service, handler, ledger))
        new = await service.create("new", handler="wait", payload={"ledger": str(new_ledger)})

        run = await service.run_now(new)
        ended = await service.finished(run)

        assert not of(waits, "end", ledger), "new work waited for the neighbour"
        assert (given_up["state"], given_up["attempts"][-1]["outcome"]) == ("dead", "timeout")
        (start,) = entries(new_ledger, "start")
        assert ended["state"] == "succeeded"
        assert start["pid"] == service.worker_pid() != old
        assert len(service.worker_pids()) == 2, "the neighbour goes on"
        assert (await service.call("GET", "/health"))["problems"] == []
        waited = await service.finished(waits, within=20)
        assert (waited["state"], waited["starts"], waited["rescues"]) == ("succeeded", 1, 0)
        assert [each["pid"] for each in of(waits, "end", ledger)] == [old]
        await eventually(lambda: "The worker that handed over has left" in service.log())
        assert "start again" not in service.log()
        await eventually(lambda: is_alone(service))


def has_begun_again(execution_id: str, ledger: Path) -> bool:
    """Whether it was begun twice."""
    return len(of(execution_id, "start", ledger)) == 2


async def is_alone(service: Service) -> bool:
    """Whether one worker is known, and it is the one that is there."""
    members = (await service.call("GET", "/stats"))["members"]
    return [each["pid"] for each in members if "worker" in each["roles"]] == [service.worker_pid()]


async def test_what_waits_in_a_loop_that_is_held_is_handed_on_without_a_rescue(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        waits = await neighbour(service, "wait", ledger, seconds=2)
        await stuck(service, "block", ledger)

        ended = await service.finished(waits, within=30)

        assert [attempt["outcome"] for attempt in ended["attempts"]] == ["handed_back", "succeeded"]
        assert (ended["rescues"], len(of(waits, "end", ledger))) == (0, 1)


async def test_a_leaving_worker_hears_cancellations_and_when_it_dies_its_own_executions_alone_start_again(
    tmp_path: Path,
) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        old = service.worker_pid()
        assert old is not None
        polls, waits, theirs = [
            await neighbour(service, handler, ledger, seconds=90) for handler in ("poll", "wait", "wait")
        ]
        await service.finished(await stuck(service, "thread", ledger))
        ours = await neighbour(service, "wait", ledger, seconds=5)
        for execution_id in (polls, waits):
            await service.call("POST", f"/executions/{execution_id}/cancel", {})
            assert (await service.finished(execution_id, within=3))["state"] == "cancelled"
        assert {each["execution"] for each in entries(ledger, "stopped")} == {polls, waits}

        os.kill(old, signal.SIGKILL)

        await eventually(lambda: len(of(theirs, "start", ledger)) == 2)
        ended = await service.finished(ours)
        assert (ended["state"], ended["starts"], ended["rescues"]) == ("succeeded", 1, 0)
        assert {each["pid"] for each in of(ours, "start", ledger)} == {service.worker_pid()} != {old}
        found = await service.call("GET", f"/executions/{theirs}")
        assert [attempt["outcome"] for attempt in found["attempts"]] == ["rescued", None]
        await service.call("POST", f"/executions/{theirs}/cancel", {})
        await service.finished(theirs)


async def test_sigterm_during_a_hand_over_hands_back_what_the_leaving_worker_did_not_finish(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path, SCHEDULER_GRACE="0.5") as service:
        waits = await neighbour(service, "wait", ledger, seconds=90)
        polls = await neighbour(service, "poll", ledger, seconds=90)
        await service.finished(await stuck(service, "thread", ledger))
        await eventually(lambda: len(service.worker_pids()) == 2)
        pids = service.worker_pids()

        code = await service.stop()

        assert code == 0, service.log()
        assert all(map(is_gone, pids))
        assert "is killed" not in service.log()
        await service.start()
        for execution_id in (waits, polls):
            await eventually(partial(has_begun_again, execution_id, ledger))
            found = await service.call("GET", f"/executions/{execution_id}")
            assert (found["attempts"][0]["outcome"], found["rescues"]) == ("handed_back", 0)
            await service.call("POST", f"/executions/{execution_id}/cancel", {})
            await service.finished(execution_id)


async def test_a_service_killed_during_a_hand_over_leaves_no_child(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        waits = await neighbour(service, "wait", ledger, seconds=90)
        await service.finished(await stuck(service, "thread", ledger))
        await eventually(lambda: len(service.worker_pids()) == 2)
        pids = service.worker_pids()

        await service.kill()

        await eventually(lambda: all(map(is_gone, pids)))
        await service.start()
        await service.call("POST", f"/executions/{waits}/cancel", {})
        assert (await service.finished(waits))["state"] == "cancelled"


async def test_an_attempt_that_holds_the_loop_as_it_is_cut_off_is_timed_out_once_and_starts_no_more(
    tmp_path: Path,
) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        old = service.worker_pid()
        execution_id = await stuck(service, "nasty", ledger)

        ended = await service.finished(execution_id, within=20)

        assert [attempt["outcome"] for attempt in ended["attempts"]] == ["timeout"]
        assert (ended["state"], ended["starts"], ended["rescues"]) == ("dead", 1, 0)
        await eventually(lambda: service.worker_pids() and old not in service.worker_pids(), within=20)
        found = await service.call("GET", f"/executions/{execution_id}")
        assert (found["state"], len(of(execution_id, "start", ledger))) == ("dead", 1)


async def test_code_within_its_time_may_hold_the_loop_beside_stuck_code_that_does_not(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        # Without other work the process would leave as soon as the stuck code is on record.
        await neighbour(service, "poll", ledger, seconds=20)
        await stuck(service, "stubborn", ledger)
        computes = await neighbour(service, "block", ledger, seconds=16)

        ended = await service.finished(computes, within=40)

        assert (ended["state"], ended["starts"], ended["rescues"]) == ("succeeded", 1, 0)


async def test_a_stop_while_code_within_its_time_holds_the_loop_hands_everything_back(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path, SCHEDULER_GRACE="0.5") as service:
        runs = [await neighbour(service, handler, ledger, seconds=90) for handler in ("poll", "wait", "block")]

        code = await service.stop()

        assert code == 0, service.log()
        assert "is killed" not in service.log()
        assert {each["execution"] for each in entries(ledger, "stopped")} == {runs[0]}
        await service.start()
        for execution_id in runs:
            found = await service.call("GET", f"/executions/{execution_id}")
            assert (found["attempts"][0]["outcome"], found["rescues"]) == ("handed_back", 0)
            await service.call("POST", f"/executions/{execution_id}/cancel", {})
        await service.kill()
