from datetime import timedelta

import pytest

from application.scheduling.ports.execution_store import Beat, LogLine, Progress
from domain.scheduling.identifiers import TaskId
from domain.scheduling.outcome import Succeeded
from domain.scheduling.task import ScheduledTask
from tests.integration.web.dashboard import PREFIX, TASKS, Dashboard
from tests.support.builders import MINUTE, SECOND, a_failure

EXECUTIONS = f"{PREFIX}/api/executions"


async def a_stored_task(dashboard: Dashboard) -> ScheduledTask:
    document = await dashboard.create(schedule="0 * * * *")
    task = await dashboard.store.tasks.get(TaskId(document["id"]))
    assert isinstance(task, ScheduledTask)
    return task


async def test_an_execution_is_told_with_its_attempts_and_its_log(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    claim = await dashboard.store.started(task)
    line = LogLine(dashboard.clock.now(), "INFO", "half way")
    beat = Beat(claim.execution.id, claim.token, Progress(5, 10, "rows"), (line,))
    await dashboard.store.executions.heartbeat(claim.execution.worker_id or task.id, [beat])  # type: ignore[arg-type]
    dashboard.clock.advance(3 * SECOND)
    await dashboard.store.settle(claim, a_failure(retry_at=dashboard.clock.now() + MINUTE))
    dashboard.clock.advance(MINUTE)
    await dashboard.store.executions.release_due(10)
    await dashboard.store.settle(await dashboard.store.claim(), Succeeded('{"rows":10}'))

    told = (await dashboard.get(f"{EXECUTIONS}/{claim.execution.id}")).json

    assert (told["state"], told["starts"], told["attempts_used"]) == ("succeeded", 2, 1)
    assert told["result"] == {"rows": 10}
    assert [each["outcome"] for each in told["attempts"]] == ["failed", "succeeded"]
    assert told["attempts"][0]["error"] == {"kind": "RuntimeError", "text": "it broke"}
    assert told["log"] == [{"at": "2024-01-15T13:00:00Z", "level": "INFO", "text": "half way"}]


async def test_a_log_is_followed_from_where_it_was_left_until_it_is_over(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    claim = await dashboard.store.started(task)
    log = tuple(LogLine(dashboard.clock.now(), "info", text) for text in ("one", "two", "three"))
    path = f"{EXECUTIONS}/{claim.execution.id}/log"
    await dashboard.store.executions.heartbeat(task.id, [Beat(claim.execution.id, claim.token, None, log)])  # type: ignore[arg-type]

    first = (await dashboard.get(f"{path}?limit=2")).json
    second = (await dashboard.get(f"{path}?after={first['next']}")).json
    await dashboard.store.settle(claim)
    last = (await dashboard.get(f"{path}?after={second['next']}")).json

    assert [each["text"] for each in first["lines"]] == ["one", "two"]
    assert [each["text"] for each in second["lines"]] == ["three"]
    assert (last["lines"], last["next"]) == ([], 3)
    assert [each["is_final"] for each in (first, second, last)] == [False, False, True]


async def test_lines_behind_the_end_of_a_log_are_none(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    claim = await dashboard.store.started(task)

    told = (await dashboard.get(f"{EXECUTIONS}/{claim.execution.id}/log?after=999999")).json

    assert (told["lines"], told["next"], told["is_final"]) == ([], 999999, False)


async def test_lists_are_newest_first_and_filter_by_state(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    first = await dashboard.store.started(task)
    await dashboard.store.settle(first)
    second = await dashboard.store.started(task)

    everything = (await dashboard.get(EXECUTIONS)).json["executions"]
    running = (await dashboard.get(f"{EXECUTIONS}?state=running,pending")).json["executions"]
    of_task = (await dashboard.get(f"{TASKS}/{task.id}/executions?limit=1")).json

    assert [each["id"] for each in everything] == [second.execution.id, first.execution.id]
    assert [each["id"] for each in running] == [second.execution.id]
    assert [each["id"] for each in of_task["executions"]] == [second.execution.id]
    following = (await dashboard.get(f"{TASKS}/{task.id}/executions?cursor={of_task['next_cursor']}")).json
    assert [each["id"] for each in following["executions"]] == [first.execution.id]


async def test_cancelling_tells_what_became_of_it(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    run = (await dashboard.call("POST", f"{TASKS}/{task.id}/run")).json["execution_id"]
    claim = await dashboard.store.claim()

    running = await dashboard.call("POST", f"{EXECUTIONS}/{run}/cancel", {"reason": "wrong day"})
    await dashboard.store.settle(claim)
    ended = await dashboard.call("POST", f"{EXECUTIONS}/{run}/cancel")

    assert (running.json["state"], running.json["message"]) == ("running", "Execution asked to stop")
    assert (ended.json["state"], ended.json["message"]) == (
        "succeeded",
        "Nothing to cancel: the execution ended before (succeeded)",
    )


async def test_a_pending_execution_is_cancelled_at_once(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    run = (await dashboard.call("POST", f"{TASKS}/{task.id}/run")).json["execution_id"]

    await dashboard.call("POST", f"{EXECUTIONS}/{run}/cancel", {"reason": "wrong day"})

    told = (await dashboard.get(f"{EXECUTIONS}/{run}")).json
    assert told["state"] == "cancelled"
    assert told["cancel"] == {"at": "2024-01-15T12:00:00Z", "by": "local", "reason": "wrong day"}


async def test_what_was_cancelled_before_is_told_so(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    run = await dashboard.call("POST", f"{TASKS}/{task['id']}/run")
    path = f"{EXECUTIONS}/{run.json['execution_id']}/cancel"

    first, second = [(await dashboard.call("POST", path)).json["message"] for _ in range(2)]

    assert (first, second) == (
        "Execution cancelled",
        "Nothing to cancel: the execution ended before (cancelled)",
    )


async def test_what_is_not_there_is_not_found(dashboard: Dashboard) -> None:
    answers = [
        await dashboard.get(f"{EXECUTIONS}/nope"),
        await dashboard.call("POST", f"{EXECUTIONS}/nope/cancel"),
        await dashboard.get(f"{TASKS}/nope/executions"),
        await dashboard.get(f"{TASKS}/nope/upcoming"),
    ]

    assert [answer.status for answer in answers] == [404] * 4
    assert [answer.json["error"] for answer in answers] == ["Execution not found"] * 2 + ["Task not found"] * 2


async def test_an_outage_is_told_with_when_to_come_back(dashboard: Dashboard) -> None:
    await dashboard.store.cut_off()

    answer = await dashboard.get(TASKS)

    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.json["type"].endswith("/problems/store_unavailable")
    assert "memory" not in answer.text


async def test_a_task_whose_record_cannot_be_read_says_so_and_no_more(dashboard: Dashboard) -> None:
    task = await a_stored_task(dashboard)
    await dashboard.store.spoil(task.id)

    answer = await dashboard.get(f"{TASKS}/{task.id}")

    assert answer.status == 500
    assert answer.json["type"].endswith("/problems/task_unreadable")
    assert "spoilt" not in answer.text
    assert (await dashboard.get(TASKS)).status == 200


async def test_an_hour_without_workers_shows(dashboard: Dashboard) -> None:
    await dashboard.create(schedule="0 * * * *")
    dashboard.clock.advance(timedelta(hours=2))

    health = await dashboard.get(f"{PREFIX}/api/health")

    assert health.status == 503
    assert health.json["overdue_since"] == "2024-01-15T13:00:00Z"
    assert len(health.json["problems"]) == 3


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", ["2024-01-15T14:00:00Z", "2024-01-15T13:00:00Z"]),
        ("?since=2024-01-15T14:00", ["2024-01-15T14:00:00Z"]),
        ("?until=2024-01-15T15:00%2B01:00", ["2024-01-15T13:00:00Z"]),
        ("?since=2024-01-15T13:00:01Z&until=2024-01-15T14:00Z", []),
    ],
)
async def test_executions_are_listed_between_two_instants(dashboard: Dashboard, query: str, listed: list[str]) -> None:
    task = await a_stored_task(dashboard)
    for _ in range(2):
        await dashboard.store.settle(await dashboard.store.started(task))

    for path in (EXECUTIONS, f"{TASKS}/{task.id}/executions"):
        found = (await dashboard.get(path + query)).json["executions"]
        assert [each["nominal_at"] for each in found] == listed


@pytest.mark.parametrize("query", ["since=yesterday", "until=1e9"])
async def test_a_time_that_is_none_is_refused(dashboard: Dashboard, query: str) -> None:
    answer = await dashboard.get(f"{EXECUTIONS}?{query}")

    assert (answer.status, answer.json["errors"][0]["code"]) == (400, "bad_instant")
