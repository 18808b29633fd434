"""The maintenance switch on the whole service: its worker is another process, and heeds it, too."""

from datetime import datetime
from pathlib import Path

from tests.support.chores import entries
from tests.support.service import eventually, running

A_SECOND = 1.0


async def test_while_it_is_held_nothing_starts_and_what_runs_ends(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    payload = {"ledger": str(ledger)}
    async with running(tmp_path) as service:
        long = await service.create("long", handler="wait", payload={**payload, "seconds": 3})
        await service.create("every second", handler="wait", schedule="1s", payload=payload)
        await eventually(lambda: len(entries(ledger, "end")) >= 2)
        last = await service.run_now(long)
        await eventually(lambda: any(each["task"] == "long" for each in entries(ledger, "start")))
        hold = (await service.call("PUT", "/hold", {"reason": "new disks"}))["held"]
        await service.finished(last)
        ended = entries(ledger, "end")
        held = [each["at"] for each in entries(ledger, "start")]
        waiting = await service.run_now(await service.create("short", handler="wait", payload=payload))
        state = (await service.call("GET", f"/executions/{waiting}"))["state"]
        await service.call("DELETE", "/hold", expect=204)
        await eventually(lambda: len(entries(ledger, "start")) >= len(held) + 3)
        starts = [each["scheduled_at"] for each in entries(ledger, "start") if each["task"] == "every second"]

    # The long one ran for the second that the hold may take, and for more in which much was due.
    held_at, over_at = datetime.fromisoformat(hold["since"]).timestamp(), ended[-1]["at"]
    assert over_at > held_at + 2 * A_SECOND
    assert max(held) < held_at + A_SECOND
    assert state == "pending"
    assert len(starts) == len(set(starts))
