"""What the page shows before anything is saved: the tabs over one schedule, and the preview of it."""

import re
from urllib.parse import urlencode

import pytest

from tests.integration.web.browser_form import NEW, blank, form_of
from tests.integration.web.dashboard import PAGE, TASKS, Dashboard
from tests.integration.web.pages import words

TIME = re.compile('<time datetime="([^"]+)">(.+?)</time>')


async def test_a_tab_is_filled_from_the_one_before_without_script(dashboard: Dashboard) -> None:
    fields = await blank(dashboard, tab="cron", cron="30 9,17 * * 1-5")

    times = await dashboard.form(NEW, urlencode({**fields, "to": "times"}))
    back = await dashboard.form(NEW, urlencode({**form_of(times).fields, "to": "cron"}))

    assert (times.status, back.status) == (200, 200)
    assert (
        form_of(times).fields.items() >= {"tab": "times", "times": "09:30, 17:30", "days": "week", "on_5": "1"}.items()
    )
    assert form_of(back).fields.items() >= {"tab": "cron", "cron": "30 9,17 * * 1-5"}.items()
    assert (await dashboard.get(TASKS)).json["total"] == 0


@pytest.mark.parametrize("to", ["every", "cron"])
async def test_a_tab_that_cannot_be_read_keeps_nobody_in_it(dashboard: Dashboard, to: str) -> None:
    fields = await blank(dashboard, times="09:00, 10:30")

    there = await dashboard.form(NEW, urlencode({**fields, "to": to}))
    back = await dashboard.form(NEW, urlencode({**form_of(there).fields, "to": "times"}))

    assert (there.status, form_of(there).fields["tab"]) == (200, to)
    assert (
        "09:00, 10:30 could not be used and stayed behind. The last schedule that could is kept: 0 9 * * *"
    ) in words(there.text)
    assert form_of(back).fields["times"] == "09:00"


@pytest.mark.parametrize("to", ["every", "times", "once"])
async def test_a_tab_that_cannot_show_it_says_so_and_rewrites_nothing(dashboard: Dashboard, to: str) -> None:
    fields = await blank(dashboard, tab="cron", cron="0  */7 * * *")

    there = await dashboard.form(NEW, urlencode({**fields, "to": to}))
    back = await dashboard.form(NEW, urlencode({**form_of(there).fields, "to": "cron"}))

    assert "This tab cannot show <code>0  */7 * * *</code>" in there.text
    assert form_of(back).fields["cron"] == "0  */7 * * *"


async def test_the_preview_tells_the_next_instants_their_zones_and_what_is_odd(dashboard: Dashboard) -> None:
    query = {"schedule": "30 2 * * *", "timezone": "America/New_York"}
    dashboard.clock.advance_to(dashboard.clock.now().replace(month=3, day=8))

    page = await dashboard.page(f"{NEW}?{urlencode(query)}")
    shown = [(at, words(inner)) for at, inner in TIME.findall(page.text)]

    assert "At 02:30 every day" in page.text
    assert ("2024-03-09T07:30:00Z", "Sat 2024-03-09 02:30 EST") in shown
    assert ("2024-03-10T07:00:00Z", "Sun 2024-03-10 03:00 EDT") in shown
    assert ("2024-03-09T07:30:00Z", "Sat 2024-03-09 07:30 UTC") in shown
    assert "the clocks skip 02:30: what is due then runs once, at 03:00" in page.text
    assert '<td data-label="UTC"><time' in page.text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"schedule": "0 0 1 * MON"}, "Day of month and day of week are both set"),
        ({"schedule": "5-5 * * * *"}, "A tool built on croniter would also run at"),
        (
            {"schedule": "2024-03-31T02:30", "timezone": "Europe/Berlin"},
            "skip 02:30 that day: it runs when they go on, at 03:00",
        ),
        ({"schedule": "2024-10-27T02:30", "timezone": "Europe/Berlin"}, "show 02:30 twice that day"),
        (
            {"schedule": "2023-12-24T18:00"},
            "Give a later instant, or tick “If it has passed by then, run at once”.",
        ),
        ({"schedule": "0 2 * * *", "timezone": "US/Eastern"}, "US/Eastern is an old name"),
        ({"schedule": "0 2 * * 8"}, "<code>0 2 * * <mark>8</mark></code>"),
    ],
)
async def test_the_preview_warns(dashboard: Dashboard, query: dict[str, str], words: str) -> None:
    assert words in (await dashboard.page(f"{NEW}?{urlencode(query)}")).text


async def test_an_instant_that_has_passed_is_told_in_the_words_of_the_form(dashboard: Dashboard) -> None:
    fields = await blank(dashboard, tab="once", once_date="2023-12-24", once_time="18:00", timezone="Europe/Berlin")
    task = await dashboard.create(schedule_type="one_time", schedule="2024-01-15T13:00")
    dashboard.clock.advance_to(dashboard.clock.now().replace(hour=14))

    refused = await dashboard.form(NEW, urlencode(fields))
    at_once = await dashboard.form(f"{NEW}/preview", urlencode({**fields, "if_past": "1"}))
    edited = await dashboard.page(f"{PAGE}/{task['id']}/edit")

    assert "2023-12-24 18:00:00 CET lies in the past. Give a later instant, or tick “If it has" in words(refused.text)
    assert "The instant has passed: the task runs at once when it is created." in at_once.text
    assert "The instant has passed. A new schedule needs a later one" in words(edited.text)
    # The commands beneath the preview are in the words of the API.
    told = [page.text.partition('id="as-commands"')[0] for page in (refused, at_once, edited)]
    assert "if_past" not in "".join(told).replace('name="if_past"', "")


async def test_a_crowded_minute_is_told_with_a_quiet_one_near_it(dashboard: Dashboard) -> None:
    for number in range(20):
        await dashboard.create(f"task {number}", schedule="0 3 * * *")

    page = await dashboard.page(f"{NEW}?{urlencode({'schedule': '0 3 * * *'})}")

    assert "20 other tasks run at 03:00 as well" in page.text
    assert "The quietest minute near it is 02:59, with 0" in page.text


async def test_the_preview_alone_is_what_a_script_swaps_in(dashboard: Dashboard) -> None:
    fields = await blank(dashboard, tab="cron", cron="0 5 * * *", payload="{", name="")

    answer = await dashboard.form(f"{NEW}/preview", urlencode(fields))

    assert answer.status == 200
    assert answer.text.strip().startswith('<section id="preview"')
    assert answer.text.strip().endswith("</section>")
    assert "At 05:00 every day" in answer.text


async def test_the_preview_tells_what_is_wrong_with_a_schedule(dashboard: Dashboard) -> None:
    fields = await blank(dashboard, tab="cron", cron="0 99 * * *")

    answer = await dashboard.form(f"{NEW}/preview", urlencode(fields))

    assert answer.status == 200
    assert "Hour 99 is out of range" in answer.text


@pytest.mark.parametrize("cron", ["0," * 2_000 + "0 * * * *", "* " * 600])
async def test_a_schedule_that_is_too_long_is_told_at_its_field(dashboard: Dashboard, cron: str) -> None:
    fields = await blank(dashboard, tab="cron", cron=cron)

    answer = await dashboard.form(f"{NEW}/preview", urlencode(fields))

    assert answer.status == 200
    assert "at most 1,000 characters" in answer.text
