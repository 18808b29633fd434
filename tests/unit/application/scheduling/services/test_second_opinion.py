"""What is said of another library's reading, with a reading that is given and with croniter's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from adapters.cron_reference.croniter_reference import CroniterReference
from application.scheduling.ports.cron_reference import CronReference, Reading
from application.scheduling.services.second_opinion import SecondOpinion
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule
from tests.support.cron_oracle import in_utc
from tests.support.manual_clock import NOON


@dataclass(frozen=True, slots=True)
class Answering:
    """A reference that answers with what it is given."""

    reading: Reading | None
    name: str = "other"

    async def read(self, expression: str, timezone: str, *, after: datetime, until: datetime) -> Reading | None:
        """See the port."""
        return self.reading


def shown(schedule: CronSchedule, begin: str, count: int) -> list[datetime]:
    found, at = list[datetime](), in_utc(begin)
    while len(found) < count and (following := schedule.next_after(at)) is not None:
        found.append(following)
        at = following
    return found


async def told(reference: CronReference, schedule: CronSchedule, instants: Sequence[datetime]) -> list[tuple[str, str]]:
    return [(each.code, each.detail) for each in await SecondOpinion(reference).on(schedule, instants)]


@pytest.mark.parametrize(
    ("expression", "timezone", "begin", "code", "detail"),
    [
        ("30 2 * * 1-5", "Europe/Berlin", "2026-06-01T00:00", None, ""),
        # Over a gap both run once, at its end.
        ("30 2 * * *", "America/New_York", "2026-03-06T00:00", None, ""),
        (
            "30 1 * * *",
            "America/New_York",
            "2026-10-30T00:00",
            "reference_differs",
            "would also run at 2026-11-01 01:30",
        ),
        (
            "5-5 * * * *",
            "UTC",
            "2026-06-01T00:00",
            "reference_differs",
            "would also run at 2026-06-01 00:06:00 UTC, and",
        ),
        ("0 0 31W * *", "UTC", "2026-01-01T00:00", "reference_differs", "would also run at 2026-02-27"),
        ("0 0 LW * *", "UTC", "2026-01-01T00:00", "reference_refuses", "does not accept this expression"),
        ("0 30 2 * * *", "UTC", "2026-01-01T00:00", "reference_refuses", "does not accept this expression"),
    ],
)
async def test_croniter_is_mentioned_only_where_it_would_fire_differently_in_what_is_shown(
    expression: str, timezone: str, begin: str, code: str | None, detail: str
) -> None:
    schedule = CronSchedule(expression, timezone)

    found = await told(CroniterReference(timedelta(seconds=20)), schedule, shown(schedule, begin, 10))

    assert [each for each, _ in found] == ([code] if code else [])
    assert all(detail in each for _, each in found)


async def test_what_only_we_would_run_is_told_too() -> None:
    schedule = CronSchedule("0 2 * * *")
    instants = shown(schedule, "2026-06-01T00:00", 3)

    found = await told(Answering(Reading((instants[0], instants[2]))), schedule, instants)

    assert found == [
        ("reference_differs", "a tool built on other would not run at 2026-06-02 02:00:00 UTC"),
    ]


async def test_an_opinion_that_does_not_come_is_not_waited_for() -> None:
    schedule = CronSchedule("0 2 * * *")

    assert await told(Answering(None), schedule, shown(schedule, "2026-06-01T00:00", 3)) == []


@pytest.mark.parametrize("schedule", [IntervalSchedule(timedelta(hours=1)), OneTimeSchedule(NOON)])
async def test_only_cron_expressions_have_a_second_opinion(schedule: IntervalSchedule | OneTimeSchedule) -> None:
    opinion = SecondOpinion(Answering(Reading(refusal="no")))

    assert await opinion.on(schedule, [NOON]) == ()


async def test_nothing_shown_is_nothing_compared() -> None:
    assert await SecondOpinion(Answering(Reading(refusal="no"))).on(CronSchedule("0 2 * * *"), []) == ()
