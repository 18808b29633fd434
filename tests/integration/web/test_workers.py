"""Who works here, as page and API."""

from application.scheduling.ports.membership import HandlerSpec, Member
from domain.scheduling.identifiers import NodeId
from tests.conformance.store_under_test import OTHER_WORKER, WORKER
from tests.integration.web.dashboard import PREFIX, Dashboard

PAGE = f"{PREFIX}/workers"
API = f"{PREFIX}/api/workers"
SEND = HandlerSpec("mail", "send", "sends <all> of it")


async def _announce(
    dashboard: Dashboard, node_id: NodeId, role: str, *handlers: HandlerSpec, concurrency: int = 0
) -> None:
    now = dashboard.clock.now()
    await dashboard.stores.membership.announce(
        Member(node_id, frozenset({role}), "host-a", 4711, now, handlers, concurrency)
    )


async def _everybody(dashboard: Dashboard) -> str:
    """A scheduler, a worker that runs something, one that has handed over, one apart; the execution that runs."""
    await _announce(dashboard, NodeId("scheduler-a"), "scheduler")
    await _announce(dashboard, WORKER, "worker", SEND, concurrency=5)
    await _announce(dashboard, OTHER_WORKER, "worker")
    await _announce(dashboard, NodeId("worker-c"), "isolation", concurrency=1)
    task = await dashboard.create("newsletter", task_type="mail", handler="send")
    await dashboard.call("POST", f"{PREFIX}/api/scheduled-tasks/{task['id']}/run")
    return (await dashboard.store.claim()).execution.id


async def test_the_api_tells_who_is_here_for_what_and_what_each_runs(dashboard: Dashboard) -> None:
    execution_id = await _everybody(dashboard)

    team = (await dashboard.get(API)).json

    assert [(each["node_id"], each["duty"]) for each in team["workers"]] == [
        ("scheduler-a", "scheduling"),
        ("worker-a", "working"),
        ("worker-b", "leaving"),
        ("worker-c", "isolating"),
    ]
    assert [[run["id"] for run in each["running"]] for each in team["workers"]] == [[], [execution_id], [], []]
    assert team["workers"][1]["handlers"] == [{"task_type": "mail", "name": "send"}]
    assert (team["orphans"], team["unserved"]) == ([], [])


async def test_what_runs_under_nobody_who_is_here_is_told(dashboard: Dashboard) -> None:
    execution_id = await _everybody(dashboard)
    await dashboard.stores.membership.leave(WORKER)

    team = (await dashboard.get(API)).json

    assert [each["id"] for each in team["orphans"]] == [execution_id]
    assert team["unserved"] == [{"task_type": "mail", "name": "send", "tasks": 1}]
    assert "Running without a worker" in (await dashboard.page(PAGE)).text


async def test_the_page_says_what_each_does(dashboard: Dashboard) -> None:
    execution_id = await _everybody(dashboard)

    page = (await dashboard.page(PAGE)).text

    for told in (
        "3 workers",
        "1 scheduler",
        "has handed over",
        "may be killing workers",
        "1 of 5",
        "host-a",
        "pid 4711",
    ):
        assert told in page
    assert f'<a class="name" href="{PREFIX}/executions/{execution_id}">newsletter</a>' in page
    assert "sends &lt;all&gt; of it" in page
    assert "Nobody can run these" not in page


async def test_a_handler_nobody_has_announced_is_told_with_the_tasks_that_ask_for_it(dashboard: Dashboard) -> None:
    await dashboard.create("<script>x</script>", task_type="mail")

    page = (await dashboard.page(PAGE)).text

    assert "Nobody can run these" in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page


async def test_without_a_worker_the_page_says_how_to_start_one(dashboard: Dashboard) -> None:
    page = (await dashboard.page(PAGE)).text

    assert "No worker is here" in page
    assert "python -m entrypoints.scheduler --roles scheduler,admin,worker" in page


async def test_a_process_that_only_serves_the_pages_is_counted_as_no_scheduler(dashboard: Dashboard) -> None:
    await _announce(dashboard, NodeId("scheduler-a"), "scheduler")
    await _announce(dashboard, NodeId("admin-a"), "admin")

    assert "<caption>1 scheduler and 1 dashboard</caption>" in (await dashboard.page(PAGE)).text
