"""Refusals as people read them: what to do now, in their words, and the way to what was deleted."""

import re

import pytest

from entrypoints.web.catalogue import KINDS
from tests.integration.web.dashboard import PAGE, PREFIX, TASKS, Dashboard
from tests.integration.web.pages import Elements, words

FOR_CLIENTS = re.compile("/api/|GET |header|If-Match|[Cc]lient|`|cursor|Content-Type|Bearer|idempotency")
# These have a client's part in their title, or speak of settings to whoever runs the server.
FOR_OPERATORS = {"cross_site", "wrong_host", "set_up_refused"}


def test_no_page_tells_people_what_a_client_should_do() -> None:
    told = {name: kind.advice_to_people for name, kind in KINDS.items() if name not in FOR_OPERATORS}

    assert {name: advice for name, advice in told.items() if FOR_CLIENTS.search(advice)} == {}


@pytest.mark.parametrize(
    ("method", "below"),
    [
        ("GET", "/edit"),
        ("GET", "/upcoming"),
        ("GET", "/executions"),
        ("GET", "/versions"),
        ("GET", "/versions/1"),
        ("GET", "/delete"),
        ("POST", "/pause"),
    ],
)
async def test_every_page_of_a_deleted_task_leads_to_where_it_comes_back(
    dashboard: Dashboard, method: str, below: str
) -> None:
    task = await dashboard.create()
    own = f"{PAGE}/{task['id']}"
    await dashboard.call("DELETE", f"{TASKS}/{task['id']}")

    answer = await (dashboard.page(own + below) if method == "GET" else dashboard.form(own + below, "reason=x"))

    assert answer.status == 404
    assert own in Elements(answer.text).links
    assert "kept for 30 days" in words(answer.text)
    assert "api/" not in words(answer.text)
    assert "Undelete" in (await dashboard.page(own)).text


@pytest.mark.parametrize("task_id", ["nothing", "a%2Fb", "%3Cscript%3E"])
async def test_a_task_that_never_was_has_no_link_to_its_own_page_there(dashboard: Dashboard, task_id: str) -> None:
    answer = await dashboard.page(f"{PAGE}/{task_id}")

    assert answer.status == 404
    assert not [link for link in Elements(answer.text).links if link.startswith(f"{PAGE}/{task_id}")]


async def test_an_old_link_is_told_to_people_and_to_clients_in_their_own_words(dashboard: Dashboard) -> None:
    page = words((await dashboard.page(f"{PAGE}?cursor=old")).text)
    kind = await dashboard.get(f"{PREFIX}/problems/bad_parameter")

    assert "Begin at the list" in page
    assert "Take a cursor" not in page
    assert "Take a cursor" in kind.json["advice"]
