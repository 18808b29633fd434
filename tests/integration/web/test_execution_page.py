"""The page of an execution: its course with the waits named, its log, and being stopped or run again."""

from datetime import timedelta

import pytest

from application.scheduling.ports.execution_store import Beat, LogLine, Progress
from domain.access.role import Role
from domain.scheduling.execution import ErrorReport
from domain.scheduling.identifiers import NodeId
from domain.scheduling.outcome import Failed, Succeeded
from domain.scheduling.retry import GiveUp, RetryAt
from tests.integration.web.dashboard import PAGE, PREFIX, TASKS, Dashboard
from tests.integration.web.door import a_door, signed_in
from tests.integration.web.pages import CANARIES, Elements, assert_harmless, died, stored, words
from tests.support.accounts import TESTER
from tests.support.builders import MINUTE, SECOND

EXECUTIONS = f"{PREFIX}/executions"


async def test_its_course_names_every_wait(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *")
    await dashboard.store.fired(task)
    dashboard.clock.advance(3 * SECOND)
    claim = await dashboard.store.claim()
    dashboard.clock.advance(7 * SECOND)
    failure = Failed(ErrorReport("OSError", "gone"), RetryAt(dashboard.clock.now() + MINUTE))
    await dashboard.store.settle(claim, failure)
    dashboard.clock.advance(MINUTE)
    await dashboard.store.executions.release_due(10)
    again = await dashboard.store.claim(NodeId("worker-b"))
    dashboard.clock.advance(2 * SECOND)
    await dashboard.store.settle(again)

    html = (await dashboard.page(f"{EXECUTIONS}/{claim.execution.id}")).text
    page = words(html)

    assert "Due Mon 2024-01-15 13:00:00 UTC Dispatched Mon 2024-01-15 13:00:00 UTC Waited 3 s for a worker" in page
    assert "Start 1 Mon 2024-01-15 13:00:03 UTC on worker-a failed after 7 s OSError: gone gone" in page
    assert "Waited 1 min to be tried again Start 2 Mon 2024-01-15 13:01:10 UTC on worker-b succeeded after 2 s" in page
    assert "Ended Mon 2024-01-15 13:01:12 UTC: succeeded" in page
    assert Elements(html).all("svg", **{"class": "spans"})


async def test_progress_and_log_are_there_while_it_runs(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *")
    claim = await dashboard.store.started(task)
    line = LogLine(dashboard.clock.now(), "WARNING", "slow <b>answer</b>")
    beat = Beat(claim.execution.id, claim.token, Progress(5, 10, "rows"), (line,))
    await dashboard.store.executions.heartbeat(NodeId("worker-a"), [beat])
    dashboard.clock.advance(timedelta(seconds=90))

    html = (await dashboard.page(f"{EXECUTIONS}/{claim.execution.id}")).text
    page = words(html)

    assert "Execution Running" in page
    assert "on worker-a running for 1 min 30 s" in page
    assert "5 of 10 · rows" in page
    assert "13:00:00.000 WARNING slow <b>answer</b>" in page
    assert "It is cancelled as soon as its handler heeds that." in page
    assert Elements(html).all("progress", max="10", value="5")
    assert Elements(html).all("section", id="log", **{"data-executions": claim.execution.id})


async def test_what_would_turn_a_line_round_is_shown_and_sent_again_as_it_is(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", payload={"file": "a\u202eb"}, description="c\u2066d")
    claim = await dashboard.store.started(task)
    beat = Beat(claim.execution.id, claim.token, None, (LogLine(dashboard.clock.now(), "INFO", "read e\u202ef"),))
    await dashboard.store.executions.heartbeat(NodeId("worker-a"), [beat])
    await dashboard.store.settle(claim, Failed(ErrorReport("OSError", "no g\u202eh"), GiveUp()))

    html = (await dashboard.page(f"{EXECUTIONS}/{claim.execution.id}")).text
    edit = (await dashboard.page(f"{PAGE}/{task.id}/edit")).text

    assert all(f"{before}\\u202e{after}" in html for before, after in ("ab", "ef", "gh"))
    shown = [each for each in html.splitlines() if "\u202e" in each]
    assert all("<input" in each for each in shown)
    assert "c\u2066d</textarea>" in edit


async def test_numbers_of_payload_and_result_are_shown_exactly(dashboard: Dashboard) -> None:
    task = await stored(dashboard, payload={"id": 1})
    await dashboard.form(f"{PAGE}/{task.id}/run", "token=t&payload=%7B%22id%22%3A+9007199254740993%7D")
    claim = await dashboard.store.claim()
    await dashboard.store.settle(claim, Succeeded('{"last":9223372036854775807}'))

    page = words((await dashboard.page(f"{EXECUTIONS}/{claim.execution.id}")).text)

    assert 'Given for this run alone. { "id": 9007199254740993 }' in page
    assert 'Result { "last": 9223372036854775807 }' in page


async def test_the_payload_is_that_of_the_version_it_ran(dashboard: Dashboard) -> None:
    task = await stored(dashboard, payload={"days": 1}, schedule="0 * * * *")
    claim = await dashboard.store.started(task)
    path = f"{EXECUTIONS}/{claim.execution.id}"
    present = words((await dashboard.page(path)).text)
    await dashboard.call("PATCH", f"{TASKS}/{task.id}", {"payload": {"days": 2}})

    later = Elements((await dashboard.page(path)).text)

    assert 'Payload of this run { "days": 1 }' in present
    assert "That of version 1 of the task." in " ".join(later.text.split())
    assert f"{PAGE}/{task.id}/versions/1" in later.links


async def test_a_dead_one_is_run_again_once(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", max_retries=0)
    claim = await died(dashboard, task)
    path = f"{EXECUTIONS}/{claim.execution.id}"

    first = await dashboard.form(f"{path}/redrive", "reason=mended")
    again = await dashboard.form(f"{path}/redrive", "reason=mended")

    assert first.status == again.status == 303
    assert first.headers["Location"].endswith("?notice=redriven")
    assert again.headers["Location"] == first.headers["Location"].replace("redriven", "already_redriven")
    place = Elements((await dashboard.page(first.headers["Location"])).text)
    assert "It takes the place of a dead execution." in " ".join(place.text.split())
    assert path in place.links
    dead = (await dashboard.page(path)).text
    assert "It was run again: the execution in its place." in words(dead)
    assert not Elements(dead).all("form", action=f"{path}/redrive")


async def test_a_redrive_beside_an_open_one_comes_back_with_what_helps(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", max_retries=0)
    claim = await died(dashboard, task)
    await dashboard.form(f"{PAGE}/{task.id}/run", "token=t")
    path = f"{EXECUTIONS}/{claim.execution.id}/redrive"

    refused = await dashboard.form(path, "reason=now")
    beside = await dashboard.form(path, "reason=now&overlap=allow")

    assert refused.status == 409
    assert "An execution of this task is still open" in words(refused.text)
    assert 'value="now"' in refused.text
    assert beside.status == 303


async def test_one_that_ended_well_is_run_once_more_with_the_same_payload(dashboard: Dashboard) -> None:
    task = await stored(dashboard)
    await dashboard.form(f"{PAGE}/{task.id}/run", "token=t&payload=%7B%22days%22%3A7%7D")
    claim = await dashboard.store.claim()
    await dashboard.store.settle(claim)

    page = Elements((await dashboard.page(f"{EXECUTIONS}/{claim.execution.id}")).text)

    assert page.all("form", action=f"{PAGE}/{task.id}/run")
    assert page.all("input", name="payload", value='{"days":7}')


async def test_it_can_be_stopped_with_a_reason(dashboard: Dashboard) -> None:
    task = await stored(dashboard)
    await dashboard.form(f"{PAGE}/{task.id}/run", "token=t")
    (execution_id,) = dashboard.stores.state.executions

    answer = await dashboard.form(f"{EXECUTIONS}/{execution_id}/cancel", "reason=wrong+day")

    assert answer.headers["Location"] == f"{EXECUTIONS}/{execution_id}?notice=cancelled"
    page = words((await dashboard.page(answer.headers["Location"])).text)
    assert "Cancelled by local now: wrong day." in page


async def test_the_execution_of_a_deleted_task_has_its_page(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", max_retries=0)
    claim = await died(dashboard, task)
    await dashboard.store.deleted(await dashboard.store.read(task))

    answer = await dashboard.page(f"{EXECUTIONS}/{claim.execution.id}")
    refused = await dashboard.form(f"{EXECUTIONS}/{claim.execution.id}/redrive")

    assert answer.status == 200
    assert "Its task is gone, so it cannot be run again." in words(answer.text)
    assert refused.status == 404


@pytest.mark.parametrize("verb", ["cancel", "redrive"])
@pytest.mark.parametrize("execution_id", ["nope", "0" * 32, "a b", "%00"])
async def test_what_is_not_there_is_not_found(dashboard: Dashboard, verb: str, execution_id: str) -> None:
    assert (await dashboard.page(f"{EXECUTIONS}/{execution_id}")).status == 404
    assert (await dashboard.form(f"{EXECUTIONS}/{execution_id}/{verb}")).status == 404


async def test_a_live_one_is_not_redriven(dashboard: Dashboard) -> None:
    task = await stored(dashboard)
    await dashboard.form(f"{PAGE}/{task.id}/run", "token=t")
    (execution_id,) = dashboard.stores.state.executions

    answer = await dashboard.form(f"{EXECUTIONS}/{execution_id}/redrive")

    assert (answer.status, len(dashboard.stores.state.executions)) == (409, 1)


async def test_a_viewer_sees_it_without_buttons() -> None:
    async with a_door() as door:
        task = await door.store.add()
        claim = await door.store.started(task)
        await door.store.settle(claim, Failed(ErrorReport("E", "e"), GiveUp()))
        await door.stores.access.change_user("bob", role=Role.VIEWER, by=TESTER)
        headers = {"Accept": "text/html", **await signed_in(door, "bob")}

        html = (await door.call("GET", f"{EXECUTIONS}/{claim.execution.id}", headers=headers)).text
        sent = await door.call("POST", f"{EXECUTIONS}/{claim.execution.id}/redrive", headers=headers)

    assert "An operator can stop it or run it again." in words(html)
    assert not [each for each in Elements(html).all("form") if "/executions/" in each["action"]]
    assert sent.status == 403


@pytest.mark.parametrize("canary", CANARIES)
async def test_what_people_wrote_is_text(dashboard: Dashboard, canary: str) -> None:
    task = await stored(dashboard, name=canary, schedule="0 * * * *", max_retries=0)
    claim = await dashboard.store.started(task)
    line = LogLine(dashboard.clock.now(), canary, canary)
    beat = Beat(claim.execution.id, claim.token, Progress(1, 2, canary), (line,))
    await dashboard.store.executions.heartbeat(NodeId("worker-a"), [beat])
    running = (await dashboard.page(f"{EXECUTIONS}/{claim.execution.id}")).text
    await dashboard.store.settle(claim, Failed(ErrorReport(canary, canary), GiveUp()))
    paths = [f"{EXECUTIONS}/{claim.execution.id}", EXECUTIONS, f"{PREFIX}/dead-letters"]
    paths.append(f"{PREFIX}/dead-letters/redrive?ids={claim.execution.id}")

    for html in [running, *[(await dashboard.page(path)).text for path in paths]]:
        assert canary in Elements(html).text
        assert_harmless(html)
