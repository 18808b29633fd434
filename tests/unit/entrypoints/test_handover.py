"""The decision to hand over: made once, by whichever thread looks first, and told until it is heard."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from application.scheduling.services.attempt import Attempt
from application.scheduling.services.perform_executions import PerformExecutions
from domain.scheduling.outcome import Succeeded
from entrypoints.handover import Handover
from tests.support.house import House, open_house


@dataclass(slots=True)
class Ear:
    """A supervisor that hears, or one whose pipe is full."""

    hears: bool = True
    told: int = 0

    def __call__(self) -> bool:
        self.told += 1
        return self.hears


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A house of its own."""
    async with open_house() as house:
        yield house


@pytest.fixture
async def perform(house: House) -> PerformExecutions:
    """A worker's work, of which nothing runs."""
    return house.perform()


@pytest.fixture
async def attempt(house: House, perform: PerformExecutions) -> Attempt:
    """What the worker holds."""
    attempt = await house.attempt()
    perform.live.add(attempt)
    return attempt


@pytest.mark.usefixtures("attempt")
async def test_without_stuck_code_there_is_nothing_to_hand_over(perform: PerformExecutions) -> None:
    ear = Ear()

    assert not Handover(perform, ear).is_due()
    assert ear.told == 0


async def test_stuck_code_is_told_once_and_stays_a_reason_to_leave_when_it_ends(
    perform: PerformExecutions, attempt: Attempt
) -> None:
    ear = Ear()
    handover = Handover(perform, ear)
    attempt.give_up()
    first = handover.is_due()
    attempt.end(Succeeded())

    second = handover.is_due()

    assert (first, second, ear.told) == (True, True, 1)


async def test_what_could_not_be_told_is_told_at_the_next_look(perform: PerformExecutions, attempt: Attempt) -> None:
    ear = Ear(hears=False)
    handover = Handover(perform, ear)
    attempt.give_up()
    assert handover.is_due()
    ear.hears = True

    for _ in range(2):
        assert handover.is_due()

    assert ear.told == 2
