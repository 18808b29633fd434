"""A handler that kills its process, on the real service: it dies in the end, alone, and takes nobody with it."""

import os
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from domain.scheduling.execution import ISOLATED_AFTER, RESCUES_MAX
from tests.support.children import is_gone
from tests.support.chores import entries
from tests.support.service import Service, eventually, running

INNOCENTS = 4
TOGETHER: dict[str, Any] = {"policy": {"overlap": "allow"}}


async def ran(service: Service, handler: str, ledger: Path, *, seconds: float, name: str) -> str:
    """A run of a new task that is asked for now; the id of its execution."""
    payload = {"ledger": str(ledger), "seconds": seconds}
    return await service.run_now(await service.create(name, handler=handler, payload=payload, **TOGETHER))


def starts(ledger: Path) -> Counter[str]:
    """How often each execution began, by the ledger of the handlers."""
    return Counter(each["execution"] for each in entries(ledger, "start"))


def left_open(ledger: Path, pid: int) -> set[str]:
    """What began in a process and did not end there."""
    begun, ended = (
        {each["execution"] for each in entries(ledger, what) if each["pid"] == pid} for what in ("start", "end")
    )
    return begun - ended


def pids(ledger: Path, execution_id: str) -> list[int]:
    """The processes an execution began in, one after the other."""
    return [each["pid"] for each in entries(ledger, "start") if each["execution"] == execution_id]


async def made_suspect(execution_id: str, ledger: Path) -> None:
    """Kill the worker of an execution until it has one to itself."""
    for _ in range(ISOLATED_AFTER):
        pid = await eventually(partial(next_pid, execution_id, ledger))
        os.kill(pid, signal.SIGKILL)
        await eventually(partial(is_gone, pid))
    await eventually(partial(next_pid, execution_id, ledger))


def next_pid(execution_id: str, ledger: Path) -> int | None:
    """The living process it runs in."""
    return next((pid for pid in pids(ledger, execution_id)[-1:] if not is_gone(pid)), None)


async def test_a_handler_that_kills_its_process_takes_nobody_with_it(tmp_path: Path) -> None:
    ledger, meanwhile = tmp_path / "ledger", tmp_path / "meanwhile"
    async with running(tmp_path, SCHEDULER_CONCURRENCY="5") as service:
        # The innocent run for longer than the poison, so that each of its deaths meets all of them.
        innocent = [await ran(service, "wait", ledger, seconds=1.5, name=f"innocent {n}") for n in range(INNOCENTS)]
        poison = await ran(service, "kill", ledger, seconds=0.8, name="poison")
        await eventually(lambda: starts(ledger)[poison] > ISOLATED_AFTER, within=30)

        new = await service.finished(await ran(service, "wait", meanwhile, seconds=0.0, name="new"))

        assert starts(ledger)[poison] <= RESCUES_MAX + 1
        assert (new["state"], new["starts"], new["rescues"]) == ("succeeded", 1, 0)
        dead = await service.finished(poison, within=60)
        ended = [await service.finished(each, within=60) for each in innocent]
        assert (dead["state"], dead["error"]["kind"], dead["rescues"]) == ("dead", "poison", RESCUES_MAX)
        assert [each["state"] for each in ended] == ["succeeded"] * INNOCENTS
        began = starts(ledger)
        assert began[poison] == RESCUES_MAX + 1
        assert max(began[each] for each in innocent) <= ISOLATED_AFTER + 1
        for pid in pids(ledger, poison)[ISOLATED_AFTER:]:
            assert left_open(ledger, pid) == {poison}, "nobody was with it when it killed its process"
        assert f"Runs alone: poison; its worker died {ISOLATED_AFTER} times while running it" in service.log()
        await eventually(lambda: len(service.worker_pids()) == 1, within=30)
        assert "-isolated" in service.log(), "it had a process of its own, which has left"


async def test_the_lane_of_suspects_is_drained_with_the_service_and_goes_on_after_it(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path, SCHEDULER_GRACE="0.5") as service:
        suspect = await ran(service, "wait", ledger, seconds=90.0, name="suspect")
        await made_suspect(suspect, ledger)
        found = await service.call("GET", f"/executions/{suspect}")
        workers = service.worker_pids()

        code = await service.stop()

        assert code == 0, service.log()
        assert found["worker_id"].endswith("-isolated")
        assert len(workers) == 2
        assert all(map(is_gone, workers))
        assert "is killed" not in service.log()
        await service.start()
        await eventually(lambda: starts(ledger)[suspect] == ISOLATED_AFTER + 2)
        again = await service.call("GET", f"/executions/{suspect}")
        assert (again["attempts"][-2]["outcome"], again["rescues"]) == ("handed_back", ISOLATED_AFTER)
        assert again["worker_id"].endswith("-isolated")
        await service.call("POST", f"/executions/{suspect}/cancel", {})
        assert (await service.finished(suspect))["state"] == "cancelled"


async def test_a_service_killed_beside_a_suspect_leaves_no_child(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        suspect = await ran(service, "block", ledger, seconds=30.0, name="suspect")
        await made_suspect(suspect, ledger)
        # The worker that died may not be gone yet.
        await eventually(lambda: len(service.worker_pids()) == 2)
        workers = service.worker_pids()

        await service.kill()

        await eventually(lambda: all(map(is_gone, workers)))
        await service.start()
        await service.call("POST", f"/executions/{suspect}/cancel", {})
