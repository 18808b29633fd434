"""The supervisor with a real, very small child: started, woken, restarted, drained, killed, and always reaped first."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import structlog

from application.scheduling.ports.errors import StoreUnavailableError
from domain.scheduling.identifiers import NodeId
from entrypoints.process import EXIT_FAILED, EXIT_OK, EXIT_ORPHANED, EXIT_REPLACE, EXIT_UNREACHABLE, EXIT_USAGE
from entrypoints.supervisor import RESTART_BACKOFF_MIN, SETTLED_AFTER, Epitaph, Supervisor
from tests.support.manual_clock import ManualClock
from tests.support.repository import ROOT
from tests.support.waiting import eventually

CHILD = """
import os, signal, socket, sys
link = socket.socket(fileno=int(sys.argv[1]))
if sys.argv[2].startswith("ready"):
    link.sendall(b"ready\\nscheduler\\n")
    link.recv(100)
    sys.exit(int(sys.argv[2][5:]))
if sys.argv[2].isdigit():
    sys.exit(int(sys.argv[2]))
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "chatty":
    link.sendall(b"x" * 200_000 + b"\\nunknown\\n")
link.sendall(b"scheduler\\n")
for line in link.makefile("rb"):
    if line == b"wake\\n":
        link.sendall(b"scheduler\\n")
    if line == b"drain\\n" and sys.argv[2] != "stubborn":
        sys.exit(0)
sys.exit(3)
"""
LINKED = """
import asyncio, socket, sys
from entrypoints.link import SupervisorLink
async def main():
    drained = asyncio.Event()
    link = SupervisorLink(socket.socket(fileno=int(sys.argv[1])))
    link.start(on_wake=link.scheduler, on_drain=drained.set)
    link.scheduler()
    await drained.wait()
asyncio.run(main())
"""
INSTANT = timedelta(milliseconds=50)
LONG = timedelta(minutes=5)


@dataclass(slots=True)
class Nursery:
    """A supervisor whose children behave as told, one after the other, the last one for ever."""

    behaviours: list[str]
    grace: timedelta = LONG
    script: str = CHILD
    unavailable: bool = False
    clock: ManualClock = field(default_factory=ManualClock)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    started: list[NodeId] = field(default_factory=list)
    dead: list[NodeId] = field(default_factory=list)
    said: int = 0
    pids: set[int] = field(default_factory=set)
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(
            command=self._command,
            new_id=lambda: NodeId(f"child-{len(self.started)}"),
            inherited=(),
            died=self._died,
            on_scheduler=self._on_scheduler,
            clock=self.clock,
            grace=self.grace,
            kill_after=INSTANT,
        )

    def _command(self, worker_id: NodeId, link: int) -> Sequence[str]:
        behaviour = self.behaviours[min(len(self.started), len(self.behaviours) - 1)]
        self.started.append(worker_id)
        if behaviour == "missing":
            return ["/nowhere/python"]
        options = ["-S", "-E"] if self.script is CHILD else []
        return [sys.executable, *options, "-c", self.script, str(link), behaviour]

    async def _died(self, worker_id: NodeId) -> None:
        assert self.supervisor.pid is None
        for pid in self.pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        self.dead.append(worker_id)
        if self.unavailable:
            raise StoreUnavailableError("no answer")

    def _on_scheduler(self) -> None:
        self.said += 1
        assert self.supervisor.pid is not None
        self.pids.add(self.supervisor.pid)


async def supervised(nursery: Nursery, until: Callable[[], object]) -> None:
    """Run it until something holds, then have it stop."""
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(nursery.supervisor.run(nursery.stop))
        await eventually(until)
        nursery.stop.set()


async def test_a_child_is_started_drained_and_reaped_before_its_claims_are_freed() -> None:
    nursery = Nursery(["obedient"])

    await supervised(nursery, lambda: nursery.said)

    assert (nursery.started, nursery.dead) == (["child-0"], ["child-0"])
    assert len(nursery.pids) == 1


async def test_a_wake_up_reaches_the_child_and_its_answer_the_scheduler() -> None:
    nursery = Nursery(["obedient"])

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(nursery.supervisor.run(nursery.stop))
        await eventually(lambda: nursery.said == 1)
        nursery.supervisor.wake()
        await eventually(lambda: nursery.said == 2)
        nursery.stop.set()
    nursery.supervisor.wake()


@pytest.mark.parametrize(
    ("behaviour", "level", "epitaph"),
    [
        ("77", "warning", "The worker ended with exit code 77; its executions start again"),
        (str(EXIT_OK), "info", "The worker ended by itself, with nothing left to do"),
        (str(EXIT_FAILED), "error", "The worker failed, as told above; its executions start again"),
        (str(EXIT_ORPHANED), "warning", "The worker lost sight of its supervisor; its executions start again"),
        (str(EXIT_UNREACHABLE), "warning", "The worker could not go on, as told above; its executions start again"),
        (str(EXIT_REPLACE), "warning", "The worker is replaced: code that did not stop in time still occupied it"),
        ("killed", "warning", "The worker was killed (Killed); its executions start again"),
        ("missing", "warning", "The worker cannot be started: [Errno 2] No such file or directory: '/nowhere/python'"),
    ],
)
async def test_a_child_that_ends_is_replaced_by_one_with_another_name(behaviour: str, level: str, epitaph: str) -> None:
    nursery = Nursery([behaviour, "obedient"])

    with structlog.testing.capture_logs() as logged:
        await supervised(nursery, lambda: nursery.said)

    assert nursery.started == nursery.dead == ["child-0", "child-1"]
    (line,) = logged
    assert (line["log_level"], line["event"]) == (level, epitaph)
    assert (line["worker"], line["restart_in"]) == ("child-0", "0.1s")


async def waits_between(nursery: Nursery, monkeypatch: pytest.MonkeyPatch, *, lived: timedelta) -> list[timedelta]:
    """The first nine waits before a restart, of children that lived so long."""
    waits: list[timedelta] = []

    async def wait(stop: asyncio.Event, length: timedelta) -> None:
        waits.append(length)
        if len(waits) == 10:
            stop.set()

    async def one_child(_self: Supervisor, worker_id: NodeId, stop: asyncio.Event) -> Epitaph:
        nursery.clock.advance(lived)
        return Epitaph("it ended")

    monkeypatch.setattr("entrypoints.supervisor._wait", wait)
    monkeypatch.setattr(Supervisor, "_one_child", one_child)
    with structlog.testing.capture_logs():
        await nursery.supervisor.run(nursery.stop)
    return waits


async def test_children_that_die_young_are_restarted_slower_and_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = await waits_between(Nursery(["3"]), monkeypatch, lived=timedelta(0))

    assert [wait.total_seconds() for wait in waits] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0]


async def test_a_child_that_lived_long_is_replaced_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = await waits_between(Nursery(["3"]), monkeypatch, lived=SETTLED_AFTER * 2)

    assert set(waits) == {RESTART_BACKOFF_MIN}


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
            os.kill(nursery.pids.pop(), signal.SIGKILL)
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
        writer = nursery.supervisor._writer
        assert writer is not None
        for _ in range(200_000):
            nursery.supervisor.wake()
        waiting = writer.transport.get_write_buffer_size()
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


async def test_a_child_whose_supervisor_is_gone_ends() -> None:
    nursery = Nursery(["stubborn"])

    async with asyncio.timeout(10):
        task = asyncio.get_running_loop().create_task(nursery.supervisor.run(nursery.stop))
        await eventually(lambda: nursery.said)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (pid,) = nursery.pids
        await eventually(lambda: _is_gone(pid))


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
