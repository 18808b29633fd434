"""The payload of one run by hand, typed in the form of its handler's schema."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import BaseModel

from application.scheduling.ports.membership import HandlerSpec, Member
from domain.scheduling.identifiers import NodeId
from tests.integration.web.browser_form import BrowserForm
from tests.integration.web.dashboard import PAGE, PREFIX, TASKS, Answer, Dashboard


class Purge(BaseModel):
    days: int
    hosts: list[str] = []


class Other(BaseModel):
    keep: int = 7


@pytest.fixture
async def address(dashboard: Dashboard) -> str:
    """The page of a task whose handler a worker has announced, and whose payload says more than its schema."""
    await announce(dashboard, Purge)
    payload = {"more": 1, "hosts": ["a.example"], "days": 30}
    task = await dashboard.create("purge", task_type="maintenance", payload=payload)
    return f"{PAGE}/{task['id']}"


async def announce(dashboard: Dashboard, *models: type[BaseModel]) -> None:
    specs = tuple(HandlerSpec("maintenance", "purge", payload_schema=each.model_json_schema()) for each in models)
    member = Member(NodeId("worker-1"), frozenset({"worker"}), "host", 1, dashboard.clock.now(), specs, 4)
    await dashboard.stores.membership.announce(member)


async def form_at(dashboard: Dashboard, address: str) -> dict[str, str]:
    return BrowserForm((await dashboard.page(address)).text, "run").fields


async def run(dashboard: Dashboard, address: str, **fields: str) -> Answer:
    return await dashboard.form(f"{address}/run", urlencode(fields))


async def payloads_run(dashboard: Dashboard, address: str) -> list[Any]:
    """What each run of the task was given for itself, newest first; None: what the task says."""
    task_id = address.rpartition("/")[2]
    runs = (await dashboard.get(f"{TASKS}/{task_id}/executions")).json["executions"]
    return [(await dashboard.get(f"{PREFIX}/api/executions/{each['id']}")).json["payload"] for each in runs]


async def test_a_run_takes_what_its_form_says_and_what_the_form_cannot_say_from_the_task(
    dashboard: Dashboard, address: str
) -> None:
    form = await form_at(dashboard, address)

    answer = await run(dashboard, address, **{**form, "payload.days": "7", "payload.hosts": ""})

    assert (form["payload.days"], form["payload.hosts"], form["payload_as"]) == ("30", "a.example", "form")
    assert answer.status == 303
    assert await payloads_run(dashboard, address) == [{"more": 1, "days": 7}]


async def test_a_form_left_as_it_was_and_a_mere_button_run_what_the_task_says(
    dashboard: Dashboard, address: str
) -> None:
    await run(dashboard, address, **{**await form_at(dashboard, address), "overlap": "allow"})
    await run(dashboard, address, token="button", overlap="allow")

    assert await payloads_run(dashboard, address) == [None, None]


async def test_json_speaks_where_it_is_chosen(dashboard: Dashboard, address: str) -> None:
    form = await form_at(dashboard, address)

    await run(dashboard, address, **{**form, "payload.days": "7", "payload_as": "json", "payload": '{"days": 8}'})

    assert await payloads_run(dashboard, address) == [{"days": 8}]


@pytest.mark.parametrize(("typed", "words"), [("many", "not of type integer"), ("", "This is missing.")])
async def test_what_is_wrong_is_told_at_its_input_as_it_was_typed(
    dashboard: Dashboard, address: str, typed: str, words: str
) -> None:
    form = await form_at(dashboard, address)

    answer = await run(dashboard, address, **{**form, "payload.days": typed})

    again = BrowserForm(answer.text, "run")
    assert answer.status == 422
    assert words in answer.text
    assert (again.faulty, again.fields["payload.days"]) == ({"payload.days"}, typed)
    assert await payloads_run(dashboard, address) == []


@pytest.mark.parametrize("models", [(), (Other,)], ids=["gone", "deployed anew"])
async def test_what_was_typed_for_a_worker_that_is_gone_comes_back_as_json(
    dashboard: Dashboard, address: str, models: tuple[type[BaseModel], ...]
) -> None:
    form = await form_at(dashboard, address)
    await announce(dashboard, *models)

    refused = await run(dashboard, address, **{**form, "payload.days": "7"})
    before = await payloads_run(dashboard, address)
    again = BrowserForm(refused.text, "run").fields
    await run(dashboard, address, **again)

    assert (refused.status, before) == (422, [])
    assert "What you typed stands here as JSON" in refused.text
    assert (again["payload_as"], json.loads(again["payload"])["days"]) == ("json", 7)
    assert await payloads_run(dashboard, address) == [{"more": 1, "hosts": ["a.example"], "days": 7}]
