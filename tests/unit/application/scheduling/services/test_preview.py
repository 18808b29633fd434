"""A preview is what fires, for tasks that exist and for bodies that are being written."""

from dataclasses import replace
from typing import Any

import pytest

from application.scheduling.services.preview import COUNT_MAX, Preview
from domain.errors import InvalidInputError
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import TaskStatus
from tests.support.builders import DAY, HOUR
from tests.support.cron_oracle import in_utc
from tests.support.house import ANA, House, a_body
from tests.support.manual_clock import NOON


@pytest.mark.parametrize(
    "fields",
    [
        {"schedule": "*/20 * * * *"},
        {"schedule": "*/20 * * * *", "policy": {"jitter": "5m"}},
        {"schedule": "30 2 * * *", "timezone": "Europe/Berlin"},
        {"schedule_type": "interval", "schedule": "25m", "policy": {"max_runs": 3}},
        {"schedule_type": "one_time", "schedule": "2024-01-15T14:00:00Z"},
        {"schedule_type": "one_time", "schedule": "2024-01-15T11:00:00Z", "if_past": "run_now"},
        {"policy": {"start_at": "2024-01-15T15:00:00Z", "end_at": "2024-01-15T16:00:00Z"}},
    ],
    ids=str,
)
async def test_a_preview_is_what_fires(house: House, fields: dict[str, Any]) -> None:
    shown = Preview(house.clock).of_body(a_body(**fields), 4)
    task = await house.create(**fields)
    promised = Preview(house.clock).of_task(task, 4)

    for _ in promised:
        next_at = await house.dispatch.run_once(EVERYTHING)
        house.clock.advance_to(max(next_at or house.clock.now(), house.clock.now()))
        await house.fire()
        for claim in await house.claim(5):
            await house.manage.cancel(claim.execution.id, ANA)
        await house.stores.executions.rescue(await house.stores.executions.held())

    fired = sorted(house.stores.state.executions.values(), key=lambda each: each.execution.id)
    assert [(each.execution.nominal_at, each.execution.scheduled_at) for each in fired][:4] == [
        (each.nominal_at, each.run_at) for each in promised
    ]
    assert [each.nominal_at for each in shown] == [each.nominal_at for each in promised]


async def test_a_paused_task_is_previewed_as_if_resumed_now_and_a_finished_one_not_at_all(house: House) -> None:
    task = await house.create()
    paused = (await house.manage.pause(task.id, ANA)).task
    house.clock.advance(DAY)

    preview = Preview(house.clock)

    assert [each.nominal_at for each in preview.of_task(paused, 1)] == [NOON + DAY + HOUR]
    assert preview.of_task(replace(paused, status=TaskStatus.FAILED), 5) == ()


async def test_the_preview_of_an_edit_keeps_the_anchor_the_edit_would_keep(house: House) -> None:
    task = await house.create(schedule_type="interval", schedule="7h")
    house.clock.advance(HOUR)
    body = a_body(schedule_type="interval", schedule="7h", description="new")

    edited = Preview(house.clock).of_body(body, 1, present=task)

    assert [each.nominal_at for each in edited] == [NOON + 7 * HOUR]


async def test_a_preview_is_bounded_and_judges_its_body(house: House) -> None:
    assert len(Preview(house.clock).of_body(a_body(), 10**9)) == COUNT_MAX
    with pytest.raises(InvalidInputError):
        Preview(house.clock).of_body(a_body(schedule="x"), 5)


async def test_a_forecast_tells_the_same_occurrences_with_the_clock_changes_they_meet(house: House) -> None:
    house.clock.advance_to(in_utc("2024-03-29T12:00"))
    task = await house.create(schedule="30 2 * * *", timezone="Europe/Berlin")
    preview = Preview(house.clock)

    told = preview.forecast_of_task(task, 3)

    assert [each.occurrence for each in told.coming] == preview.of_task(task, 3)
    assert [each.affected and each.affected.effect for each in told.coming] == [None, "dst_moved", None]
    assert (told.timezone, told.sentence) == ("Europe/Berlin", "At 02:30 every day")
    assert [each.code for each in told.findings] == ["dst_gap", "dst_fold"]


async def test_a_forecast_of_a_body_judges_it_as_of_now(house: House) -> None:
    preview = Preview(house.clock)
    past = a_body(schedule_type="one_time", schedule="2024-01-15T11:00:00Z", if_past="run_now")

    assert [each.code for each in preview.forecast_of_body(past, 1).findings] == ["one_time_past"]
    assert preview.forecast_of_body(a_body(schedule="*/7 * * * *"), 2).sentence.startswith("Every 7 minutes from")
    interval = preview.forecast_of_body(a_body(schedule_type="interval", schedule="25m"), 2)
    assert [each.affected for each in interval.coming] == [None, None]
