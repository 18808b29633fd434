"""The maintenance switch on the whole service: its worker is another process, and heeds it, too.

How soon is judged where time is no chance: unit/…/test_hold_firing and the simulation (H1).
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.chores import entries
from tests.support.service import eventually, running

# More than two of the task's intervals.
QUIET_SECONDS = 2.5


@dataclass
class Quiet:
    """Whether nothing has started any more for QUIET_SECONDS."""

    ledger: Path
    _starts: int = -1
    _since: float = field(default=0.0)

    def __call__(self) -> bool:
        """As seen at this moment."""
        now, starts = asyncio.get_running_loop().time(), len(entries(self.ledger, "start"))
        if starts != self._starts:
            self._starts, self._since = starts, now
        return now - self._since >= QUIET_SECONDS


async def test_while_it_is_held_nothing_starts_and_what_runs_ends(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    payload = {"ledger": str(ledger)}
    async with running(tmp_path) as service:
        long = await service.create("long", handler="wait", payload={**payload, "seconds": 3})
        await service.create("every second", handler="wait", schedule="1s", payload=payload)
        await eventually(lambda: len(entries(ledger, "end")) >= 2)
        last = await service.run_now(long)
        await eventually(lambda: any(each["task"] == "long" for each in entries(ledger, "start")))
        await service.call("PUT", "/hold", {"reason": "new disks"})
        await eventually(Quiet(ledger))
        await service.finished(last)
        held, ended = entries(ledger, "start"), entries(ledger, "end")
        waiting = await service.run_now(await service.create("short", handler="wait", payload=payload))
        state = (await service.call("GET", f"/executions/{waiting}"))["state"]
        still_held = entries(ledger, "start")
        await service.call("DELETE", "/hold", expect=204)
        await eventually(lambda: len(entries(ledger, "start")) >= len(held) + 3)
        starts = [each["scheduled_at"] for each in entries(ledger, "start") if each["task"] == "every second"]

    assert any(each["task"] == "long" for each in ended)
    assert still_held == held
    assert state == "pending"
    assert len(starts) == len(set(starts))
