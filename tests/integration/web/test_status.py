from datetime import timedelta

import pytest

from application.scheduling.ports.membership import HandlerSpec, Member
from domain.scheduling.identifiers import NodeId
from tests.integration.web.dashboard import PREFIX, TASKS, Dashboard
from tests.support.builders import HOURLY, a_definition, a_failure


async def announce(dashboard: Dashboard, *roles: str) -> None:
    specs = (HandlerSpec("maintenance", None),) if "worker" in roles else ()
    member = Member(NodeId("node-1"), frozenset(roles), "host", 7, dashboard.clock.now(), specs, 5)
    await dashboard.stores.membership.announce(member)


@pytest.mark.parametrize("path", ["/api/stats", "/api/scheduler/stats"])
async def test_statistics_have_the_shape_of_the_guide(dashboard: Dashboard, path: str) -> None:
    task = await dashboard.create("cleanup")
    paused = await dashboard.create("paused", task_type="mail")
    await dashboard.call("POST", f"{TASKS}/{paused['id']}/pause")
    await dashboard.call("POST", f"{TASKS}/{task['id']}/run")

    told = (await dashboard.get(f"{PREFIX}{path}")).json

    assert {name: told[name] for name in told if name.endswith("_tasks") and name != "upcoming_tasks"} == {
        "total_tasks": 2, "active_tasks": 1, "paused_tasks": 1, "failed_tasks": 0, "completed_tasks": 0,
    }  # fmt: skip
    assert told["tasks_by_type"] == {"maintenance": 1, "mail": 1}
    assert told["upcoming_tasks"] == [
        {"id": task["id"], "name": "cleanup", "type": "maintenance", "next_run": "2024-01-16T02:00:00Z"}
    ]
    assert told["recent_executions"] == [
        {
            "id": task["id"],
            "name": "cleanup",
            "type": "maintenance",
            "last_run": "2024-01-15T12:00:00Z",
            "status": "active",
            "run_count": 1,
        }
    ]
    assert told["open_executions"] == {"pending": 1}
    assert told["executions"][0]["kind"] == "manual"


async def test_statistics_tell_what_deserves_attention_and_how_the_week_went(dashboard: Dashboard) -> None:
    task = await dashboard.store.add(a_definition(schedule=HOURLY))
    claim = await dashboard.store.started(task)
    dashboard.clock.advance(timedelta(seconds=3))
    await dashboard.store.settle(claim, a_failure())
    await dashboard.store.run_now(await dashboard.store.read(task), key="again")

    told = (await dashboard.get(f"{PREFIX}/api/stats")).json

    assert told["attention"] == {
        "failing": 1, "late": 0, "dead_letters": 1, "oldest_pending_at": "2024-01-15T13:00:03Z",
    }  # fmt: skip
    assert told["types_7d"] == [
        {"task_type": "mail", "ended": {"dead": 1}, "p50_at_most": "PT5S", "p95_at_most": "PT5S"}
    ]
    assert told["finished_24h"] == {"dead": 1}


async def test_it_is_healthy_while_scheduler_and_worker_are_here(dashboard: Dashboard) -> None:
    await announce(dashboard, "scheduler", "worker")

    health = await dashboard.get(f"{PREFIX}/api/health")

    assert health.status == 200
    assert (health.json["status"], health.json["problems"]) == ("healthy", [])


async def test_a_warning_goes_when_a_worker_knows_the_type(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    before = (await dashboard.get(f"{TASKS}/{task['id']}")).json["warnings"]
    await announce(dashboard, "worker")
    after = (await dashboard.get(f"{TASKS}/{task['id']}")).json["warnings"]

    assert (before, after) == (["no_worker"], [])


async def test_it_lives_whatever_the_store_does(dashboard: Dashboard) -> None:
    await dashboard.store.cut_off()

    assert (await dashboard.get("/health/live")).status == 200


async def test_it_is_ready_only_while_loops_run_and_the_store_answers(dashboard: Dashboard) -> None:
    ready = await dashboard.get("/health/ready")
    dashboard.loops.running = False
    stopped = await dashboard.get("/health/ready")
    await dashboard.store.cut_off()
    cut_off = await dashboard.get("/health/ready")

    assert (ready.status, ready.json["problems"]) == (200, [])
    assert (stopped.status, len(stopped.json["problems"])) == (503, 1)
    assert (cut_off.status, len(cut_off.json["problems"])) == (503, 2)
