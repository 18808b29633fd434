"""One change of many tasks by the API: what is answered, refused, done once, and taken back."""

from typing import Any

import pytest

from entrypoints.web.api.batch import FilterBody
from entrypoints.web.api.parameters import TASK_FILTER
from tests.integration.web.dashboard import PREFIX, TASKS, Answer, Dashboard
from tests.integration.web.door import a_door, signed_in
from tests.integration.web.pages import stored
from tests.support.builders import HOUR, a_failure

BATCH = f"{TASKS}:batch"
KEY = {"Idempotency-Key": "night-shift"}


async def batch(dashboard: Dashboard, action: str, **body: Any) -> Answer:
    return await dashboard.call("POST", BATCH, {"action": action, **body})


async def test_all_that_match_are_changed_and_can_be_changed_back(dashboard: Dashboard) -> None:
    one = await dashboard.create("one", tags=["db"])
    two = await dashboard.create("two", tags=["db"], enabled=False)
    await dashboard.create("three")

    answer = await batch(dashboard, "pause", filter={"tag": "db"}, reason="upgrade")

    assert answer.status == 200
    assert answer.json == {
        "action": "pause",
        "dry_run": False,
        "total": 2,
        "counts": {"done": 1, "repeated": 0, "unchanged": 1, "refused": 0},
        "left": 0,
        "results": [
            _result(one, "done"),
            _result(two, "unchanged"),
        ],
        "ids": [one["id"]],
        "undo": {"action": "resume", "ids": [one["id"]], "versions": [2]},
    }
    assert (await dashboard.get(f"{TASKS}/{one['id']}")).json["pause"]["reason"] == "upgrade"
    undone = await dashboard.call("POST", BATCH, answer.json["undo"])
    assert undone.json["counts"]["done"] == 1
    assert (await dashboard.get(f"{TASKS}?status=paused")).json["total"] == 1


async def test_bringing_tasks_back_is_taken_back_by_what_it_answers(dashboard: Dashboard) -> None:
    ids = [(await dashboard.create(name))["id"] for name in "ab"]
    told = (await batch(dashboard, "delete", filter={}, dry_run=True)).json
    await batch(dashboard, "delete", ids=told["ids"], confirm=told["counts"]["done"])

    back = (await batch(dashboard, "undelete", filter={})).json
    again = await dashboard.call("POST", BATCH, back["undo"])

    assert (sorted(told["ids"]), back["undo"]["confirm"]) == (sorted(ids), 2)
    assert again.json["counts"]["done"] == 2


async def test_what_somebody_did_meanwhile_is_not_changed_back(dashboard: Dashboard) -> None:
    one = await dashboard.create("one")
    undo = (await batch(dashboard, "pause", ids=[one["id"]])).json["undo"]
    await dashboard.call("PATCH", f"{TASKS}/{one['id']}", {"description": "new"})

    undone = await dashboard.call("POST", BATCH, undo)

    assert [(each["outcome"], each["code"]) for each in undone.json["results"]] == [("refused", "stale_version")]


async def test_a_dry_run_shows_the_first_twenty_and_counts_all(dashboard: Dashboard) -> None:
    for number in range(25):
        await dashboard.create(f"task {number:02}", enabled=number != 3)
    before = dashboard.kept()

    told = (await batch(dashboard, "pause", filter={}, dry_run=True)).json

    assert dashboard.kept() == before
    assert (told["total"], told["counts"]["done"], told["counts"]["unchanged"]) == (25, 24, 1)
    assert [each["name"] for each in told["results"]] == [f"task {number:02}" for number in range(20)]
    assert (len(told["ids"]), told["undo"]) == (24, None)


async def test_each_item_that_is_refused_says_why_and_stops_no_other(dashboard: Dashboard) -> None:
    open_, free = await dashboard.create("open"), await dashboard.create("free")
    await dashboard.call("POST", f"{TASKS}/{open_['id']}/run")

    told = (await batch(dashboard, "run", ids=[open_["id"], "nobody", free["id"]])).json

    assert [(each["outcome"], each["code"]) for each in told["results"]] == [
        ("refused", "already_running"),
        ("refused", "task_not_found"),
        ("done", None),
    ]
    assert told["results"][2]["execution_id"]


@pytest.mark.parametrize("action", ["run", "delete"])
async def test_a_batch_sent_twice_does_nothing_twice(dashboard: Dashboard, action: str) -> None:
    confirmed = {"confirm": 3} if action == "delete" else {}
    body = {"action": action, "ids": [(await dashboard.create(name))["id"] for name in "abc"], **confirmed}
    first = await dashboard.call("POST", BATCH, body, headers=KEY)
    before = dashboard.kept()

    second = await dashboard.call("POST", BATCH, body, headers=KEY)

    assert dashboard.kept() == before
    assert (first.json["counts"]["done"], second.json["counts"]["repeated"]) == (3, 3)
    assert [each["execution_id"] for each in first.json["results"]] == [
        each["execution_id"] for each in second.json["results"]
    ]


async def test_tasks_are_tagged_moved_to_a_zone_deleted_and_brought_back_together(dashboard: Dashboard) -> None:
    ids = [(await dashboard.create(name))["id"] for name in "ab"]

    tagged = await batch(dashboard, "add_tag", value="night", ids=ids)
    moved = await batch(dashboard, "set_timezone", value="Europe/Berlin", filter={"tag": "night"})
    deleted = await batch(dashboard, "delete", ids=ids, confirm=2)
    back = await batch(dashboard, "undelete", filter={})

    assert [answer.json["counts"]["done"] for answer in (tagged, moved, deleted, back)] == [2, 2, 2, 2]
    assert tagged.json["undo"] == {"action": "remove_tag", "value": "night", "ids": ids, "versions": [2, 2]}
    assert moved.json["undo"] == {"action": "set_timezone", "value": "UTC", "ids": ids, "versions": [3, 3]}
    task = (await dashboard.get(f"{TASKS}/{ids[0]}")).json
    assert (task["tags"], task["timezone"], task["next_run_at"]) == (["night"], "Europe/Berlin", "2024-01-16T01:00:00Z")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"action": "pause"}, ("/ids", "required")),
        ({"action": "pause", "ids": ["a"], "filter": {}}, ("/ids", "required")),
        ({"action": "pause", "ids": []}, ("/ids", "invalid_value")),
        ({"action": "pause", "ids": ["a", "b"], "versions": [1]}, ("/versions", "invalid_value")),
        ({"action": "pause", "filter": {}, "versions": [1]}, ("/versions", "invalid_value")),
        ({"action": "pause", "filter": {"name": "x"}}, ("/filter/name", "unknown_field")),
        ({"action": "pause", "filter": {"status": "asleep"}}, ("/filter/status", "invalid_value")),
        ({"action": "burn", "filter": {}}, ("/action", "invalid_value")),
        ({"action": "add_tag", "filter": {}}, ("/value", "bad_identifier")),
        ({"action": "set_timezone", "value": "Mars", "filter": {}}, ("/value", "unknown_timezone")),
        ({"action": "pause", "ids": ["a"] * 5_001}, ("/ids", "invalid_value")),
        ({"action": "delete", "filter": {}, "confirm": 1}, ("/ids", "required")),
        ({"action": "delete", "ids": ["a", "b"]}, ("/confirm", "not_confirmed")),
        ({"action": "delete", "ids": ["a", "b"], "confirm": 1}, ("/confirm", "not_confirmed")),
    ],
)
async def test_a_batch_that_cannot_be_is_refused_whole(
    dashboard: Dashboard, body: dict[str, Any], fault: tuple[str, str]
) -> None:
    await dashboard.create()
    before = dashboard.kept()

    answer = await dashboard.call("POST", BATCH, body)

    assert (answer.status, answer.faults) == (422, [fault])
    assert dashboard.kept() == before


async def test_an_operator_pauses_many_but_deletes_and_edits_none() -> None:
    async with a_door() as door:
        shown = await signed_in(door, "bob")
        asked = {
            "pause": {},
            "resume": {},
            "run": {},
            "add_tag": {"value": "x"},
            "remove_tag": {"value": "x"},
            "set_timezone": {"value": "UTC"},
            "delete": {},
            "undelete": {},
        }
        answers = {
            action: await door.call("POST", BATCH, {"action": action, "filter": {}, **body}, headers=shown)
            for action, body in asked.items()
        }

    assert {action: answer.status for action, answer in answers.items()} == {
        "pause": 200, "resume": 200, "run": 200,
        "add_tag": 403, "remove_tag": 403, "set_timezone": 403, "delete": 403, "undelete": 403,
    }  # fmt: skip


def _result(task: dict[str, Any], outcome: str) -> dict[str, Any]:
    return {
        "id": task["id"],
        "name": task["name"],
        "outcome": outcome,
        "code": None,
        "detail": None,
        "execution_id": None,
    }


async def test_the_failing_can_be_listed_and_changed_alone(dashboard: Dashboard) -> None:
    failing = await stored(dashboard, name="failing", schedule="0 * * * *")
    await dashboard.create("well")
    await dashboard.store.settle(await dashboard.store.started(failing), a_failure())

    listed = (await dashboard.get(f"{TASKS}?failing=true")).json
    paused = (await batch(dashboard, "pause", filter={"failing": True})).json

    assert [task["name"] for task in listed["tasks"]] == ["failing"]
    assert paused["ids"] == [failing.id]


async def test_changing_many_takes_what_the_same_change_of_one_takes_and_the_description_says_so(
    dashboard: Dashboard,
) -> None:
    paths = (await dashboard.get(f"{PREFIX}/api/openapi.json")).json["paths"]
    of_one = {
        "add_tag": paths["/api/scheduled-tasks/{task_id}"]["patch"],
        "remove_tag": paths["/api/scheduled-tasks/{task_id}"]["patch"],
        "set_timezone": paths["/api/scheduled-tasks/{task_id}"]["patch"],
        "delete": paths["/api/scheduled-tasks/{task_id}"]["delete"],
        **{
            action: paths[f"/api/scheduled-tasks/{{task_id}}/{action}"]["post"]
            for action in ("pause", "resume", "run", "undelete")
        },
    }
    of_many = paths["/api/scheduled-tasks:batch"]["post"]

    assert of_many["x-permission-by-action"] == {action: each["x-permission"] for action, each in of_one.items()}
    assert of_many["x-permission"] == "operator"
    assert "operator; editor for add_tag, remove_tag" in (await dashboard.page(f"{PREFIX}/api")).text


def test_the_filter_of_a_batch_has_every_condition_of_the_list() -> None:
    # Which of the two lists is meant follows from the action.
    assert set(FilterBody.model_fields) == {each.name for each in TASK_FILTER} - {"deleted"}


async def test_the_late_are_listed_and_changed_together(dashboard: Dashboard) -> None:
    late = await dashboard.create("late", schedule="30 12 * * *")
    await dashboard.create("tomorrow")
    dashboard.clock.advance(HOUR)

    listed = (await dashboard.get(f"{TASKS}?late=true")).json
    changed = (await batch(dashboard, "add_tag", filter={"late": True}, value="look")).json

    assert [each["id"] for each in listed["tasks"]] == changed["ids"] == [late["id"]]
