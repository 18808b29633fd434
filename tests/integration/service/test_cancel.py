"""A cancellation asked at the API reaches the code that runs, in another process, within about a second."""

from pathlib import Path

import pytest

from tests.support.chores import entries
from tests.support.service import eventually, running

# A beat goes every second, so it is a second at most and half of one on average, on a machine that is not busy.
HEARD_SECONDS = 2.0


@pytest.mark.parametrize("handler", ["wait", "poll"])
async def test_a_cancellation_reaches_a_running_handler_within_about_a_second(tmp_path: Path, handler: str) -> None:
    ledger = tmp_path / "ledger"
    async with running(tmp_path) as service:
        task_id = await service.create(handler, payload={"ledger": str(ledger), "seconds": 60})
        execution_id = await service.run_now(task_id)
        await eventually(lambda: entries(ledger, "start"))

        await service.call("POST", f"/executions/{execution_id}/cancel", {})
        await eventually(lambda: entries(ledger, "stopped"), within=HEARD_SECONDS)

        assert (await service.finished(execution_id, within=HEARD_SECONDS))["state"] == "cancelled"
        assert not entries(ledger, "end")
