"""One change of many tasks by a form: chosen, shown, confirmed, carried out, taken back."""

from urllib.parse import urlencode

import pytest

from application.scheduling.services import batch_change
from application.scheduling.services.batch_change import SLICE
from domain.access.role import Role
from tests.integration.web.browser_form import BrowserForm
from tests.integration.web.dashboard import FORM, HTML, PAGE, TASKS, Answer, Dashboard, a_body
from tests.integration.web.door import PASSWORD, a_door, signed_in
from tests.integration.web.pages import Elements, words
from tests.support.accounts import a_doer
from tests.support.builders import HOUR

BATCH = f"{PAGE}/batch"


async def asked(dashboard: Dashboard, action: str, *ids: str, status: int = 200, **query: str) -> Elements:
    """The confirmation for these tasks, or for what the query says."""
    pairs = [("action", action), *query.items(), *(("ids", each) for each in ids)]
    answer = await dashboard.page(f"{BATCH}?{urlencode(pairs)}")
    assert answer.status == status, answer.text
    return Elements(answer.text)


def fields_of(page: Elements, *, at: int = 0, **said: str) -> str:
    """What the form of a page sends, with what its reader says."""
    names = ("action", "value", "ids", "versions", "token", "back", "reason", "confirm")
    hidden = [each for each in page.all("input") if each.get("type") == "hidden" and each["name"] in names]
    begins = [place for place, each in enumerate(hidden) if each["name"] == "action"]
    form = hidden[begins[at] :][: len(names)]
    return urlencode({each["name"]: each["value"] for each in form} | said)


async def paused_names(dashboard: Dashboard) -> list[str]:
    return [task["name"] for task in (await dashboard.get(f"{TASKS}?status=paused")).json["tasks"]]


async def made(dashboard: Dashboard, *names: str) -> list[str]:
    return [(await dashboard.create(name))["id"] for name in names]


async def test_what_is_chosen_is_shown_changed_and_changed_back(dashboard: Dashboard) -> None:
    one, two, _ = await made(dashboard, "one", "two", "three")

    question = await asked(dashboard, "pause", one, two)
    before = await paused_names(dashboard)
    result = await dashboard.form(BATCH, fields_of(question, reason="DB upgrade", lasts="4h"))

    assert "Pause 2 tasks?" in question.text
    assert "one Active ✓ will be paused".replace("✓ ", "") in " ".join(question.text.split())
    assert (before, await paused_names(dashboard)) == ([], ["one", "two"])
    pause = (await dashboard.get(f"{TASKS}/{one}")).json["pause"]
    assert (pause["reason"], pause["until"]) == ("DB upgrade", "2024-01-15T16:00:00Z")
    assert "2 tasks paused" in words(result.text)
    undone = await dashboard.form(BATCH, fields_of(Elements(result.text)))
    assert "2 tasks resumed" in words(undone.text)
    assert await paused_names(dashboard) == []


async def test_a_form_sent_twice_does_nothing_twice_and_says_so(dashboard: Dashboard) -> None:
    (one,) = await made(dashboard, "one")
    fields = fields_of(await asked(dashboard, "run", one))

    await dashboard.form(BATCH, fields)
    again = await dashboard.form(BATCH, fields)

    assert "0 tasks started; 1 started by this form before." in words(again.text)
    assert (await dashboard.get(f"{TASKS}/{one}")).json["run_count"] == 1


async def test_all_that_match_are_more_than_the_page_and_the_first_twenty_are_shown(dashboard: Dashboard) -> None:
    await made(dashboard, *(f"task {number:02}" for number in range(25)))
    await dashboard.create("other", task_type="mail")

    all_of_them = await asked(dashboard, "pause", scope="all", task_type="maintenance", limit="5")
    page = await asked(dashboard, "pause", scope="page", task_type="maintenance", limit="5", sort="-name")

    assert "Pause 25 tasks?" in all_of_them.text
    assert "The first 20 of 25 tasks" in all_of_them.text
    assert "task 19" in all_of_them.text
    assert "task 20" not in all_of_them.text
    assert "Pause 5 tasks?" in page.text
    assert "task 24" in page.text
    await dashboard.form(BATCH, fields_of(all_of_them))
    assert len(await paused_names(dashboard)) == 25


async def test_what_there_was_no_time_for_is_told_and_gone_on_with(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(dashboard, *(f"task {number:03}" for number in range(SLICE + 5)))
    with monkeypatch.context() as context:
        context.setattr(batch_change, "TIME_MAX", -HOUR)
        plan = await asked(dashboard, "pause", scope="all")
    whole = await asked(dashboard, "pause", scope="all")
    with monkeypatch.context() as context:
        context.setattr(batch_change, "TIME_MAX", -HOUR)
        cut_off = await dashboard.form(BATCH, fields_of(whole, reason="upgrade", lasts="4h"))

    result = await dashboard.form(BATCH, urlencode(BrowserForm(cut_off.text, "go-on").fields))

    assert "5 more match, and the time was over before they were looked at" in words(plan.text)
    assert f"The first 20 of {SLICE + 5} tasks" in words(plan.text)
    assert "The time was over before 5 more were come to." in words(cut_off.text)
    assert f"5 tasks paused; {SLICE} paused by this form before." in words(result.text)
    assert (await dashboard.get(f"{TASKS}?status=paused")).json["total"] == SLICE + 5


async def test_a_result_that_is_loaded_again_can_still_be_taken_back(dashboard: Dashboard) -> None:
    one, two = await made(dashboard, "one", "two")
    fields = fields_of(await asked(dashboard, "pause", one, two))
    await dashboard.form(BATCH, fields)

    again = await dashboard.form(BATCH, fields)
    undone = await dashboard.form(BATCH, fields_of(Elements(again.text)))

    assert "0 tasks paused; 2 paused by this form before." in words(again.text)
    assert "2 tasks resumed" in words(undone.text)
    assert await paused_names(dashboard) == []


async def test_what_somebody_did_meanwhile_is_not_taken_back(dashboard: Dashboard) -> None:
    one, two = await made(dashboard, "one", "two")
    result = await dashboard.form(BATCH, fields_of(await asked(dashboard, "pause", one, two)))
    for action in ("resume", "pause"):
        await dashboard.call("POST", f"{TASKS}/{one}/{action}", {"reason": "mine"})

    undone = await dashboard.form(BATCH, fields_of(Elements(result.text)))

    assert "1 task resumed; 1 was refused." in words(undone.text)
    assert await paused_names(dashboard) == ["one"]
    assert (await dashboard.get(f"{TASKS}/{one}")).json["pause"]["reason"] == "mine"


@pytest.mark.parametrize("versions", ["2 2", "x", "-1"])
async def test_versions_that_are_none_are_refused(dashboard: Dashboard, versions: str) -> None:
    (one,) = await made(dashboard, "one")
    fields = fields_of(await asked(dashboard, "pause", one), versions=versions)

    assert (await dashboard.form(BATCH, fields)).status == 400


async def test_only_what_was_shown_is_changed_whatever_matches_by_then(dashboard: Dashboard) -> None:
    await made(dashboard, "one")
    question = await asked(dashboard, "delete", scope="all")
    await made(dashboard, "two")

    await dashboard.form(BATCH, fields_of(question, confirm="1"))

    assert [task["name"] for task in (await dashboard.get(TASKS)).json["tasks"]] == ["two"]


@pytest.mark.parametrize("typed", ["", "1", "two", "20"])
async def test_who_deletes_many_types_how_many(dashboard: Dashboard, typed: str) -> None:
    await made(dashboard, "one", "two")
    question = await asked(dashboard, "delete", scope="all")

    answer = await dashboard.form(BATCH, fields_of(question, confirm=typed, reason="spring"))

    page = Elements(answer.text)
    (field,) = page.all("input", name="confirm")
    assert (answer.status, field["aria-invalid"], field["value"]) == (422, "true", typed)
    assert page.all("input", name="reason", value="spring")
    assert len((await dashboard.get(TASKS)).json["tasks"]) == 2
    assert (await dashboard.form(BATCH, fields_of(page, confirm="2"))).status == 200
    assert (await dashboard.get(TASKS)).json["tasks"] == []


async def test_taking_back_an_undelete_asks_nothing_more(dashboard: Dashboard) -> None:
    ids = await made(dashboard, "one", "two")
    for each in ids:
        await dashboard.call("DELETE", f"{TASKS}/{each}")

    result = await dashboard.form(BATCH, fields_of(await asked(dashboard, "undelete", *ids)))
    undone = await dashboard.form(BATCH, fields_of(Elements(result.text)))

    assert "Take it back: delete 2 tasks" in words(result.text)
    assert (undone.status, "2 tasks deleted" in words(undone.text)) == (200, True)
    assert (await dashboard.get(TASKS)).json["tasks"] == []


async def test_a_time_zone_is_taken_back_if_it_was_one_and_the_same(dashboard: Dashboard) -> None:
    first, second = await made(dashboard, "one", "two")
    moved = await dashboard.form(BATCH, fields_of(await asked(dashboard, "set_timezone", first, value="Asia/Tokyo")))

    mixed = await asked(dashboard, "set_timezone", first, second, value="Europe/Berlin")
    told = await dashboard.form(BATCH, fields_of(mixed))

    assert "Take it back: move 1 task: UTC" in words(moved.text)
    assert "They had different time zones before, so no one change takes it back." in words(told.text)
    assert "Take it back" not in words(told.text)


async def test_what_stays_and_what_cannot_be_is_told_before_and_after(dashboard: Dashboard) -> None:
    open_, free = await made(dashboard, "open", "free")
    await dashboard.call("POST", f"{TASKS}/{open_}/run")
    (paused,) = await made(dashboard, "paused")
    await dashboard.call("POST", f"{TASKS}/{paused}/pause")

    running = await asked(dashboard, "run", open_, free, "nobody")
    pausing = await asked(dashboard, "pause", paused)

    assert "1 task will be started; 2 cannot be." in " ".join(running.text.split())
    assert "cannot be started: an execution of this task is still open" in running.text
    assert "cannot be started: there is no task 'nobody'" in running.text
    assert "stays as it is: paused already, and keeps its reason" in pausing.text
    assert not pausing.all("form", method="post", action=BATCH)


@pytest.mark.parametrize(
    ("action", "value", "fault"),
    [("add_tag", "two words", "1 to 64 letters"), ("set_timezone", "Mars/Olympus", "Mars/Olympus")],
)
async def test_a_value_is_asked_for_and_a_wrong_one_is_told_at_its_field(
    dashboard: Dashboard, action: str, value: str, fault: str
) -> None:
    (one,) = await made(dashboard, "one")

    question = await asked(dashboard, action, one)
    wrong = await asked(dashboard, action, one, value=value, status=422)
    right = await asked(dashboard, action, one, value="UTC" if action == "set_timezone" else "night")

    assert question.all("input", type="hidden", name="ids", value=one)
    (told,) = [each for each in wrong.all("input") if "aria-invalid" in each]
    assert (told["value"], told["aria-describedby"]) == (value, "value-hint value-error")
    assert fault in wrong.text
    assert "1 task" in right.text


async def test_a_reason_that_is_too_long_is_told_at_its_field_and_nothing_is_done(dashboard: Dashboard) -> None:
    (one,) = await made(dashboard, "one")

    answer = await dashboard.form(BATCH, fields_of(await asked(dashboard, "pause", one), reason="x" * 501))

    assert answer.status == 422
    assert "at most 500 characters" in words(answer.text)
    assert await paused_names(dashboard) == []


async def test_nothing_chosen_leads_back_to_the_same_part_of_the_list(dashboard: Dashboard) -> None:
    page = await asked(dashboard, "pause", q="x", sort="-name")

    assert "No task was chosen" in page.text
    assert page.all("a", href=f"{PAGE}?q=x&sort=-name")


async def test_the_address_of_a_result_leads_to_the_list_when_it_is_opened_again(dashboard: Dashboard) -> None:
    answer = await dashboard.page(BATCH)

    assert (answer.status, answer.headers["Location"]) == (303, PAGE)


@pytest.mark.parametrize("query", ["scope=all", "action=burn", "action=pause&scope=everything", "action=pause&nope=1"])
async def test_a_question_that_cannot_be_read_is_refused(dashboard: Dashboard, query: str) -> None:
    assert (await dashboard.page(f"{BATCH}?{query}")).status == 400


@pytest.mark.parametrize(
    "fields", ["", "action=burn", "action=pause&lasts=9y", "action=resume&missed=x", "action=pause&a=b"]
)
async def test_a_form_that_cannot_be_read_is_refused(dashboard: Dashboard, fields: str) -> None:
    (one,) = await made(dashboard, "one")

    assert (await dashboard.form(BATCH, f"{fields}&ids={one}")).status == 400
    assert await paused_names(dashboard) == []


async def test_names_of_any_kind_are_text(dashboard: Dashboard) -> None:
    (one,) = await made(dashboard, "<script>alert(1)</script>")

    question = await asked(dashboard, "pause", one)
    result = Elements((await dashboard.form(BATCH, fields_of(question))).text)

    for page in (question, result):
        assert "<script>alert(1)</script>" in page.text
        assert [found for found in page.all("script") if "src" not in found] == []


async def test_an_operator_may_pause_many_and_delete_none_and_a_viewer_neither() -> None:
    async with a_door() as door:
        await door.doors.users.add(a_doer("test"), "eve", PASSWORD, Role.VIEWER)
        await door.call("POST", TASKS, a_body(), headers=await signed_in(door, "ana"))

        async def statuses(name: str) -> list[int]:
            shown = {**HTML, **await signed_in(door, name)}
            answers: list[Answer] = []
            for action in ("pause", "delete"):
                answers.append(await door.call("GET", f"{BATCH}?action={action}&scope=all", headers=shown))
                fields = f"action={action}&ids=nobody".encode()
                answers.append(await door.call("POST", BATCH, raw=fields, headers={**shown, **FORM}))
            return [answer.status for answer in answers]

        assert await statuses("bob") == [200, 200, 403, 403]
        assert await statuses("eve") == [403] * 4
