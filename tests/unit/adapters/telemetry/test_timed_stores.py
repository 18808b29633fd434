"""Calls to a store, with a stop-watch."""

import pytest

from adapters.memory import open_memory_store
from adapters.telemetry.exposition import Exposition
from adapters.telemetry.meter import Meter
from adapters.telemetry.timed_stores import TimedStores
from application.scheduling.ports.errors import StoreUnavailableError
from domain.scheduling.sharing import EVERYTHING
from tests.support.exposition import samples_of, value
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy


async def test_each_call_is_counted_under_its_port_and_method_answered_or_not() -> None:
    clock, meter = ManualClock(), Meter()
    async with open_memory_store(clock, CountingEntropy(1)) as stores:
        timed = TimedStores(stores, meter, clock)

        assert await timed.tasks.due(EVERYTHING, until=clock.now(), limit=5) == []
        assert await timed.tasks.next_look_at(EVERYTHING) is None
        stores.state.available = False
        with pytest.raises(StoreUnavailableError):
            await timed.tasks.next_look_at(EVERYTHING)

    told = samples_of(Exposition(meter).text({}))
    assert value(told, "store_call_seconds_count", operation="tasks.due") == 1
    assert value(told, "store_call_seconds_count", operation="tasks.next_look_at") == 2
    assert value(told, "store_errors_total", operation="tasks.next_look_at") == 1
    assert ("store_errors_total", (("operation", "tasks.due"),)) not in told
