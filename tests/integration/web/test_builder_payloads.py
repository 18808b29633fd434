"""Payloads on the page: a form where the handler's schema allows one, JSON where it does not, and both judged alike."""

import json
from dataclasses import replace
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

import pytest
from pydantic import BaseModel, Field

from application.scheduling.ports.membership import HandlerSpec, Member
from domain.scheduling.identifiers import NodeId
from tests.integration.web.browser_form import BrowserForm
from tests.integration.web.dashboard import PAGE, TASKS, Dashboard

NEW = f"{PAGE}/new"


class Mode(StrEnum):
    FULL = "full"
    DELTA = "delta"


class Purge(BaseModel):
    days: Annotated[int, Field(ge=1, description="How long to keep.")]
    mode: Mode = Mode.FULL
    dry_run: bool = False
    instances: list[str] = []
    ratio: float | None = None


class Mail(BaseModel):
    to: str


SPECS = (
    HandlerSpec("maintenance", "purge", "Purge old rows.", Purge.model_json_schema(), {"max_retries": 5}),
    HandlerSpec("mail", None, payload_schema=Mail.model_json_schema()),
    HandlerSpec("any", "thing"),
)


@pytest.fixture(autouse=True)
async def worker(dashboard: Dashboard) -> None:
    await announce(dashboard, SPECS)


async def announce(dashboard: Dashboard, specs: tuple[HandlerSpec, ...]) -> None:
    member = Member(NodeId("worker-1"), frozenset({"worker"}), "host", 1, dashboard.clock.now(), specs, 4)
    await dashboard.stores.membership.announce(member)


async def form_for(dashboard: Dashboard, **query: str) -> BrowserForm:
    return BrowserForm((await dashboard.page(f"{NEW}?{urlencode(query)}")).text, "builder")


async def sent(dashboard: Dashboard, fields: dict[str, str], **changes: str) -> tuple[int, str]:
    answer = await dashboard.form(NEW, urlencode({**fields, **changes}))
    return answer.status, answer.headers.get("Location", answer.text)


async def payload_at(dashboard: Dashboard, location: str) -> object:
    task_id = location.removeprefix(f"{PAGE}/").partition("?")[0]
    return (await dashboard.get(f"{TASKS}/{task_id}")).json["payload"]


async def test_a_payload_is_written_in_a_form_of_its_schema(dashboard: Dashboard) -> None:
    form = await form_for(dashboard, name="purge", task_type="maintenance")
    typed = {
        "payload.days": "30",
        "payload.mode": '"delta"',
        "payload.dry_run": "true",
        "payload.instances": "a.example\r\nb.example\r\n",
        "payload.ratio": "0.5",
    }

    status, location = await sent(dashboard, form.fields, **typed)

    assert form.fields.keys() >= typed.keys()
    assert status == 303, location
    assert await payload_at(dashboard, location) == {
        "days": 30,
        "mode": "delta",
        "dry_run": True,
        "instances": ["a.example", "b.example"],
        "ratio": 0.5,
    }


async def test_what_is_left_empty_is_left_out(dashboard: Dashboard) -> None:
    form = await form_for(dashboard, name="purge", task_type="maintenance")

    _, location = await sent(dashboard, form.fields, **{"payload.days": "30"})

    assert await payload_at(dashboard, location) == {"days": 30}


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"payload.days": ""}, "payload.days", "This is missing."),
        ({"payload.days": "many"}, "payload.days", "&#34;many&#34; is not of type integer."),
        ({"payload.days": "0"}, "payload.days", "0 is less than the minimum of 1."),
        ({"payload.days": "1", "payload.mode": "half"}, "payload.mode", "&#34;half&#34; is not one of"),
        ({"payload_as": "json", "payload": '{"days": "many"}'}, "payload", "is not of type integer"),
    ],
)
async def test_a_payload_that_is_refused_is_told_at_its_field_as_it_was_typed(
    dashboard: Dashboard, typed: dict[str, str], field: str, words: str
) -> None:
    form = await form_for(dashboard, name="purge", task_type="maintenance")

    status, text = await sent(dashboard, form.fields, **typed)

    again = BrowserForm(text, "builder")
    assert status == 422
    assert words in text
    assert field in again.faulty
    assert again.fields[field] == typed[field]


async def test_json_is_a_choice_and_may_have_what_the_form_has_not(dashboard: Dashboard) -> None:
    form = await form_for(dashboard, name="purge", task_type="maintenance")

    _, location = await sent(dashboard, form.fields, payload_as="json", payload='{"days": 3, "more": {"a": [1]}}')
    task_id = location.removeprefix(f"{PAGE}/").partition("?")[0]
    edit = BrowserForm((await dashboard.page(f"{PAGE}/{task_id}/edit")).text, "builder").fields
    await dashboard.form(f"{PAGE}/{task_id}/edit", urlencode({**edit, "payload.days": "4"}))

    assert edit["payload.days"] == "3"
    assert await payload_at(dashboard, location) == {"days": 4, "more": {"a": [1]}}


async def test_a_payload_that_the_form_cannot_show_stays_json_and_says_so(dashboard: Dashboard) -> None:
    page = await dashboard.page(f"{NEW}?{urlencode({'name': 'purge', 'task_type': 'maintenance', 'payload': '[]'})}")

    form = BrowserForm(page.text, "builder")
    assert "values that a form cannot show exactly" in page.text
    assert (form.fields["payload_as"], form.fields["payload"]) == ("json", "[]")


@pytest.mark.parametrize(
    ("name", "task_type", "words"),
    [("thing", "any", "takes any JSON object"), ("nobody", "nothing", "No living worker has announced this handler")],
)
async def test_without_a_schema_there_is_json(dashboard: Dashboard, name: str, task_type: str, words: str) -> None:
    page = await dashboard.page(f"{NEW}?{urlencode({'name': name, 'task_type': task_type})}")

    assert words in page.text
    assert BrowserForm(page.text, "builder").fields["payload_as"] == "json"


async def test_another_handler_brings_its_own_form_and_keeps_what_was_typed(dashboard: Dashboard) -> None:
    form = await form_for(dashboard, name="purge", task_type="maintenance")
    changed = {**form.fields, "payload.days": "30", "task_type": "mail", "to": "payload"}

    page = await dashboard.form(NEW, urlencode(changed))

    fields = BrowserForm(page.text, "builder").fields
    assert "payload.to" in fields
    assert "payload.mode" not in fields
    assert '"days": 30' in fields["payload"]


class Renamed(BaseModel):
    keep_days: int = 7


@pytest.mark.parametrize(
    "specs", [(), (replace(SPECS[0], payload_schema=Renamed.model_json_schema()),)], ids=["gone", "deployed anew"]
)
async def test_what_was_typed_for_a_worker_that_is_no_longer_there_is_not_lost(
    dashboard: Dashboard, specs: tuple[HandlerSpec, ...]
) -> None:
    task = await dashboard.create("purge", task_type="maintenance", payload={"days": 30, "mode": "full", "more": 1})
    address = f"{PAGE}/{task['id']}/edit"
    form = BrowserForm((await dashboard.page(address)).text, "builder")
    typed = {**form.fields, "payload.days": "7", "payload.mode": "", "payload.instances": "a\r\nb"}
    await announce(dashboard, specs)

    refused = await dashboard.form(address, urlencode(typed))
    again = BrowserForm(refused.text, "builder").fields
    kept = (await dashboard.get(f"{TASKS}/{task['id']}")).json["payload"]
    saved = await dashboard.form(address, urlencode(again))

    assert refused.status == 422
    assert "What you typed stands here as JSON" in refused.text
    assert kept == task["payload"]
    assert (again["payload_as"], json.loads(again["payload"])) == ("json", {"more": 1, "days": 7, "instances": "a\nb"})
    assert saved.status == 303, saved.text


async def test_a_field_that_the_schema_does_not_have_is_refused_and_not_dropped(dashboard: Dashboard) -> None:
    form = await form_for(dashboard, name="purge", task_type="maintenance")

    status, text = await sent(dashboard, form.fields, **{"payload.days": "7", "payload.other": "x"})

    assert status == 422
    assert json.loads(BrowserForm(text, "builder").fields["payload"]) == {"days": 7, "other": "x"}


async def test_the_page_offers_the_announced_types_and_handlers_and_current_zones(dashboard: Dashboard) -> None:
    page = (await dashboard.page(NEW)).text

    assert (
        '<datalist id="types"><option>any</option><option>mail</option><option>maintenance</option></datalist>' in page
    )
    assert '<option value="purge">maintenance</option>' in page
    assert "<option>Europe/Berlin</option>" in page
    assert "<option>US/Eastern</option>" not in page


async def previewed(dashboard: Dashboard, fields: dict[str, str], **changes: str) -> str:
    answer = await dashboard.form(f"{NEW}/preview", urlencode({**fields, **changes}))
    assert answer.status == 200
    return answer.text


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        ({"task_type": "maintenance", "handler": "purge"}, 'name="payload.days"'),
        ({"task_type": "mail", "handler": "x"}, 'name="payload.to"'),
        ({"task_type": "any", "handler": "thing"}, "This handler takes any JSON object."),
    ],
)
async def test_the_preview_brings_the_inputs_of_the_handler_that_is_named_by_now(
    dashboard: Dashboard, named: dict[str, str], shown: str
) -> None:
    blank = (await form_for(dashboard)).fields

    answer = await previewed(dashboard, blank, **named)
    of_it = BrowserForm(f'<form id="part">{answer}</form>', "part").fields

    assert answer.count('<section id="payload-part"') == 1
    assert shown in answer
    # They are there now: what is typed elsewhere does not bring them again.
    assert "payload-part" not in await previewed(dashboard, {**blank, **of_it}, **named, description="more")


@pytest.mark.parametrize("typed", [{"payload.days": "7"}, {"payload_as": "json", "payload": '{"a"'}])
async def test_the_preview_leaves_a_payload_alone_in_which_something_was_typed(
    dashboard: Dashboard, typed: dict[str, str]
) -> None:
    form = await form_for(dashboard, task_type="maintenance", handler="purge")

    other = {"task_type": "mail", "handler": "x"}

    assert "payload-part" not in await previewed(dashboard, form.fields, **other, **typed)
    assert "payload-part" in await previewed(dashboard, form.fields, **other)
