"""The decision to hand over: made once, by whichever thread looks first, and told until it is heard."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from application.scheduling.services.perform_executions import PerformExecutions
from domain.scheduling.identifiers import ClaimToken
from entrypoints.handover import Handover
from tests.support.house import open_house

STUCK = ClaimToken("held by code that does not stop")


@dataclass(slots=True)
class Ear:
    """A supervisor that hears, or one whose pipe is full."""

    hears: bool = True
    told: int = 0

    def __call__(self) -> bool:
        self.told += 1
        return self.hears


@pytest.fixture
async def perform() -> AsyncIterator[PerformExecutions]:
    """A worker's work, of which nothing runs."""
    async with open_house() as house:
        yield house.perform()


async def test_without_stuck_code_there_is_nothing_to_hand_over(perform: PerformExecutions) -> None:
    ear = Ear()

    assert not Handover(perform, ear).is_due()
    assert ear.told == 0


async def test_stuck_code_is_told_once_and_stays_a_reason_to_leave_when_it_ends(perform: PerformExecutions) -> None:
    ear = Ear()
    handover = Handover(perform, ear)
    perform.run_execution.stuck.add(STUCK)
    first = handover.is_due()
    perform.run_execution.stuck.discard(STUCK)

    second = handover.is_due()

    assert (first, second, ear.told) == (True, True, 1)


async def test_what_could_not_be_told_is_told_at_the_next_look(perform: PerformExecutions) -> None:
    ear = Ear(hears=False)
    handover = Handover(perform, ear)
    perform.run_execution.stuck.add(STUCK)
    assert handover.is_due()
    ear.hears = True

    for _ in range(2):
        assert handover.is_due()

    assert ear.told == 2
