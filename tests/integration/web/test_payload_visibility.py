"""Payloads and results are for operators and above: a walk over every route that reads, with a word in each of them."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from domain.access.role import Role
from domain.scheduling.outcome import Succeeded
from entrypoints.web.app import WebSettings
from entrypoints.web.doors.access import Permission
from entrypoints.web.feed import FEED
from entrypoints.web.routes import ROUTES
from tests.integration.web.dashboard import HTML, PREFIX, TASKS, Dashboard
from tests.integration.web.door import LOGIN, a_door, signed_in
from tests.integration.web.pages import died, stored
from tests.support.accounts import a_doer
from tests.support.builders import MINUTE

CANARY = re.compile("canary-[a-z]+")
EVERY_CANARY = {"canary-first", "canary-payload", "canary-run", "canary-result", "canary-dead", "canary-deleted"}
NEEDED = {
    "/api/scheduled-tasks/{task_id}/explain": "?at=2024-01-15T13:00:00Z",
    "/timeline": "?at=2024-01-15T12:00",
}
ROLES = {"vera": Role.VIEWER, "otto": Role.OPERATOR}


@asynccontextmanager
async def _house(settings: WebSettings = LOGIN) -> AsyncIterator[tuple[Dashboard, list[str]]]:
    """A dashboard whose records have a canary each, and the address of everything a viewer can read."""
    async with a_door(settings) as door:
        for name, role in ROLES.items():
            await door.doors.users.add(a_doer("ana"), name, "correct horse battery", role)
        door.session.headers.update(await signed_in(door, "ana"))
        task = await stored(door, name="seen", payload={"word": "canary-first"})
        await door.call("PATCH", f"{TASKS}/{task.id}", {"payload": {"word": "canary-payload"}})
        run = await door.store.run_now(task, key="once", payload_json='{"word":"canary-run"}')
        await door.store.settle(await door.store.claim(), Succeeded('{"word":"canary-result"}'))
        gone = await stored(door, name="gone", payload={"word": "canary-deleted"})
        await door.call("DELETE", f"{TASKS}/{gone.id}")
        dead = await died(door, await stored(door, name="dead", payload={"word": "canary-dead"}))
        door.session.headers.clear()
        door.clock.advance(MINUTE)
        # A stream ends after its first event.
        door.app[FEED].close()
        runs = (run, dead.execution.id)
        yield door, [*_addresses({"task_id": task.id}, runs), *_addresses({"task_id": gone.id}, runs)]


def _addresses(names: Mapping[str, str], executions: tuple[str, ...]) -> list[str]:
    known = {"version": "1", "between": "1..2", "name": "ana", "kind": "not_found", **names}
    read = [each for each in ROUTES if each.method == "GET" and each.permission is Permission.VIEWER]
    return [
        PREFIX + route.path.format(**known, execution_id=execution) + NEEDED.get(route.path, "")
        for route in read
        for execution in executions
        if "static" not in route.path
    ]


async def _seen(door: Dashboard, name: str, addresses: list[str]) -> dict[str, set[str]]:
    """Where which canaries are told to somebody, as a program and in a browser."""
    shown, found = await signed_in(door, name), dict[str, set[str]]()
    for address in dict.fromkeys(addresses):
        kinds = [{}] if "/api/" in address else [HTML, {**HTML, "X-Refresh": "1"}]
        for kind in kinds:
            answer = await door.call("GET", address, headers={**shown, **kind})
            assert answer.status in (200, 303, 400, 403, 404, 503), (address, answer.status)
            words = CANARY.findall(answer.text + repr(dict(answer.headers)))
            found.setdefault(address, set()).update(words)
    return {address: words for address, words in found.items() if words}


async def test_no_route_tells_a_viewer_a_payload_or_a_result() -> None:
    async with _house() as (door, addresses):
        assert await _seen(door, "vera", addresses) == {}
        told = await _seen(door, "otto", addresses)

    # Else the walk would have looked nowhere.
    assert set().union(*told.values()) == EVERY_CANARY


async def test_a_viewer_is_told_that_something_is_hidden() -> None:
    async with _house() as (door, _):
        shown = await signed_in(door, "vera")
        tasks = (await door.call("GET", TASKS, headers=shown)).json["tasks"]

    assert [list(each["payload"]) for each in tasks] == [["hidden"], ["hidden"]]


async def test_the_export_which_has_every_payload_is_for_operators() -> None:
    async with _house(replace(LOGIN, viewers_see_payloads=True)) as (door, _):
        answers = [
            await door.call("GET", f"{PREFIX}/api/export", headers=await signed_in(door, name))
            for name in ("vera", "otto")
        ]

    assert [each.status for each in answers] == [403, 200]
    assert "canary-payload" in answers[1].text


async def test_the_setting_shows_viewers_everything() -> None:
    async with _house(replace(LOGIN, viewers_see_payloads=True)) as (door, addresses):
        told = await _seen(door, "vera", addresses)

    assert set().union(*told.values()) == EVERY_CANARY


async def test_what_an_operator_changes_after_a_viewer_looked_is_what_was_there() -> None:
    async with _house() as (door, addresses):
        await _seen(door, "vera", addresses[:10])
        headers = await signed_in(door, "ana")
        tasks = (await door.call("GET", f"{TASKS}?q=seen", headers=headers)).json["tasks"]
        task = tasks[0]
        restored = await door.call("POST", f"{TASKS}/{task['id']}/versions/1/restore", headers=headers)

    assert restored.json["payload"] == {"word": "canary-first"}
