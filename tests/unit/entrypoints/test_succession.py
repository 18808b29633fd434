"""A child that code occupies and its successor: side by side, bounded in number, each with claims of its own."""

import asyncio
import os
import signal
from functools import partial

import pytest
import structlog

from entrypoints.process import EXIT_OK, EXIT_USAGE
from entrypoints.supervisor import LEAVING_MAX
from tests.support.children import INSTANT, Nursery, is_gone, supervised
from tests.support.waiting import eventually

HANDS_OVER = "The worker hands over: code that did not stop in time occupies it. It finishes its other executions and "
LEFT = "The worker that handed over has left, its other work finished or handed back"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between children."""

    async def wait(_stop: asyncio.Event, _length: object) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr("entrypoints.supervisor._wait", wait)


async def test_a_stuck_child_has_a_successor_beside_it_and_loses_nothing_before_it_leaves() -> None:
    nursery = Nursery(["stuck", "obedient"])

    def leave() -> bool:
        assert nursery.dead == []
        os.kill(nursery.pids[0], signal.SIGUSR1)
        return True

    with structlog.testing.capture_logs() as logged:
        code = await supervised(nursery, lambda: nursery.said, leave, lambda: nursery.dead)

    assert code == EXIT_OK
    assert (nursery.started, nursery.dead) == (["child-0", "child-1"],) * 2
    first, second = logged
    assert (first["log_level"], first["worker"]) == ("warning", "child-0")
    assert first["event"].startswith(HANDS_OVER)
    assert (second["log_level"], second["event"], second["pid"]) == ("info", LEFT, first["pid"])


async def test_a_predecessor_that_dies_loses_its_own_claims_and_its_successor_none() -> None:
    nursery = Nursery(["stuck", "obedient"])

    def die() -> bool:
        os.kill(nursery.pids[0], signal.SIGKILL)
        return True

    def left_behind() -> bool:
        assert nursery.dead in ([], ["child-0"])
        return len(nursery.pids) == 1 and bool(nursery.dead)

    with structlog.testing.capture_logs() as logged:
        await supervised(nursery, lambda: nursery.said, die, left_behind)

    assert logged[-1]["event"] == "The worker was killed (Killed); its executions start again"
    assert nursery.started == ["child-0", "child-1"]


def has_said(nursery: Nursery, count: int) -> bool:
    """Whether the children have said so many things."""
    return nursery.said >= count


async def test_wake_ups_go_to_the_successor_alone() -> None:
    nursery = Nursery(["stuck", "obedient"])

    with structlog.testing.capture_logs():
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(nursery.supervisor.run(nursery.stop))
            for count in range(1, 5):
                # A predecessor would answer as well, and the count be wrong by the second of them.
                await eventually(partial(has_said, nursery, count))
                assert nursery.said == count
                nursery.supervisor.wake()
            nursery.stop.set()


async def test_a_stop_during_a_hand_over_drains_both() -> None:
    nursery = Nursery(["stuck", "obedient"])

    with structlog.testing.capture_logs() as logged:
        code = await supervised(nursery, lambda: nursery.said)

    assert (code, sorted(nursery.dead)) == (EXIT_OK, ["child-0", "child-1"])
    assert len(logged) == 1, "nobody was killed, and leaving when told to is no news"


async def test_a_predecessor_that_ignores_the_drain_is_killed_after_its_grace() -> None:
    nursery = Nursery(["stuck-stubborn", "obedient"], grace=INSTANT)

    with structlog.testing.capture_logs() as logged:
        await supervised(nursery, lambda: nursery.said)

    assert sorted(nursery.dead) == ["child-0", "child-1"]
    assert [(line["worker"], "is killed" in line["event"]) for line in logged] == [
        ("child-0", False),
        ("child-0", True),
    ]


async def test_predecessors_end_with_their_supervisor() -> None:
    nursery = Nursery(["stuck", "obedient"])

    with structlog.testing.capture_logs():
        async with asyncio.timeout(10):
            task = asyncio.get_running_loop().create_task(nursery.supervisor.run(nursery.stop))
            await eventually(lambda: nursery.said)
            pids = nursery.pids
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await eventually(lambda: all(map(is_gone, pids)))

    assert len(pids) == 2


@pytest.mark.usefixtures("impatient")
async def test_however_often_code_gets_stuck_only_so_many_children_finish_and_the_oldest_makes_room() -> None:
    nursery = Nursery(["stuck"] * (LEAVING_MAX + 2) + ["obedient"])

    with structlog.testing.capture_logs() as logged:
        await supervised(nursery, lambda: nursery.said)

    assert len(nursery.started) == LEAVING_MAX + 3
    assert nursery.most == LEAVING_MAX + 1
    assert nursery.dead[:2] == ["child-0", "child-1"], "they were drained for those that came after them"
    waits = [line["worker"] for line in logged if line["event"].startswith("New executions wait")]
    assert waits == ["child-0", "child-1"]
    assert sorted(nursery.dead) == sorted(nursery.started)


@pytest.mark.usefixtures("impatient")
async def test_whoever_leaves_first_makes_room() -> None:
    nursery = Nursery(["stuck-stubborn"] * (LEAVING_MAX + 1) + ["obedient"])

    def waits() -> bool:
        return any(line["event"].startswith("New executions wait") for line in logged)

    def another_leaves() -> bool:
        os.kill(nursery.pids[1], signal.SIGUSR1)
        return True

    with structlog.testing.capture_logs() as logged:
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(nursery.supervisor.run(nursery.stop))
            await eventually(waits, within=15)
            another_leaves()
            await eventually(lambda: nursery.said, within=15)
            dead = list(nursery.dead)
            for pid in nursery.pids:
                os.kill(pid, signal.SIGKILL)
            nursery.stop.set()

    assert dead == ["child-1"]


@pytest.mark.usefixtures("impatient")
async def test_one_that_makes_no_room_in_its_grace_is_killed() -> None:
    nursery = Nursery(["stuck-stubborn"] * (LEAVING_MAX + 1) + ["obedient"], grace=INSTANT)

    with structlog.testing.capture_logs() as logged:
        await supervised(nursery, lambda: nursery.said)

    assert nursery.dead[0] == "child-0"
    killed = [line["worker"] for line in logged if "is killed" in line["event"]]
    assert killed[0] == "child-0"


@pytest.mark.usefixtures("impatient")
async def test_a_successor_that_refuses_its_settings_is_tried_again_while_its_predecessor_works() -> None:
    nursery = Nursery(["stuck", str(EXIT_USAGE), str(EXIT_USAGE), "obedient"])

    with structlog.testing.capture_logs() as logged:
        code = await supervised(nursery, lambda: nursery.said)

    assert (code, len(nursery.started)) == (EXIT_OK, 4)
    assert [line["event"] for line in logged[1:]] == ["The worker refused its settings"] * 2


@pytest.mark.usefixtures("impatient")
async def test_settings_that_are_still_refused_when_the_predecessor_has_left_end_the_service() -> None:
    nursery = Nursery(["stuck", str(EXIT_USAGE)])

    with structlog.testing.capture_logs():
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            code = group.create_task(nursery.supervisor.run(nursery.stop))
            await eventually(lambda: len(nursery.started) > 2)
            os.kill(nursery.pids[0], signal.SIGUSR1)

    assert code.result() == EXIT_USAGE
    assert sorted(nursery.dead) == sorted(nursery.started)
