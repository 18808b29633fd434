"""The supervisor with a real, very small child: started, woken, drained, killed, and always reaped first."""

import asyncio
import os
import signal
import socket
import threading
from pathlib import Path

import pytest
import structlog

from entrypoints.link import STUCK, SupervisorLink
from entrypoints.process import EXIT_OK, EXIT_USAGE
from tests.support.children import INSTANT, Nursery, is_gone, supervised
from tests.support.repository import ROOT
from tests.support.waiting import eventually, turns

LINKED = """
import asyncio, socket, sys
from entrypoints.link import SupervisorLink
async def main():
    drained = asyncio.Event()
    link = SupervisorLink(socket.socket(fileno=int(sys.argv[1])))
    link.start(on_wake=link.scheduler, on_drain=drained.set)
    link.ready()
    link.alive()
    link.scheduler()
    await drained.wait()
    while not link.draining.is_set():
        pass
asyncio.run(main())
"""


async def test_a_child_is_started_drained_and_reaped_before_its_claims_are_freed() -> None:
    nursery = Nursery(["obedient"])

    await supervised(nursery, lambda: nursery.said)

    assert (nursery.started, nursery.dead) == (["child-0"], ["child-0"])
    assert len(nursery.known) == 1


@pytest.mark.parametrize("name", ["SCHEDULER_ADMIN_TOKEN", "SCHEDULER_ADMIN_TOKEN_FILE", "scheduler_admin_token"])
async def test_what_opens_the_admin_is_not_in_the_environment_of_a_child(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("SCHEDULER_GRACE", "kept")
    nursery, seen = Nursery(["obedient"]), list[bytes]()

    def look() -> int:
        seen.extend(Path(f"/proc/{pid}/environ").read_bytes() for pid in nursery.pids)
        return nursery.said

    await supervised(nursery, look)

    assert b"SCHEDULER_GRACE=kept" in seen[-1]
    assert b"canary" not in seen[-1]


async def test_a_wake_up_reaches_the_child_and_its_answer_the_scheduler() -> None:
    nursery = Nursery(["obedient"])

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(nursery.supervisor.run(nursery.stop))
        await eventually(lambda: nursery.said == 1)
        nursery.supervisor.wake()
        await eventually(lambda: nursery.said == 2)
        nursery.stop.set()
    nursery.supervisor.wake()
    assert nursery.pids == ()


async def test_a_stop_during_the_wait_before_a_restart_starts_nothing_more() -> None:
    nursery = Nursery(["3"])

    with structlog.testing.capture_logs():
        await supervised(nursery, lambda: nursery.dead)

    assert nursery.started == ["child-0"]


async def test_a_child_that_ignores_the_drain_is_killed_after_its_grace() -> None:
    nursery = Nursery(["stubborn"], grace=INSTANT)

    with structlog.testing.capture_logs() as logged:
        await supervised(nursery, lambda: nursery.said)

    assert nursery.dead == ["child-0"]
    assert [line["event"] for line in logged] == ["The worker did not stop in its grace and is killed"]


async def test_a_child_that_refuses_its_settings_is_not_started_again() -> None:
    nursery = Nursery(["obedient", str(EXIT_USAGE)])

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        code = group.create_task(nursery.supervisor.run(nursery.stop))
        await eventually(lambda: nursery.pids)
        with structlog.testing.capture_logs() as logged:
            os.kill(nursery.pids[0], signal.SIGKILL)
            await asyncio.wait({code})

    assert code.result() == EXIT_USAGE
    assert nursery.started == nursery.dead == ["child-0", "child-1"]
    assert len(logged) == 1, "what the child said is the last word"


async def test_a_handler_that_ends_its_child_with_that_exit_code_ends_nothing_else() -> None:
    nursery = Nursery([f"ready{EXIT_USAGE}", "obedient"])

    with structlog.testing.capture_logs():
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            code = group.create_task(nursery.supervisor.run(nursery.stop))
            await eventually(lambda: nursery.said == 1)
            nursery.supervisor.wake()
            await eventually(lambda: nursery.said == 2)
            nursery.stop.set()

    assert code.result() == EXIT_OK


async def test_a_child_does_not_hear_the_terminal_of_its_supervisor() -> None:
    nursery = Nursery(["obedient"])

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(nursery.supervisor.run(nursery.stop))
        await eventually(lambda: nursery.pids)
        (pid,) = nursery.pids
        session = os.getsid(pid)
        nursery.stop.set()

    assert session == pid


async def test_a_line_too_long_or_unknown_means_nothing_and_the_next_one_is_heard() -> None:
    nursery = Nursery(["chatty"])

    await supervised(nursery, lambda: nursery.said)

    assert nursery.said == 1


async def test_a_store_that_does_not_take_claims_back_stops_nobody() -> None:
    nursery = Nursery(["3", "obedient"], unavailable=True)

    with structlog.testing.capture_logs() as logged:
        await supervised(nursery, lambda: nursery.said)

    assert nursery.dead == ["child-0", "child-1"]
    assert any("did not take back" in line["event"] for line in logged)


async def test_wake_ups_for_a_child_that_does_not_read_do_not_pile_up() -> None:
    nursery = Nursery(["obedient"])
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(nursery.supervisor.run(nursery.stop))
        await eventually(lambda: nursery.said)
        (child,) = nursery.supervisor._children
        for _ in range(200_000):
            nursery.supervisor.wake()
        waiting = child.writer.transport.get_write_buffer_size()
        nursery.stop.set()

    assert waiting <= len(b"wake\n")


async def test_the_childs_end_of_the_pipe_hears_and_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    nursery = Nursery(["linked"], script=LINKED)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(nursery.supervisor.run(nursery.stop))
        await eventually(lambda: nursery.said == 1, within=15)
        nursery.supervisor.wake()
        await eventually(lambda: nursery.said == 2)
        nursery.stop.set()

    assert nursery.dead == ["child-0"]


def test_what_the_pipe_has_no_room_for_is_dropped_and_known_to_be() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        link = SupervisorLink(theirs)
        first = link.stuck()
        while link.stuck():
            link.alive()
        link.alive()

        assert (first, ours.recv(len(STUCK))) == (True, STUCK)


async def test_a_child_whose_supervisor_is_gone_ends() -> None:
    nursery = Nursery(["stubborn"])
    others = set(threading.enumerate())

    async with asyncio.timeout(10):
        task = asyncio.get_running_loop().create_task(nursery.supervisor.run(nursery.stop))
        await eventually(lambda: nursery.said)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (pid,) = nursery.known
        await eventually(lambda: is_gone(pid))
        # The thread in which asyncio waits for a child tells the loop of its end, which must be there to hear it.
        await eventually(lambda: not any("waitpid" in each.name for each in set(threading.enumerate()) - others))
        await turns()


async def test_a_child_that_gives_no_sign_of_life_is_killed_and_replaced() -> None:
    nursery = Nursery(["frozen", "lively"], lease=INSTANT * 6)

    with structlog.testing.capture_logs() as logged:
        await supervised(nursery, lambda: nursery.said)

    assert (nursery.started, nursery.dead) == (["child-0", "child-1"],) * 2
    assert [line["event"] for line in logged] == [
        "The worker gave no sign of life for 0.3s and is killed",
        "The worker was killed (Killed); its executions start again",
    ]


@pytest.mark.parametrize(("behaviour", "says"), [("lively", 75), ("late", 1)])
async def test_a_child_that_lives_or_is_not_ready_yet_is_given_its_time(behaviour: str, says: int) -> None:
    nursery = Nursery([behaviour], lease=INSTANT * 6)

    await supervised(nursery, lambda: nursery.said >= says)

    assert nursery.dead == ["child-0"]
