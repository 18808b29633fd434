"""Writing a task on the page: every kind of schedule, what is refused, copies, and deep links."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.web.browser_form import NEW, blank, form_of
from tests.integration.web.dashboard import PAGE, TASKS, Dashboard
from tests.integration.web.pages import Elements


def typed(fields: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in fields.items() if text and name != "to"}


async def created(dashboard: Dashboard, fields: dict[str, str]) -> dict[str, Any]:
    answer = await dashboard.form(NEW, urlencode(fields))
    assert answer.status == 303, answer.text
    assert answer.headers["Location"].endswith("?notice=created")
    task_id = answer.headers["Location"].removeprefix(f"{PAGE}/").partition("?")[0]
    document: dict[str, Any] = (await dashboard.get(f"{TASKS}/{task_id}")).json
    return document


@pytest.mark.parametrize(
    ("fields", "kind", "schedule", "next_run_at"),
    [
        ({"tab": "every", "every_count": "90", "every_unit": "m"}, "interval", "90m", "2024-01-15T13:30:00Z"),
        (
            {"tab": "every", "every_count": "1", "every_unit": "d", "every_from": "2024-02-01T08:00"},
            "interval",
            "1d",
            "2024-02-01T13:00:00Z",
        ),
        ({"tab": "times", "times": "02:30, 14:30"}, "cron", "30 2,14 * * *", "2024-01-15T19:30:00Z"),
        (
            {"tab": "times", "times": "9:00", "days": "week", "on_1": "1", "on_2": "1", "on_3": "1"},
            "cron",
            "0 9 * * 1-3",
            "2024-01-15T14:00:00Z",
        ),
        (
            {"tab": "times", "times": "9:00", "days": "month", "month_days": "1 L"},
            "cron",
            "0 9 1,L * *",
            "2024-01-31T14:00:00Z",
        ),
        (
            {"tab": "once", "once_date": "2024-01-16", "once_time": "18:00"},
            "one_time",
            "2024-01-16T18:00",
            "2024-01-16T23:00:00Z",
        ),
        ({"tab": "cron", "cron": " @daily "}, "cron", "@daily", "2024-01-16T05:00:00Z"),
    ],
)
async def test_each_kind_of_schedule_is_created(
    dashboard: Dashboard, fields: dict[str, str], kind: str, schedule: str, next_run_at: str
) -> None:
    document = await created(dashboard, await blank(dashboard, timezone="America/New_York", **fields))

    assert (document["schedule_type"], document["schedule"], document["next_run_at"]) == (kind, schedule, next_run_at)


async def test_everything_else_that_can_be_said_arrives(dashboard: Dashboard) -> None:
    fields = {
        "handler": "report_all",
        "description": "first line\r\nsecond line",
        "tags": "night, db",
        "payload": '{"days": 30}',
        "misfire": "all",
        "grace": "1h",
        "catch_up_max": "7",
        "overlap": "queue_one",
        "max_retries": "4",
        "backoff_kind": "list",
        "backoff_delays": "1m, 1h",
        "timeout": "20m",
        "start_at": "2024-02-01T00:00",
        "end_at": "2024-03-01T00:00:30",
        "max_runs": "12",
        "jitter": "30s",
        "fail_after": "",
        "reason": "as agreed",
    }

    document = await created(dashboard, await blank(dashboard, timezone="Europe/Berlin", **fields))

    assert document["policy"] == {
        "misfire": "all",
        "grace": "PT1H",
        "catch_up_max": 7,
        "overlap": "queue_one",
        "backoff": {"kind": "list", "initial": "PT30S", "cap": "PT30M", "delays": ["PT1M", "PT1H"]},
        "timeout": "PT20M",
        "start_at": "2024-01-31T23:00:00Z",
        "end_at": "2024-02-29T23:00:30Z",
        "max_runs": 12,
        "jitter": "PT30S",
        "fail_after": None,
    }
    assert (document["handler"], document["tags"], document["max_retries"]) == ("report_all", ["night", "db"], 4)
    assert (document["description"], document["payload"]) == ("first line\nsecond line", {"days": 30})
    (version,) = (await dashboard.get(f"{TASKS}/{document['id']}/versions")).json["versions"]
    assert (version["change"]["reason"], version["change"]["via"]) == ("as agreed", "page")


async def test_a_double_click_makes_one_task(dashboard: Dashboard) -> None:
    fields = urlencode(await blank(dashboard))

    first, second = await dashboard.form(NEW, fields), await dashboard.form(NEW, fields)

    assert first.headers["Location"] == second.headers["Location"]
    assert (await dashboard.get(TASKS)).json["total"] == 1


async def test_going_back_and_writing_something_else_is_told_and_can_be_sent_again(dashboard: Dashboard) -> None:
    fields = await blank(dashboard)
    await dashboard.form(NEW, urlencode(fields))

    refused = await dashboard.form(NEW, urlencode({**fields, "name": "another"}))
    again = await dashboard.form(NEW, urlencode(form_of(refused).fields))

    assert refused.status == 409
    assert form_of(refused).fields["name"] == "another"
    assert again.status == 303
    assert (await dashboard.get(TASKS)).json["total"] == 2


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": ""}, "name", "A name has 1 to 200 characters"),
        ({"task_type": "a b"}, "task_type", "1 to 64 letters"),
        ({"tab": "cron", "cron": "a 2 * * *"}, "cron", "&#39;a&#39; is no minute."),
        ({"tab": "every", "every_count": "five"}, "every_count", "A whole number from 1 on."),
        (
            {"tab": "every", "every_count": "5", "every_unit": "m", "every_from": "soon"},
            "every_from",
            "is not a date and time",
        ),
        ({"tab": "times", "times": "09:00, 17:30"}, "times", "it would run at 09:30, 17:00 as well"),
        ({"tab": "times", "days": "week"}, "on_1", "Choose a weekday at least."),
        ({"tab": "once", "once_date": "2024-02-30", "once_time": "09:00"}, "once_date", "The month has no such day."),
        ({"tab": "once", "once_date": "2023-12-24", "once_time": "09:00"}, "once_date", "lies in the past"),
        ({"timezone": "Europe/Berlim"}, "timezone", "Did you mean Europe/Berlin?"),
        ({"payload": '{"days": }'}, "payload", "Not JSON"),
        ({"tags": "a b$"}, "tags", "1 to 64 letters"),
        ({"max_retries": "many"}, "max_retries", "This is a whole number."),
        ({"grace": "soon"}, "grace", "A duration is a text such as PT15M or 15m"),
        ({"backoff_initial": "8d"}, "backoff_initial", "between 0 seconds and 7 days"),
        (
            {"start_at": "2024-03-01T00:00", "end_at": "2024-02-01T00:00"},
            "end_at",
            "“Not after” lies before “Not before”.",
        ),
    ],
)
async def test_what_cannot_be_is_told_at_its_field_and_everything_typed_stays(
    dashboard: Dashboard, changes: dict[str, str], field: str, words: str
) -> None:
    fields = await blank(dashboard, description="<script>alert(1)</script>", reason="why", **changes)

    answer = await dashboard.form(NEW, urlencode(fields))

    form = form_of(answer)
    assert answer.status == 422
    assert words in answer.text
    assert field in form.faulty or (field == "on_1" and f'id="f-{field}-fault"' in answer.text)
    assert typed(form.fields) == typed(fields)
    assert (await dashboard.get(TASKS)).json["total"] == 0


async def test_everything_that_is_wrong_is_told_at_once_by_its_label_with_a_link_to_it(dashboard: Dashboard) -> None:
    changes = {"name": "", "task_type": "", "timezone": "Europe/Berlim", "max_retries": "101", "month_days": "32"}

    answer = await dashboard.form(NEW, urlencode(await blank(dashboard, days="month", **changes)))

    form, page = form_of(answer), Elements(answer.text)
    assert (answer.status, form.faulty) == (422, {"name", "task_type", "month_days", "timezone", "max_retries"})
    summary = answer.text[answer.text.index('role="alert"') : answer.text.index('id="builder"')]
    told = [(element, label) for element, label in re.findall('<a href="#([^"]+)">([^<]+)</a>: ', summary)]
    assert told == [
        ("f-name", "Name"),
        ("f-task_type", "Type"),
        ("f-month_days", "Days of the month"),
        ("f-timezone", "Time zone"),
        ("f-max_retries", "Retries"),
    ]
    assert all(page.all("input", id=element) for element, _ in told)
    assert "“Retries” must lie between 0 and 100." in summary


async def test_a_fault_in_an_expression_is_marked_where_it_is(dashboard: Dashboard) -> None:
    answer = await dashboard.form(NEW, urlencode(await blank(dashboard, tab="cron", cron="0 2 * <b> *")))

    assert "<code>0 2 * <mark>&lt;</mark>b&gt; *</code>" in answer.text


async def test_a_name_that_is_taken_is_told_at_the_name(dashboard: Dashboard) -> None:
    await dashboard.create("report")

    answer = await dashboard.form(NEW, urlencode(await blank(dashboard)))

    assert answer.status == 409
    assert form_of(answer).faulty == {"name"}


@pytest.mark.parametrize("field", ["evil", "on_8", "payload_"])
async def test_a_field_that_is_not_the_forms_is_refused(dashboard: Dashboard, field: str) -> None:
    answer = await dashboard.form(NEW, urlencode({**await blank(dashboard), field: "1"}))

    assert answer.status == 400


async def test_more_fields_than_the_form_can_have_are_refused(dashboard: Dashboard) -> None:
    answer = await dashboard.form(NEW, "&".join(f"payload.{number}=1" for number in range(400)))

    assert answer.status == 400


async def test_a_copy_has_another_name_and_runs_the_same(dashboard: Dashboard) -> None:
    source = await dashboard.create(schedule="0  2 * * MON-FRI", timezone="Asia/Tokyo", tags=["a"], payload={"x": [1]})

    page = await dashboard.page(f"{NEW}?from={source['id']}")
    document = await created(dashboard, form_of(page).fields)

    same = ("task_type", "schedule_type", "schedule", "timezone", "tags", "payload", "policy", "max_retries")
    assert {name: document[name] for name in same} == {name: source[name] for name in same}
    assert (document["name"], document["handler"]) == ("report (copy)", "report")


async def test_a_copy_of_what_is_not_there_is_not_found(dashboard: Dashboard) -> None:
    assert (await dashboard.page(f"{NEW}?from=nothing")).status == 404


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (
            {"schedule": "0 2 * * *", "timezone": "Asia/Tokyo"},
            {"tab": "times", "times": "02:00", "timezone": "Asia/Tokyo"},
        ),
        ({"schedule": "0 */7 * * *", "name": "a/b?c"}, {"tab": "cron", "cron": "0 */7 * * *", "name": "a/b?c"}),
        ({"schedule": "15m", "task_type": "mail"}, {"tab": "every", "every_count": "15", "task_type": "mail"}),
        ({"schedule": "2024-12-24T18:00"}, {"tab": "once", "once_date": "2024-12-24", "once_time": "18:00"}),
        ({"schedule": "5", "schedule_type": "cron"}, {"tab": "cron", "cron": "5"}),
        ({"payload": '{"a": 1}', "tags": "x,y"}, {"payload": '{"a": 1}', "tags": "x,y"}),
    ],
)
async def test_an_address_fills_the_form(dashboard: Dashboard, query: dict[str, str], fields: dict[str, str]) -> None:
    page = await dashboard.page(f"{NEW}?{urlencode(query)}")

    assert page.status == 200
    assert form_of(page).fields.items() >= fields.items()


async def test_an_address_with_something_unknown_is_refused(dashboard: Dashboard) -> None:
    assert (await dashboard.page(f"{NEW}?evil=1")).status == 400
