import json

import pytest
import yaml  # type: ignore[import-untyped]

from tests.integration.web.dashboard import PREFIX, TASKS, Dashboard

EXPORT = f"{PREFIX}/api/export"
NAMES = [
    "plain",
    "<script>alert(1)</script>",
    "يوم RTL",
    "no: 'yaml' # here",
    "- x",
    "émoji 🥧",
    "n" * 200,
    "1.0",
    "null",
]


async def test_what_is_exported_says_the_same_in_json_and_yaml(dashboard: Dashboard) -> None:
    for name in NAMES:
        await dashboard.create(name=name, payload={"": [{"a": 1}], "deep": {"text": "two\nlines\x85", "none": None}})

    as_json = await dashboard.get(f"{EXPORT}?format=json")
    as_yaml = await dashboard.get(EXPORT)

    told = json.loads(as_json.text)
    assert yaml.safe_load(as_yaml.text) == told
    assert told["apiVersion"] == "scheduler/v1"
    assert sorted(told["tasks"]) == sorted(NAMES)
    assert told["tasks"]["plain"]["schedule"] == {"cron": "0 2 * * *"}
    assert told["tasks"]["plain"]["policy"]["misfire"] == "latest"
    assert as_yaml.headers["Content-Disposition"] == 'attachment; filename="tasks.yaml"'


async def test_without_tasks_a_file_is_whole(dashboard: Dashboard) -> None:
    assert (await dashboard.get(f"{EXPORT}?format=json")).json == {"apiVersion": "scheduler/v1", "tasks": {}}
    assert yaml.safe_load((await dashboard.get(EXPORT)).text) == {"apiVersion": "scheduler/v1", "tasks": {}}


async def test_every_task_of_many_is_exported_once(dashboard: Dashboard) -> None:
    names = [f"task {number:03}" for number in range(205)]
    for name in names:
        await dashboard.create(name=name)

    assert list((await dashboard.get(f"{EXPORT}?format=json")).json["tasks"]) == names


async def test_what_bears_the_name_of_a_secret_is_left_out(dashboard: Dashboard) -> None:
    payload = {"api_key": "abc", "nested": [{"Password": "abc"}], "tokens": [3], "mode": "full"}
    await dashboard.create(payload=payload)

    told = (await dashboard.get(f"{EXPORT}?format=json")).json["tasks"]["report"]["payload"]

    assert told == {"api_key": "***", "nested": [{"Password": "***"}], "tokens": "***", "mode": "full"}


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"schedule": "30 2 * * MON-FRI", "timezone": "Europe/Berlin"}, "30 2 * * MON-FRI peachpie-scheduler run {id}"),
        ({"schedule": "0 0 L * *"}, "# cannot be told in a crontab: cron 0 0 L * *"),
        ({"schedule_type": "interval", "schedule": "15m"}, "# cannot be told in a crontab: interval 15m"),
    ],
)
async def test_a_crontab_tells_what_it_can_and_says_what_it_cannot(
    dashboard: Dashboard, fields: dict[str, str], line: str
) -> None:
    task = await dashboard.create(**fields)

    lines = (await dashboard.get(f"{EXPORT}?format=crontab")).text.splitlines()

    assert line.format(id=task["id"]) in lines
    assert "# report" in lines


async def test_a_task_that_is_paused_is_exported_so(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    await dashboard.call("POST", f"{TASKS}/{task['id']}/pause")

    assert (await dashboard.get(f"{EXPORT}?format=json")).json["tasks"]["report"]["enabled"] is False
    assert "# paused: 0 2 * * *" in (await dashboard.get(f"{EXPORT}?format=crontab")).text


async def test_asked_for_its_head_an_export_has_no_body(dashboard: Dashboard) -> None:
    answers = [await dashboard.call("HEAD", EXPORT), await dashboard.get(EXPORT)]

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].text == ""


async def test_a_store_that_is_away_is_told_before_anything_is_written(dashboard: Dashboard) -> None:
    await dashboard.store.cut_off()

    assert (await dashboard.get(EXPORT)).status == 503
