"""Tasks in lists and schedules before they are anybody's: filters, pages, upcoming instants and previews."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.web.dashboard import TASKS, Dashboard
from tests.support.manual_clock import NOON

# --- Lists ---


async def a_few_tasks(dashboard: Dashboard) -> None:
    await dashboard.create("alpha", task_type="mail", tags=["nightly"], schedule="0 5 * * *")
    await dashboard.create("beta", description="cleans Up", schedule_type="interval", schedule="1h")
    gamma = await dashboard.create("gamma", schedule="0 3 * * *")
    await dashboard.call("POST", f"{TASKS}/{gamma['id']}/pause")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["alpha", "beta", "gamma"]),
        ("status=paused", ["gamma"]),
        ("status=", ["alpha", "beta", "gamma"]),
        ("schedule_type=interval", ["beta"]),
        ("task_type=mail", ["alpha"]),
        ("tag=nightly", ["alpha"]),
        ("q=CLEANS%20up", ["beta"]),
        ("q=%25", []),
        ("sort=-name", ["gamma", "beta", "alpha"]),
        ("sort=next_run_at&status=active", ["beta", "alpha"]),
        ("sort=-next_run_at&status=active", ["alpha", "beta"]),
    ],
)
async def test_the_list_filters_and_sorts(dashboard: Dashboard, query: str, names: list[str]) -> None:
    await a_few_tasks(dashboard)

    answer = (await dashboard.get(f"{TASKS}?{query}")).json

    assert [task["name"] for task in answer["tasks"]] == names
    assert answer["total"] == len(names)


async def test_counts_follow_the_filter_but_for_the_status(dashboard: Dashboard) -> None:
    await a_few_tasks(dashboard)

    answer = (await dashboard.get(f"{TASKS}?status=active&task_type=maintenance")).json

    assert answer["counts"] == {"active": 1, "paused": 1, "completed": 0, "failed": 0}
    assert answer["total"] == 1


async def test_pages_show_every_task_once(dashboard: Dashboard) -> None:
    for number in range(7):
        await dashboard.create(f"task-{number}")
    names: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page: dict[str, Any] = (await dashboard.get(f"{TASKS}?limit=3&cursor={cursor}")).json
        names += [task["name"] for task in page["tasks"]]
        assert page["total"] == 7
        cursor = page["next_cursor"]

    assert names == [f"task-{number}" for number in range(7)]


# --- What will come ---


async def test_upcoming_tells_instants_in_the_zone_of_the_task_and_in_utc(dashboard: Dashboard) -> None:
    dashboard.clock.advance_to(NOON + timedelta(days=73))
    task = await dashboard.create(schedule="30 2 * * *", timezone="Europe/Berlin")

    answer = (await dashboard.get(f"{TASKS}/{task['id']}/upcoming?count=4")).json

    # The night to 2024-03-31 skips 02:30.
    assert [each["local"] for each in answer["upcoming"]] == [
        "2024-03-29T02:30:00+01:00", "2024-03-30T02:30:00+01:00", "2024-03-31T03:00:00+02:00",
        "2024-04-01T02:30:00+02:00",
    ]  # fmt: skip
    assert answer["upcoming"][2]["utc"] == "2024-03-31T01:00:00Z"
    assert answer["timezone"] == "Europe/Berlin"
    assert [each["flags"] for each in answer["upcoming"]] == [
        [],
        [],
        [{"code": "dst_moved", "detail": "the clocks skip 02:30: what is due then runs once, at 03:00"}],
        [],
    ]
    assert answer["sentence"] == task["schedule_sentence"] == "At 02:30 every day"
    assert [(each["code"], each["at"]) for each in answer["lint"]] == [
        ("dst_gap", "2024-03-31T01:00:00Z"),
        ("dst_fold", "2024-10-27T00:30:00Z"),
    ]


async def test_a_preview_needs_a_schedule_and_stores_nothing(dashboard: Dashboard) -> None:
    before = dashboard.kept()

    body = {"schedule_type": "interval", "schedule": "90m", "policy": {"jitter": "PT5M"}}
    answer = await dashboard.call("POST", f"{TASKS}/preview?count=2", body)

    assert answer.status == 200
    assert [each["nominal_at"] for each in answer.json["upcoming"]] == ["2024-01-15T13:30:00Z", "2024-01-15T15:00:00Z"]
    assert all(each["nominal_at"] <= each["run_at"] for each in answer.json["upcoming"])
    assert [flag["code"] for each in answer.json["upcoming"] for flag in each["flags"]] == ["jitter", "jitter"]
    assert answer.json["sentence"] == "Every hour and 30 minutes, counted from 2024-01-15 at 12:00 UTC"
    assert dashboard.kept() == before


async def test_a_preview_tells_how_crowded_it_is_and_where_another_reader_disagrees(dashboard: Dashboard) -> None:
    for number in range(20):
        await dashboard.create(f"task {number}", schedule="5 12 * * *")

    body = {"schedule_type": "cron", "schedule": "5-5 * * * *"}
    found = {each["code"]: each for each in (await dashboard.call("POST", f"{TASKS}/preview", body)).json["lint"]}

    assert found["crowded_minute"]["detail"] == "20 other tasks run at 12:05 as well"
    assert "croniter would also run at" in found["reference_differs"]["detail"]


@pytest.mark.parametrize("text", ["0," * 2_000 + "0 * * * *", "* " * 600, "1" * 1_001 + " * * * *"])
async def test_a_schedule_that_is_too_long_is_refused_before_it_is_read(dashboard: Dashboard, text: str) -> None:
    answer = await dashboard.call("POST", f"{TASKS}/preview", {"schedule_type": "cron", "schedule": text})

    assert (answer.status, answer.faults) == (422, [("/schedule", "too_long")])


async def test_a_preview_of_a_leap_day_shows_the_next_ones(dashboard: Dashboard) -> None:
    answer = await dashboard.call(
        "POST", f"{TASKS}/preview?count=2", {"schedule_type": "cron", "schedule": "0 0 29 2 *"}
    )

    assert [each["utc"] for each in answer.json["upcoming"]] == ["2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"]
    assert answer.json["lint"] == [
        {
            "code": "leap_day_only",
            "severity": "warning",
            "pointer": "/schedule",
            "position": 4,
            "detail": "it runs in leap years only",
            "hint": "L is the last day of every February",
            "at": None,
        }
    ]
