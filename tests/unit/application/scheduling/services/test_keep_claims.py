"""The heartbeat: what it carries, whom it stops, and when it gives everything up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Beat, ExecutionStore, HeartbeatAnswer
from domain.scheduling.identifiers import NodeId
from tests.support.attempts import attempt_of, holding
from tests.support.builders import SECOND
from tests.support.house import ANA, House


async def test_without_claims_there_is_nothing_to_say(house: House) -> None:
    house.stores.state.available = False

    await house.heartbeat(house.perform()).run_once()


async def test_a_beat_names_every_claim_and_carries_what_happened(house: House) -> None:
    perform = await holding(house, count=2)
    for attempt in perform.live.all():
        attempt.log.info("at work")
        attempt.progress(1)
    before = [each.beat for each in await house.stores.executions.held()]

    await house.heartbeat(perform).run_once()

    assert [each.beat for each in await house.stores.executions.held()] == [beat + 1 for beat in before]
    for kept in house.stores.state.executions.values():
        assert [line.text for line in kept.log] == ["at work"]
        assert kept.progress is not None


async def test_what_could_not_be_told_is_told_by_the_next_beat(house: House) -> None:
    perform = await holding(house)
    (attempt,) = perform.live.all()
    attempt.log.info("one")
    heartbeat = house.heartbeat(perform)
    house.stores.state.available = False
    with pytest.raises(StoreUnavailableError):
        await heartbeat.run_once()
    attempt.log.info("two")
    house.stores.state.available = True

    await heartbeat.run_once()

    (kept,) = house.stores.state.executions.values()
    assert [line.text for line in kept.log] == ["one", "two"]


async def test_a_rescued_claim_is_lost_and_named_no_more(house: House) -> None:
    perform = await holding(house)
    (attempt,) = perform.live.all()
    await house.stores.executions.rescue(await house.stores.executions.held())
    heartbeat = house.heartbeat(perform)

    await heartbeat.run_once()
    house.stores.state.available = False
    await heartbeat.run_once()

    assert attempt.is_lost
    assert not attempt.is_cancelled


async def test_a_cancelled_execution_is_asked_to_stop(house: House) -> None:
    perform = await holding(house)
    (attempt,) = perform.live.all()
    await house.manage.cancel(attempt.execution_id, ANA)

    await house.heartbeat(perform).run_once()

    assert attempt.is_cancelled
    assert not attempt.is_lost


@pytest.mark.parametrize("has_beaten", [True, False])
async def test_after_three_quarters_of_a_lease_without_an_answer_everything_is_lost(
    house: House, has_beaten: bool
) -> None:
    perform = await holding(house, count=2)
    heartbeat = house.heartbeat(perform)
    if has_beaten:
        await heartbeat.run_once()
    house.stores.state.available = False

    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await heartbeat.run_once()
        house.clock.advance(22.5 * SECOND)
    with pytest.raises(StoreUnavailableError):
        await heartbeat.run_once()

    assert all(attempt.is_lost for attempt in perform.live.all())


async def test_up_to_three_quarters_of_a_lease_nothing_is_lost(house: House) -> None:
    perform = await holding(house)
    heartbeat = house.heartbeat(perform)
    await heartbeat.run_once()
    house.stores.state.available = False
    house.clock.advance(22.5 * SECOND)
    house.clock.step(-3600 * SECOND)

    with pytest.raises(StoreUnavailableError):
        await heartbeat.run_once()

    assert not any(attempt.is_lost for attempt in perform.live.all())


@dataclass(slots=True)
class Slow:
    """An execution store whose heartbeat takes a while and then fails."""

    executions: ExecutionStore
    house: House

    async def heartbeat(self, worker_id: NodeId, beats: Sequence[Beat]) -> HeartbeatAnswer:
        self.house.clock.advance(23 * SECOND)
        raise StoreUnavailableError("no answer")


async def test_silence_counts_from_the_start_of_the_last_call_that_was_answered(house: House) -> None:
    perform = await holding(house)
    heartbeat = house.heartbeat(perform)
    await heartbeat.run_once()
    slow: Any = Slow(house.stores.executions, house)
    heartbeat.executions = slow

    with pytest.raises(StoreUnavailableError):
        await heartbeat.run_once()

    assert all(attempt.is_lost for attempt in perform.live.all())


async def test_a_claim_just_made_is_not_given_up_for_a_heartbeat_long_ago(house: House) -> None:
    perform = house.perform()
    heartbeat = house.heartbeat(perform)
    await heartbeat.run_once()
    house.clock.advance(3600 * SECOND)
    await house.run_now(await house.create())
    (claim,) = await house.claim()
    attempt = attempt_of(house, claim)
    perform.live.add(attempt)
    house.stores.state.available = False

    with pytest.raises(StoreUnavailableError):
        await heartbeat.run_once()
    assert not attempt.is_lost
    house.clock.advance(23 * SECOND)
    with pytest.raises(StoreUnavailableError):
        await heartbeat.run_once()
    assert attempt.is_lost
