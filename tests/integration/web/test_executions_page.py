"""The executions of all tasks: by task, state and time."""

import pytest

from tests.integration.web.dashboard import PREFIX, Dashboard
from tests.integration.web.pages import Elements, died, stored, words
from tests.support.builders import HOUR

EXECUTIONS = f"{PREFIX}/executions"


async def two_tasks(dashboard: Dashboard) -> tuple[str, str]:
    """One that succeeded at 13:00, one that died at 14:00; their ids."""
    good = await stored(dashboard, name="good", schedule="0 13 * * *")
    bad = await stored(dashboard, name="bad", schedule="0 14 * * *", max_retries=0)
    await dashboard.store.settle(await dashboard.store.started(good))
    await died(dashboard, bad)
    return good.id, bad.id


def listed(html: str) -> list[str]:
    """The names of the tasks in the order of the rows."""
    found = Elements(html)
    return [each["href"].rpartition("/")[2] for each in found.all("a", **{"class": "name"})]


async def test_nothing_has_run_yet(dashboard: Dashboard) -> None:
    page = words((await dashboard.page(EXECUTIONS)).text)

    assert "Nothing has run yet Every run of every task is listed here" in page


async def test_all_of_them_newest_first(dashboard: Dashboard) -> None:
    good, bad = await two_tasks(dashboard)

    answer = await dashboard.page(EXECUTIONS)

    assert listed(answer.text) == [bad, good]
    assert "ValueError: no such row" in words(answer.text)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("task=good", ["good"]),
        ("state=dead", ["bad"]),
        ("state=succeeded,dead", ["bad", "good"]),
        ("since=2024-01-15T13:30", ["bad"]),
        ("until=2024-01-15T14:00", ["good"]),
        ("since=2024-01-15T14:00Z", ["bad"]),
        ("since=2024-01-15T15:00%2B01:00", ["bad"]),
        ("task=nobody", []),
    ],
)
async def test_they_are_filtered_by_task_state_and_time(dashboard: Dashboard, query: str, names: list[str]) -> None:
    ids = dict(zip(("good", "bad"), await two_tasks(dashboard), strict=True))

    answer = await dashboard.page(f"{EXECUTIONS}?{query}")

    assert listed(answer.text) == [ids[name] for name in names]
    assert ("No execution matches" in words(answer.text)) is (not names)


async def test_times_are_meant_in_the_readers_zone(dashboard: Dashboard) -> None:
    _, bad = await two_tasks(dashboard)
    headers = {"Accept": "text/html", "Cookie": "peachpie-zone=Asia/Tokyo"}

    answer = await dashboard.call("GET", f"{EXECUTIONS}?since=2024-01-15T22:30", headers=headers)

    assert listed(answer.text) == [bad]
    assert "(Asia/Tokyo)" in words(answer.text)
    assert "Mon 2024-01-15 23:00 JST" in words(answer.text)


@pytest.mark.parametrize("since", ["soon", "2024-02-30", "1e9"])
async def test_a_time_that_is_none_is_told_at_its_field(dashboard: Dashboard, since: str) -> None:
    answer = await dashboard.page(f"{EXECUTIONS}?since={since}")

    (field,) = Elements(answer.text).all("input", name="since")
    assert answer.status == 400
    assert (field["value"], field["aria-invalid"], field["aria-describedby"]) == (since, "true", "since-error")


async def test_pages_lead_on_and_keep_their_filter(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", policy={"overlap": "allow"})
    other = await stored(dashboard, name="other", schedule="30 * * * *")
    for _ in range(3):
        await dashboard.store.fired(task)
    dashboard.clock.advance(HOUR)
    await dashboard.store.commit(await dashboard.store.read(other))
    path, seen, html = f"{EXECUTIONS}?task=report&limit=2", [], ""

    while path:
        html = (await dashboard.page(path)).text
        seen.append(listed(html))
        path = next((each["href"] for each in Elements(html).all("a", rel="next")), "")

    assert seen == [[task.id, task.id], [task.id]]
    assert f"{EXECUTIONS}?task=report&limit=2" in Elements(html).links


@pytest.mark.parametrize("query", ["state=nope", "cursor=forged", "limit=0", "nope=1", "since=a&since=b"])
async def test_a_wrong_address_is_told(dashboard: Dashboard, query: str) -> None:
    answer = await dashboard.page(f"{EXECUTIONS}?{query}")

    assert answer.status == 400
    assert "A parameter of the address is wrong" in words(answer.text)
