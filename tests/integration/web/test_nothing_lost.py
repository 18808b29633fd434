"""What people have typed or done is lost to nobody: not to others, to an absent store or to the end of a session."""

from urllib.parse import parse_qsl, urlencode

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from entrypoints.web.pages import notices
from tests.integration.web.browser_form import NEW, BrowserForm, blank, form_of
from tests.integration.web.dashboard import PAGE, PREFIX, TASKS, Answer, Dashboard
from tests.integration.web.door import PASSWORD, a_door
from tests.integration.web.pages import CANARIES, Elements, words
from tests.integration.web.test_page_forms import state_of


async def fields_of(dashboard: Dashboard, task_id: str, form_id: str) -> dict[str, str]:
    """What a form of the task's page holds as it is shown."""
    return BrowserForm((await dashboard.page(f"{PAGE}/{task_id}")).text, form_id).fields


def hidden_fields(answer: Answer, action: str) -> dict[str, str]:
    """The fields a page keeps for the form of this address."""
    page = Elements(answer.text)
    assert page.all("form", action=action)
    return {found["name"]: found["value"] for found in page.all("input", type="hidden") if found["name"] != "back"}


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_a_form_does_not_overwrite_what_somebody_did_meanwhile(dashboard: Dashboard, verb: str) -> None:
    task = await dashboard.create()
    await dashboard.call("POST", f"{TASKS}/{task['id']}/pause", {"reason": "first"})
    shown = {**await fields_of(dashboard, task["id"], verb), **({"reason": "mine"} if verb == "pause" else {})}
    await dashboard.call("POST", f"{TASKS}/{task['id']}/pause", {"reason": "legal hold"})

    refused = await dashboard.form(f"{PAGE}/{task['id']}/{verb}", urlencode(shown))
    again = BrowserForm(refused.text, verb).fields

    assert refused.status == 409
    assert "Meanwhile local paused it: legal hold." in words(refused.text)
    assert (await state_of(dashboard, task["id"]))["pause"]["reason"] == "legal hold"
    assert again.get("reason") == shown.get("reason")
    assert (await dashboard.form(f"{PAGE}/{task['id']}/{verb}", urlencode(again))).status == 303


async def test_a_pause_that_is_sent_twice_is_no_pause_of_somebody_else(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    fields = urlencode({**await fields_of(dashboard, task["id"], "pause"), "reason": "once"})

    answers = [await dashboard.form(f"{PAGE}/{task['id']}/pause", fields) for _ in range(2)]

    assert [answer.status for answer in answers] == [303, 303]
    assert (await state_of(dashboard, task["id"]))["version"] == task["version"] + 1


async def test_stopping_says_what_came_of_it(dashboard: Dashboard) -> None:
    task = await dashboard.create(policy={"overlap": "allow"})
    running = await dashboard.call("POST", f"{TASKS}/{task['id']}/run", {})
    await dashboard.store.claim()
    pending = await dashboard.call("POST", f"{TASKS}/{task['id']}/run", {})
    told = []
    for run in (running, pending, pending):
        answer = await dashboard.form(f"{PREFIX}/executions/{run.json['execution_id']}/cancel")
        page = Elements((await dashboard.page(answer.headers["Location"])).text)
        told += [text for text in notices.OF_EXECUTIONS.values() if text in page.text]

    assert told == [notices.OF_EXECUTIONS[code] for code in ("asked_to_stop", "cancelled", "over")]


async def test_a_store_that_takes_nothing_leaves_the_builder_as_it_was_filled_in(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(*_: object) -> None:
        raise StoreUnavailableError("locked")

    fields = await blank(dashboard, description="typed with care")
    with monkeypatch.context() as patched:
        patched.setattr(type(dashboard.stores.tasks), "mutate", locked)
        refused = await dashboard.form(NEW, urlencode(fields))
    kept = form_of(refused).fields

    assert refused.status == 503
    assert "The store does not answer for now." in refused.text
    assert ">Try again<" in refused.text
    assert (kept["description"], kept["token"]) == ("typed with care", fields["token"])
    assert (await dashboard.form(NEW, urlencode(kept))).status == 303


@pytest.mark.parametrize("typed", [*CANARIES, "two\r\nlines"])
async def test_a_form_the_store_was_away_for_can_be_sent_again(dashboard: Dashboard, typed: str) -> None:
    fields = await blank(dashboard, description=typed)
    dashboard.stores.state.available = False
    refused = await dashboard.form(NEW, urlencode(fields))
    dashboard.stores.state.available = True
    kept = hidden_fields(refused, NEW)

    answer = await dashboard.form(NEW, urlencode(kept))

    assert (refused.status, answer.status) == (503, 303)
    assert kept == fields


async def test_a_password_is_kept_on_no_page(dashboard: Dashboard) -> None:
    dashboard.stores.state.available = False

    refused = await dashboard.form(f"{PREFIX}/users", urlencode({"name": "eve", "password": PASSWORD}))

    assert refused.status in (404, 503)
    assert PASSWORD not in refused.text
    assert "Send it again" not in refused.text


@pytest.mark.parametrize(
    ("stood", "page"),
    [
        ("http://127.0.0.1{page}/t1/edit", "{page}/t1/edit"),
        ("http://127.0.0.1{page}?q=a%20b&notice=paused", "{page}?q=a+b"),
        ("http://127.0.0.1{page}/t1/resume", "{page}/t1"),
        ("http://127.0.0.1/elsewhere", "{page}/t1"),
        ("http://[", "{page}/t1"),
        ("", "{page}/t1"),
    ],
)
async def test_a_session_that_ended_leads_back_to_the_form_and_says_so(stood: str, page: str) -> None:
    async with a_door() as door:
        headers = {"Referer": stood.format(page=PAGE)} if stood else {}
        answer = await door.form(f"{PAGE}/t1/pause", "reason=long", **headers)

        path, _, query = answer.headers["Location"].partition("?")
        assert (answer.status, path) == (303, f"{PREFIX}/login")
        assert dict(parse_qsl(query)) == {"next": page.format(page=PAGE), "notice": "session_over"}
        assert "nothing was changed" in words((await door.page(answer.headers["Location"])).text)


async def test_choosing_a_theme_on_the_answer_to_a_form_leads_back_to_the_form(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    refused = {
        f"{PAGE}/{task['id']}": await dashboard.form(f"{PAGE}/{task['id']}/pause", "until=soon"),
        NEW: await dashboard.form(NEW, urlencode(await blank(dashboard, name=""))),
    }

    for page, answer in refused.items():
        assert answer.status == 422
        assert {found["value"] for found in Elements(answer.text).all("input", name="back")} == {page}
        assert "data-events" not in answer.text


@pytest.mark.parametrize("code", ["deleted", "user_added", "redriven", "signed_out"])
async def test_a_page_says_nothing_that_belongs_to_another_one(dashboard: Dashboard, code: str) -> None:
    tables = (notices.OF_DELETED_TASKS, notices.OF_USERS, notices.OF_EXECUTIONS, notices.OF_THE_DOOR)
    (told,) = [table[code] for table in tables if code in table]
    task = await dashboard.create()

    for path in (f"{PAGE}/{task['id']}", PAGE):
        assert told not in (await dashboard.page(f"{path}?notice={code}")).text
