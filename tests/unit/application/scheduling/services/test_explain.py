"""How often the records are read until the time asked about is known in the zone of the task."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import pytest

from application.scheduling.explanations import Code, Remark
from application.scheduling.ports.history import History
from application.scheduling.ports.records import Evidence
from application.scheduling.services.explain import Explain
from domain.scheduling.asked_time import AskedTime
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask
from tests.support.house import ANA, House

NINE = "2024-01-16T09:00"


@dataclass
class WatchedHistory:
    """The history, with what somebody else does after each read."""

    house: House
    then: Callable[[], Awaitable[object]] | None = None
    looks: list[datetime] = field(default_factory=list)

    async def evidence(self, task_id: TaskId, *, since: datetime, until: datetime) -> Evidence | None:
        """See the port."""
        self.looks.append(since)
        found = await self.house.stores.history.evidence(task_id, since=since, until=until)
        if self.then is not None:
            await self.then()
        return found

    @property
    def explain(self) -> Explain:
        """The use case over this history."""
        stores = self.house.stores
        return Explain(cast(History, self), stores.membership, stores.holds, stores.trail)


async def _daily(house: House, timezone: str) -> ScheduledTask:
    return await house.create(schedule="0 9 * * *", timezone=timezone)


@pytest.mark.parametrize(
    ("timezone", "at", "hours"),
    [("UTC", NINE, [9]), ("Europe/Berlin", NINE, [9, 8]), ("Europe/Berlin", f"{NINE}Z", [9])],
)
async def test_a_time_on_the_clocks_of_another_zone_takes_a_second_look(
    house: House, timezone: str, at: str, hours: list[int]
) -> None:
    task, history = await _daily(house, timezone), WatchedHistory(house)

    told = await history.explain.at(task.id, AskedTime.parse(at))

    assert [each.hour for each in history.looks] == hours
    assert (told.timezone, told.code) == (timezone, Code.UPCOMING if not at.endswith("Z") else Code.NOT_DUE)


async def test_a_zone_that_is_changed_meanwhile_takes_a_third(house: House) -> None:
    task, history = await _daily(house, "Europe/Berlin"), WatchedHistory(house)

    async def moved() -> None:
        if len(history.looks) == 1:
            await house.manage.patch(task.id, {"timezone": "America/New_York"}, ANA)

    history.then = moved
    told = await history.explain.at(task.id, AskedTime.parse(NINE))

    assert [each.hour for each in history.looks] == [9, 8, 14]
    assert (told.timezone, told.spans[0].since) == ("America/New_York", datetime(2024, 1, 16, 14, tzinfo=UTC))


async def test_where_no_zone_is_known_the_time_is_taken_as_utc(house: House) -> None:
    task, history = await _daily(house, "Europe/Berlin"), WatchedHistory(house)
    house.stores.state.tasks[task.id].error = "spoilt by a test"
    house.stores.state.versions[task.id].clear()

    told = await history.explain.at(task.id, AskedTime.parse(NINE))

    assert [each.hour for each in history.looks] == [9]
    assert (told.timezone, told.code, list(told.remarks)) == ("UTC", Code.UNREADABLE, [Remark.ZONE_UNKNOWN])
