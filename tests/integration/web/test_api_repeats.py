"""Asking twice, and asking on what is no longer so."""

import asyncio

import pytest

from tests.integration.web.dashboard import TASKS, Dashboard, a_body
from tests.integration.web.door import a_door, signed_in

KEY = {"Idempotency-Key": "order-4711"}


async def test_creating_twice_with_one_key_makes_one_task(dashboard: Dashboard) -> None:
    first = await dashboard.call("POST", TASKS, a_body(), headers=KEY)
    second = await dashboard.call("POST", TASKS, a_body(), headers=KEY)

    assert (first.status, second.status) == (201, 201)
    assert first.json["id"] == second.json["id"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert (await dashboard.get(TASKS)).json["total"] == 1


async def test_a_key_names_one_request_for_ever(dashboard: Dashboard) -> None:
    await dashboard.call("POST", TASKS, a_body(), headers=KEY)

    other_body = await dashboard.call("POST", TASKS, a_body(name="other"), headers=KEY)

    assert other_body.status == 422
    assert other_body.json["type"].endswith("/problems/idempotency_key_reused")
    assert (await dashboard.get(TASKS)).json["total"] == 1


async def test_a_key_does_not_reach_from_one_task_to_another(dashboard: Dashboard) -> None:
    one, other = await dashboard.create("one"), await dashboard.create("other")
    await dashboard.call("POST", f"{TASKS}/{one['id']}/run", headers=KEY)

    answer = await dashboard.call("POST", f"{TASKS}/{other['id']}/run", headers=KEY)

    assert answer.status == 422


async def test_a_clients_key_cannot_take_the_place_of_one_of_ours(dashboard: Dashboard) -> None:
    await dashboard.call("POST", TASKS, a_body(), headers={"Idempotency-Key": "default:cleanup_old_activities"})

    assert "default:cleanup_old_activities" not in dashboard.stores.state.changes_by_key


async def test_two_people_who_choose_the_same_key_ask_for_two_things() -> None:
    async with a_door() as door:
        people = [await signed_in(door, "ana"), await signed_in(door, "bob")]
        door.session.cookie_jar.clear()
        task = await door.call("POST", TASKS, a_body(), headers=people[0])
        path = f"{TASKS}/{task.json['id']}/run"

        answers = []
        for who in (*people, *people):
            door.session.cookie_jar.clear()
            answers.append(await door.call("POST", path, {"overlap": "allow"}, headers={**who, **KEY}))

        runs = [answer.json["execution_id"] for answer in answers]
        assert [answer.status for answer in answers] == [202] * 4
        assert (runs[0], runs[1]) == (runs[2], runs[3])
        assert runs[0] != runs[1]


@pytest.mark.parametrize("key", ["", "k" * 201, "tab\there", "k" * 10_000], ids=len)
async def test_a_key_is_short_and_printable(dashboard: Dashboard, key: str) -> None:
    before = dashboard.kept()

    answer = await dashboard.call("POST", TASKS, a_body(), headers={"Idempotency-Key": key})

    assert answer.status == 400
    assert dashboard.kept() == before


async def test_a_hundred_runs_at_once_with_one_key_are_one_run(dashboard: Dashboard) -> None:
    task = await dashboard.create()

    async with asyncio.TaskGroup() as clients:
        sent = [
            clients.create_task(dashboard.call("POST", f"{TASKS}/{task['id']}/run", headers=KEY)) for _ in range(100)
        ]

    answers = [each.result() for each in sent]
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["execution_id"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert (await dashboard.get(f"{TASKS}/{task['id']}")).json["run_count"] == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_stale_version_is_refused_with_the_present_one(dashboard: Dashboard, method: str) -> None:
    task = await dashboard.create()
    await dashboard.call("PATCH", f"{TASKS}/{task['id']}", {"description": "newer"})
    before = dashboard.kept()

    body = None if method == "DELETE" else a_body(description="older")
    answer = await dashboard.call(method, f"{TASKS}/{task['id']}", body, headers={"If-Match": '"1"'})

    assert answer.status == 412
    assert answer.headers["ETag"] == '"2"'
    assert answer.json["version"] == 2
    assert answer.json["detail"] == "you named version 1, and the task is at version 2"
    assert dashboard.kept() == before


@pytest.mark.parametrize("tag", ['"1"', "*"])
async def test_the_present_version_and_the_star_match(dashboard: Dashboard, tag: str) -> None:
    task = await dashboard.create()

    body = a_body(description="another")
    answer = await dashboard.call("PUT", f"{TASKS}/{task['id']}", body, headers={"If-Match": tag})

    assert answer.status == 200
    assert answer.headers["ETag"] == '"2"'


@pytest.mark.parametrize("tag", ["1", 'W/"1"', '"1", "2"', '"one"', '"' + "9" * 30 + '"'])
async def test_what_is_no_entity_tag_of_ours_is_refused(dashboard: Dashboard, tag: str) -> None:
    task = await dashboard.create()

    answer = await dashboard.call("PUT", f"{TASKS}/{task['id']}", a_body(), headers={"If-Match": tag})

    assert answer.status == 400
    assert answer.json["errors"][0]["header"] == "If-Match"


async def test_two_patches_at_once_both_arrive_or_one_is_told(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    path = f"{TASKS}/{task['id']}"

    async with asyncio.TaskGroup() as clients:
        sent = [
            clients.create_task(dashboard.call("PATCH", path, {"payload": {name: 1}}, headers={"If-Match": '"1"'}))
            for name in ("a", "b")
        ]

    assert sorted(each.result().status for each in sent) == [200, 412]
