"""What is said of a schedule's company and of its runs before it is saved."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from application.scheduling.ports.cron_reference import Reading
from application.scheduling.services.advise import CROWD_MIN, Advise
from application.scheduling.services.second_opinion import SecondOpinion
from application.scheduling.services.statistics import Crowd, Measured, ReadStatistics
from domain.scheduling.identifiers import TaskId
from domain.scheduling.schedule import IntervalSchedule
from domain.scheduling.task import Quarantine, ScheduledTask, TaskStatus
from tests.support.builders import HOUR, MINUTE, a_task
from tests.support.manual_clock import NOON

HOURLY = IntervalSchedule(HOUR, NOON)
SHOWN = [NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR]


class Silent:
    """A reference that is never asked: an interval is no cron expression."""

    name = "silent"

    async def read(self, expression: str, timezone: str, *, after: datetime, until: datetime) -> Reading | None:
        """See the port."""
        raise AssertionError("asked about an interval")


@dataclass(frozen=True, slots=True)
class Figures:
    """The two figures that are asked for."""

    tasks: int = 0
    quietest: int = 0
    almost_all: timedelta | None = None

    async def crowd(self, at: datetime) -> Crowd:
        """So many tasks in that minute, and in the one before."""
        return Crowd(at, self.tasks, at - MINUTE, self.quietest)

    async def measured(self, task_id: TaskId) -> Measured | None:
        """How long the last hundred runs took."""
        return None if self.almost_all is None else Measured(100, MINUTE, self.almost_all)


async def advice(figures: Figures, present: ScheduledTask | None = None) -> list[tuple[str, str, str | None]]:
    advise = Advise(cast(ReadStatistics, figures), SecondOpinion(Silent()))
    return [(each.code, each.detail, each.hint) for each in await advise.on(HOURLY, "Asia/Tokyo", SHOWN, present)]


async def test_many_tasks_in_one_minute_are_told_with_the_quietest_near_it() -> None:
    assert await advice(Figures(tasks=214, quietest=3)) == [
        (
            "crowded_minute",
            "214 other tasks run at 22:00 as well",
            "the quietest minute near it is 21:59, with 3",
        )
    ]


@pytest.mark.parametrize(("tasks", "quietest"), [(CROWD_MIN - 1, 0), (CROWD_MIN, CROWD_MIN)])
async def test_few_tasks_or_no_better_minute_are_not_mentioned(tasks: int, quietest: int) -> None:
    assert await advice(Figures(tasks=tasks, quietest=quietest)) == []


async def test_the_task_that_is_edited_is_no_company_of_its_own() -> None:
    present = a_task(schedule=HOURLY)
    assert present.next_occurrence is not None
    assert present.next_occurrence.run_at == SHOWN[0]

    assert await advice(Figures(tasks=CROWD_MIN), present) == []


@pytest.mark.parametrize(
    "idle",
    [{"status": TaskStatus.PAUSED}, {"quarantine": Quarantine("its zone is gone", NOON)}],
    ids=["paused", "broken"],
)
async def test_a_task_that_would_not_run_was_not_counted_and_all_the_others_are_company(idle: dict[str, Any]) -> None:
    present = replace(a_task(schedule=HOURLY), **idle)

    ((code, detail, _),) = await advice(Figures(tasks=CROWD_MIN), present)

    assert (code, detail) == ("crowded_minute", f"{CROWD_MIN} other tasks run at 22:00 as well")


async def test_runs_that_take_longer_than_the_next_one_waits_are_warned_of() -> None:
    found = await advice(Figures(almost_all=HOUR + MINUTE), a_task())

    assert [(code, detail) for code, detail, _ in found] == [
        (
            "slower_than_interval",
            "95 % of its last 100 runs took at most 1 h 1 min, and the next may come after 1 h",
        )
    ]


@pytest.mark.parametrize("almost_all", [HOUR, None])
async def test_runs_that_are_done_in_time_are_not(almost_all: timedelta | None) -> None:
    assert await advice(Figures(almost_all=almost_all), a_task()) == []


async def test_nothing_shown_is_nothing_to_advise_on() -> None:
    advise = Advise(cast(ReadStatistics, Figures(tasks=500)), SecondOpinion(Silent()))

    assert await advise.on(HOURLY, "UTC", []) == ()
