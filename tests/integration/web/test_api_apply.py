"""Files of tasks by the API: what is exported comes back as it was, and what is bad does nothing."""

import json
from typing import Any

import pytest

from entrypoints.web.app import WebSettings
from tests.integration.web.dashboard import JSON, PREFIX, TASKS, Answer, Dashboard, serving

APPLY, EXPORT = f"{PREFIX}/api/apply", f"{PREFIX}/api/export"
YAML = {"Content-Type": "application/yaml"}
FILE = """\
apiVersion: scheduler/v1
tasks:
  nightly: {schedule: {cron: "30 2 * * 1-5"}, task_type: billing, payload: {mode: full}}
  pulse: {schedule: {every: 15m}, task_type: billing}
"""
NAMES = [
    "plain",
    "<script>alert(1)</script>",
    "يوم RTL",
    "no: 'yaml' # here",
    "- x",
    "émoji 🥧",
    "1.0",
    "null",
    "a/b~c",
]


async def _apply(dashboard: Dashboard, text: str, query: str = "") -> Answer:
    return await dashboard.call("POST", f"{APPLY}{query}", raw=text.encode(), headers=YAML)


def _outcomes(answer: Answer) -> dict[str, str]:
    return {item["name"]: item["outcome"] for item in answer.json["results"]}


async def _everything(dashboard: Dashboard) -> Any:
    return (await dashboard.get(f"{EXPORT}?format=json")).json


@pytest.mark.parametrize("written", ["yaml", "json"])
async def test_what_is_exported_and_applied_elsewhere_says_the_same(dashboard: Dashboard, written: str) -> None:
    for name in NAMES:
        await dashboard.create(name=name, payload={"": [{"a": 1}], "null": None, "text": "two\nlines\x85"}, tags=["x"])
    await dashboard.create(name="every", schedule_type="interval", schedule="90m", policy={"jitter": "30s"})
    once = await dashboard.create(name="once", schedule_type="one_time", schedule="2099-12-24T18:00:00")
    await dashboard.call("POST", f"{TASKS}/{once['id']}/pause")
    file = (await dashboard.get(f"{EXPORT}?format={written}")).text
    headers = YAML if written == "yaml" else JSON

    here = await dashboard.call("POST", APPLY, raw=file.encode(), headers=headers)
    async with serving(WebSettings()) as other:
        there = await other.call("POST", APPLY, raw=file.encode(), headers=headers)

        assert set(_outcomes(there).values()) == {"created"}, there.text
        assert await _everything(other) == await _everything(dashboard)
    assert set(_outcomes(here).values()) == {"unchanged"}
    assert here.json["drifting"] == 0


async def test_a_dry_run_tells_and_stores_nothing_and_the_second_application_changes_nothing(
    dashboard: Dashboard,
) -> None:
    tried = await _apply(dashboard, FILE, "?dry_run=true&manager=billing-repo")
    empty = dashboard.kept()
    done = await _apply(dashboard, FILE, "?manager=billing-repo")
    kept = dashboard.kept()
    again = await _apply(dashboard, FILE, "?manager=billing-repo")

    assert (tried.json["dry_run"], _outcomes(tried)) == (True, {"nightly": "created", "pulse": "created"})
    assert "nightly" not in empty
    assert [each["version"] for each in done.json["results"]] == [1, 1]
    assert set(_outcomes(again).values()) == {"unchanged"}
    assert dashboard.kept() == kept
    change = (await dashboard.get(f"{PREFIX}/api/audit")).json["entries"][0]["change"]
    assert (change["by"], change["via"], change["reason"]) == ("local", "api", "the file of billing-repo")


async def test_differences_and_drift_are_told(dashboard: Dashboard) -> None:
    task = await dashboard.create(name="nightly", task_type="billing", description="by hand")

    (told, _) = (await _apply(dashboard, FILE, "?dry_run=true")).json["results"]

    assert (told["outcome"], told["id"], told["version"]) == ("changed", task["id"], 1)
    assert {each["pointer"] for each in told["differences"]} == {"/schedule", "/payload/mode"}
    assert [(each["pointer"], each["after"]) for each in told["drift"]] == [("/description", "by hand")]


async def test_pruning_is_refused_beyond_the_limit_and_told_in_a_dry_run(dashboard: Dashboard) -> None:
    await _apply(dashboard, FILE, "?manager=m")
    without = FILE[: FILE.index("  pulse")]

    tried = await _apply(dashboard, without, "?manager=m&prune=true&dry_run=true")
    refused = await _apply(dashboard, without, "?manager=m&prune=true")
    nobody = await _apply(dashboard, without, "?prune=true")
    done = await _apply(dashboard, without, "?manager=m&prune=true&prune_limit=50")

    assert (tried.json["refusal"]["code"], _outcomes(tried)["pulse"]) == ("prunes_too_many", "pruned")
    assert (refused.status, refused.faults) == (422, [("/prune_limit", "prunes_too_many")])
    assert (nobody.status, nobody.faults) == (422, [("/manager", "required")])
    assert (done.json["refusal"], _outcomes(done)) == (None, {"nightly": "unchanged", "pulse": "pruned"})
    assert (await dashboard.get(f"{TASKS}?deleted=true")).json["total"] == 1


@pytest.mark.parametrize(
    ("text", "headers", "status", "faults"),
    [
        (FILE.replace("30 2", "61 2"), YAML, 422, [("/tasks/nightly/schedule/cron", "out_of_range")]),
        (FILE.replace("15m", "0m"), YAML, 422, [("/tasks/pulse/schedule/every", "out_of_range")]),
        ("a: &a [x]\nb: [*a, *a]", YAML, 422, [("", "alias")]),
        ("x: !!python/object/apply:os.system [true]", YAML, 422, [("", "tag")]),
        ("[" * 100_000, YAML, 422, [("", "too_deep")]),
        ("a: 1\na: 2", YAML, 422, [("", "duplicate_key")]),
        ("{", JSON, 400, [("", "malformed_json")]),
        (json.dumps({"apiVersion": "scheduler/v1", "tasks": {"a": {"status": "x"}}}), JSON, 422,
         [("/tasks/a/status", "unknown_field"), ("/tasks/a/task_type", "required"), ("/tasks/a/schedule", "required")]),
        (FILE, {"Content-Type": "text/plain"}, 415, []),
    ],
    ids=lambda part: f"{part!r:.30}",
)  # fmt: skip
async def test_a_bad_file_does_nothing_and_tells_every_place(
    dashboard: Dashboard, text: str, headers: dict[str, str], status: int, faults: list[tuple[str, str]]
) -> None:
    before = dashboard.kept()

    answer = await dashboard.call("POST", APPLY, raw=text.encode(), headers=headers)

    assert answer.status == status, answer.text
    if faults:
        assert sorted(answer.faults) == sorted(faults)
    assert dashboard.kept() == before
