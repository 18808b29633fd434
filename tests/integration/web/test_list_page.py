"""The list of tasks in a browser: rows, counts, filters, order, pages, the deleted ones, and who may do what."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from application.scheduling.ports.history import TaskOrder
from application.scheduling.services.batch_orders import BatchAction
from domain.access.role import Role
from entrypoints.web.requests.paging import TRAIL_CHARACTERS_MAX
from tests.integration.web.dashboard import HTML, PAGE, PREFIX, TASKS, Dashboard, a_body
from tests.integration.web.door import PASSWORD, a_door, signed_in
from tests.integration.web.pages import CANARIES, Elements, stored, words
from tests.support.accounts import a_doer
from tests.support.builders import HOUR, a_failure


async def listed(dashboard: Dashboard, query: str = "") -> Elements:
    page = await dashboard.page(f"{PAGE}{query}")
    assert page.status == 200
    return Elements(page.text)


def names_in(page: Elements) -> list[str]:
    """The names of the rows, in their order."""
    return [box["aria-label"].removeprefix("Choose ") for box in page.all("input", name="ids")]


async def test_an_empty_list_shows_how_to_make_the_first_task(dashboard: Dashboard) -> None:
    page = await dashboard.page(PAGE)

    assert "No tasks yet" in words(page.text)
    assert f"curl {dashboard.session._base_url.origin()}{PREFIX}/api/scheduled-tasks" in words(page.text)  # type: ignore[union-attr]
    assert Elements(page.text).all("a", href=f"{PAGE}/new")


async def test_a_row_says_what_when_and_how_it_goes(dashboard: Dashboard) -> None:
    await dashboard.create(
        "nightly", schedule="0 2 * * *", timezone="Europe/Berlin", tags=["db"], description="Cleans."
    )

    page = await listed(dashboard)
    row = " ".join(page.text.split())

    assert "nightly maintenance db Cleans. At 02:00 every day 0 2 * * * Europe/Berlin Tue 2024-01-16 02:00 CET" in row
    assert "in 13 h never ran Active" in row
    assert page.all("time", datetime="2024-01-16T01:00:00Z")
    assert page.all("caption")
    assert all(found.get("scope") in ("col", "row") for found in page.all("th"))


async def test_a_row_draws_its_last_runs_and_tells_them(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *")
    await dashboard.store.settle(await dashboard.store.started(task))
    dashboard.clock.advance(HOUR)
    await dashboard.store.settle(await dashboard.store.started(await dashboard.store.read(task)), a_failure())

    page = await listed(dashboard)

    assert "Last 2 runs: 1 succeeded, 1 failed for good" in page.text
    assert [path["class"] for path in page.all("path")] == ["good", "bad"]


async def test_a_paused_task_says_by_whom_until_when_and_why(dashboard: Dashboard) -> None:
    task = await dashboard.create("report", timezone="Asia/Kathmandu")
    body = {"reason": "database upgrade", "until": "2024-01-20T09:00:00+05:45"}
    await dashboard.call("POST", f"{TASKS}/{task['id']}/pause", body)

    assert "by local until Sat 2024-01-20 09:00 +0545: database upgrade" in " ".join(
        (await listed(dashboard)).text.split()
    )


async def test_counts_lead_to_their_status_and_follow_the_filter(dashboard: Dashboard) -> None:
    await dashboard.create("one", tags=["x"])
    await dashboard.create("two", tags=["x"], enabled=False)
    await dashboard.create("three")

    page = await listed(dashboard, "?tag=x&status=active")

    cards = [found for found in page.all("a") if found.get("class", "").startswith("card")]
    assert "2 All 1 Active 1 Paused 0 Completed 0 Failed" in " ".join(page.text.split())
    assert cards[2]["href"] == f"{PAGE}?status=paused&tag=x"
    assert [card["class"] for card in cards if "aria-current" in card] == ["card active"]
    assert "1 task matches" in " ".join(page.text.split())


async def test_sort_links_turn_and_say_which_way_it_goes(dashboard: Dashboard) -> None:
    await dashboard.create()

    page = await listed(dashboard, "?sort=next_run_at&q=re")

    assert [found["aria-sort"] for found in page.all("th") if "aria-sort" in found] == ["ascending"]
    assert f"{PAGE}?q=re&sort=-next_run_at" in [found["href"] for found in page.all("a")]


@pytest.mark.parametrize("sort", ["name", "-next_run_at", "last_run_at", "-last_run_at"])
async def test_pages_lose_and_double_no_row_though_their_keys_are_equal(dashboard: Dashboard, sort: str) -> None:
    for number in range(7):
        await dashboard.create(f"task-{number}", tags=["x"] if number != 3 else [])
    page = await listed(dashboard, f"?tag=x&limit=2&sort={sort}")
    found = names_in(page)

    while links := page.all("a", rel="next"):
        page = await listed(dashboard, links[0]["href"].removeprefix(PAGE))
        found += names_in(page)

    assert sorted(found) == [f"task-{number}" for number in range(7) if number != 3]
    assert "First page" in page.text


async def test_pages_lead_back_the_way_they_were_come_by(dashboard: Dashboard) -> None:
    for number in range(7):
        await dashboard.create(f"task-{number}")
    there = [await listed(dashboard, "?limit=2&sort=name")]
    while links := there[-1].all("a", rel="next"):
        there.append(await listed(dashboard, links[0]["href"].removeprefix(PAGE)))

    back = [there[-1]]
    while links := back[-1].all("a", rel="prev"):
        back.append(await listed(dashboard, links[0]["href"].removeprefix(PAGE)))

    assert [names_in(page) for page in back] == [names_in(page) for page in reversed(there[1:])]
    assert f"{PAGE}?limit=2&sort=name" in [found["href"] for found in back[-1].all("a")]


@pytest.mark.parametrize("trail", ["cursor", "q%3Dx", "%26%26", "cursor%3Da+cursor%3Db%26q%3Dx"])
async def test_a_trail_that_was_made_up_leads_to_no_other_list(dashboard: Dashboard, trail: str) -> None:
    for number in range(5):
        await dashboard.create(f"task-{number}")
    (onwards,) = (await listed(dashboard, "?limit=2")).all("a", rel="next")

    page = await listed(dashboard, f"{onwards['href'].removeprefix(PAGE)}&trail={trail}")

    asked = [parse_qs(urlsplit(each["href"]).query) for each in page.all("a", rel="prev")]
    assert all(query.keys() <= {"limit", "cursor", "trail"} for query in asked)


async def test_a_long_trail_loses_its_beginning(dashboard: Dashboard) -> None:
    for number in range(5):
        await dashboard.create(f"task-{number}")
    (onwards,) = (await listed(dashboard, "?limit=2")).all("a", rel="next")
    trail = [f"cursor={number:090}" for number in range(40)]

    page = await listed(dashboard, f"{onwards['href'].removeprefix(PAGE)}&{urlencode({'trail': ' '.join(trail)})}")

    (after,) = page.all("a", rel="next")
    (kept,) = parse_qs(urlsplit(after["href"]).query)["trail"]
    assert len(kept) <= TRAIL_CHARACTERS_MAX
    assert kept.split()[-2] == trail[-1]
    assert kept.split()[0] in trail[1:]


async def test_the_failing_and_the_late_can_be_listed_alone(dashboard: Dashboard) -> None:
    failing = await stored(dashboard, name="failing", schedule="0 * * * *")
    await dashboard.create("late", schedule="30 12 * * *")
    await dashboard.create("well", schedule="0 2 * * *")
    await dashboard.store.settle(await dashboard.store.started(failing), a_failure())
    await dashboard.call("POST", f"{TASKS}/{failing.id}/pause")

    assert names_in(await listed(dashboard, "?failing=true")) == ["failing"]
    assert names_in(await listed(dashboard, "?late=true")) == ["late"]


async def test_what_is_deleted_has_a_list_of_its_own_and_comes_back_from_there(dashboard: Dashboard) -> None:
    task = await dashboard.create("gone")
    await dashboard.create("kept")
    await dashboard.call("DELETE", f"{TASKS}/{task['id']}")
    page = await listed(dashboard, "?deleted=true")
    assert names_in(page) == ["gone"]
    assert "Deleted was active" in " ".join(page.text.split())
    assert "Undelete gone" in [each.get("aria-label") for each in page.all("button")]
    (button,) = [each for each in page.all("button") if "formaction" in each]
    (form,) = page.all("form", id="row-form")
    assert page.all("input", name="back", value="deleted=true")

    answer = await dashboard.form(button["formaction"], "back=deleted%3Dtrue")

    assert (form["method"], answer.status) == ("post", 303)
    assert answer.headers["Location"] == f"{PAGE}?deleted=true&notice=undeleted"
    assert names_in(await listed(dashboard)) == ["gone", "kept"]
    assert "Nothing is deleted" in (await listed(dashboard, "?deleted=true")).text


async def test_buttons_of_rows_run_each_its_own_task_once(dashboard: Dashboard) -> None:
    for name in ("one", "two"):
        await dashboard.create(name, policy={"overlap": "allow"})
    buttons = [each for each in (await listed(dashboard)).all("button") if each.get("name") == "token"]

    answers = [
        await dashboard.form(button["formaction"], f"token={button['value']}&back=sort%3Dname")
        for button in [*buttons, *buttons]
    ]

    assert [answer.headers["Location"].removeprefix(PAGE) for answer in answers] == [
        *["?sort=name&notice=started"] * 2,
        *["?sort=name&notice=already_started"] * 2,
    ]


async def test_pausing_from_a_row_asks_why_and_until_when(dashboard: Dashboard) -> None:
    await dashboard.create()

    (address,) = [each for each in (await listed(dashboard)).links if each.endswith("#pause")]
    page = Elements((await dashboard.page(address.removesuffix("#pause"))).text)

    (form,) = page.all("form", id="pause")
    assert form["action"] == address.replace("#", "/")
    assert page.all("input", name="until")


async def test_the_order_can_be_chosen_where_there_is_no_room_for_heads(dashboard: Dashboard) -> None:
    await dashboard.create("one", tags=["x"])

    page = await listed(dashboard, "?sort=-last_run_at")

    assert all(page.all("option", value=f"{way}{order}") for order in TaskOrder for way in ("", "-"))
    assert page.all("option", value="-last_run_at", selected="")
    # The other one goes on to a change of many.
    assert [tag for tag, each in page.tags if each.get("name") == "sort"] == ["select", "input"]


async def test_a_filter_nothing_matches_leads_back(dashboard: Dashboard) -> None:
    await dashboard.create()

    page = await listed(dashboard, "?q=zzz")

    assert "No task matches" in page.text
    assert "Show all tasks" in page.text


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "cursor=forged", "sort=payload", "status=x", "late=yes", "nope=1"]
)
async def test_a_wrong_address_is_told_on_a_page(dashboard: Dashboard, query: str) -> None:
    page = await dashboard.page(f"{PAGE}?{query}")

    assert page.status == 400
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "A parameter of the address is wrong" in words(page.text)


async def test_an_address_cannot_put_words_on_a_page(dashboard: Dashboard) -> None:
    page = await dashboard.page(f"{PAGE}?notice=You+have+won")

    assert page.status == 200
    assert "You have won" not in page.text


@pytest.mark.parametrize("name", [*CANARIES, "x" * 200, "شهري"])
async def test_any_name_is_text_in_the_list_and_its_links_lead_to_the_task(dashboard: Dashboard, name: str) -> None:
    task = await dashboard.create(name)

    page = await listed(dashboard)

    assert names_in(page) == [name]
    assert page.all("a", href=f"{PAGE}/{task['id']}")
    assert not page.all("img", src="x")
    assert [found for found in page.all("script") if "src" not in found] == []


@pytest.mark.parametrize(
    ("name", "role", "buttons", "actions"),
    [
        ("eve", Role.VIEWER, set(), []),
        ("bob", Role.OPERATOR, {"Run now"}, ["pause", "resume", "run"]),
        (
            "ed",
            Role.EDITOR,
            {"Run now"},
            ["pause", "resume", "run", "add_tag", "remove_tag", "set_timezone", "delete"],
        ),
    ],
)
async def test_everybody_sees_the_actions_they_may_take_and_no_other(
    name: str, role: Role, buttons: set[str], actions: list[str]
) -> None:
    async with a_door() as door:
        if name != "bob":
            await door.doors.users.add(a_doer("test"), name, PASSWORD, role)
        await door.call("POST", TASKS, a_body(), headers=await signed_in(door, "ana"))

        page = Elements((await door.call("GET", PAGE, headers={**HTML, **await signed_in(door, name)})).text)

    labels = [each["aria-label"] for each in page.all("button") if "formaction" in each]
    assert {label.removesuffix("report").rstrip(": ") for label in labels} == buttons
    assert [each["value"] for each in page.all("option") if each.get("value") in list(BatchAction)] == actions
    assert len([each for each in page.links if each.endswith("#pause")]) == len(buttons)
    assert bool(page.all("input", name="ids")) is bool(actions)
    assert bool(page.all("a", href=f"{PAGE}/new")) is role.includes(Role.EDITOR)
