"""The page of a task: what it says of it, why it ran or did not, and how a deleted one comes back."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from domain.scheduling.task import ScheduledTask
from tests.integration.web.dashboard import PAGE, TASKS, Dashboard
from tests.integration.web.door import a_door, signed_in
from tests.integration.web.pages import CANARIES, Elements, assert_harmless, died, stored, words
from tests.support.builders import HOUR, MINUTE


async def page_of(dashboard: Dashboard, task: ScheduledTask, query: str = "") -> str:
    answer = await dashboard.page(f"{PAGE}/{task.id}{query}")
    assert answer.status == 200
    return answer.text


async def test_it_says_what_runs_when_in_a_sentence_with_the_zone(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="30 2 * * 1-5", timezone="Europe/Berlin", description="Closes the day.")

    page = words(await page_of(dashboard, task))

    assert "At 02:30, Monday to Friday. 30 2 * * 1-5 Europe/Berlin Closes the day." in page
    assert "Tue 2024-01-16 02:30 CET in 13 h 30 min Tue 2024-01-16 01:30 UTC –" in page
    assert "It has not run yet. The first run is due in" in page


async def test_next_runs_tell_what_a_change_of_clocks_does_to_them(dashboard: Dashboard) -> None:
    dashboard.clock.advance(timedelta(days=74))
    task = await stored(dashboard, schedule="30 2 * * *", timezone="Europe/Berlin")

    page = words(await page_of(dashboard, task))

    assert "Sun 2024-03-31 03:00 CEST the clocks skip 02:30: what is due then runs once, at 03:00" in page
    assert "Sun 2024-03-31 01:00 UTC 23 h 30 min" in page


async def test_next_runs_stand_in_the_readers_zone_too(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="30 2 * * *", timezone="Europe/Berlin")

    page = await dashboard.call(
        "GET", f"{PAGE}/{task.id}", headers={"Accept": "text/html", "Cookie": "peachpie-zone=Asia/Tokyo"}
    )

    assert "Europe/Berlin Asia/Tokyo (yours) UTC Gap" in words(page.text)
    assert "Tue 2024-01-16 10:30 JST" in words(page.text)


async def test_a_pause_says_what_is_being_missed_and_each_way_on_what_it_would_start(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", policy={"overlap": "allow"})
    body = {"reason": "DB upgrade", "until": "2024-01-15T20:00:00Z"}
    await dashboard.call("POST", f"{TASKS}/{task.id}/pause", body)
    dashboard.clock.advance(5 * HOUR + MINUTE)

    page = words(await page_of(dashboard, task))

    assert "Paused by local until Mon 2024-01-15 20:00 UTC: DB upgrade." in page
    assert "Missed so far: 5 runs, the first Mon 2024-01-15 13:00 UTC. It resumes by itself in 2 h 59 min" in page
    assert "Run none of them (0 executions start, 5 occurrences passed over)" in page
    assert "Run the latest one (1 execution starts, 4 occurrences passed over)" in page
    assert "Run all of them (5 executions start, 0 occurrences passed over)" in page


async def test_a_pause_that_has_missed_nothing_is_plainly_resumed_and_keeps_the_seconds_of_its_end(
    dashboard: Dashboard,
) -> None:
    task = await stored(dashboard, schedule="0 * * * *")
    await dashboard.call("POST", f"{TASKS}/{task.id}/pause", {"until": "2024-01-15T20:00:15Z"})

    page = Elements(await page_of(dashboard, task))

    assert [each["value"] for each in page.all("input", name="until")] == ["2024-01-15T20:00:15"]
    assert page.all("input", name="missed") == []


async def test_what_the_page_foretells_of_resuming_is_what_happens(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *")
    await dashboard.form(f"{PAGE}/{task.id}/pause", "reason=x")
    dashboard.clock.advance(3 * HOUR)
    assert "Run all of them (1 execution starts, 2 occurrences passed over)" in words(await page_of(dashboard, task))

    await dashboard.form(f"{PAGE}/{task.id}/resume", "missed=all")

    (skip,) = await dashboard.store.history.skips(task.id, limit=5)
    executions = (await dashboard.get(f"{TASKS}/{task.id}/executions")).json["executions"]
    assert (len(executions), skip.count) == (1, 2)


async def test_a_task_that_was_stopped_says_why_and_what_to_do(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", policy={"fail_after": 1}, max_retries=0)
    await died(dashboard, task)

    page = words(await page_of(dashboard, task))

    assert "Stopped after 1 failed run in a row" in page
    assert "Look at its last error, mend the cause, then resume it." in page
    assert "ValueError: no such row" in page


async def test_the_last_runs_are_drawn_and_told(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", max_retries=0)
    await dashboard.store.settle(await dashboard.store.started(task))
    await died(dashboard, task)

    html = await page_of(dashboard, task)

    assert "Last 2 runs: 1 succeeded, 1 failed for good." in words(html)
    assert Elements(html).all("svg", **{"class": "spark"})


async def test_what_did_not_run_stands_among_the_executions_and_asks_why(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", timezone="Europe/Berlin")
    dashboard.clock.advance(5 * HOUR)
    await dashboard.store.commit(await dashboard.store.read(task))

    page = Elements(await page_of(dashboard, task))
    said = " ".join(page.text.split())

    assert "Mon 2024-01-15 14:00 CET to Mon 2024-01-15 17:00 CET Did not run misfire: found late 4 occurrences" in said
    assert f"{PAGE}/{task.id}?at=2024-01-15T14%3A00#why" in page.links


@pytest.mark.parametrize("at", ["2024-01-15T14:00", "2024-01-15T18:00", "2024-01-15", "2024-01-15T13:00Z"])
async def test_why_is_answered_in_the_words_of_the_api(dashboard: Dashboard, at: str) -> None:
    task = await stored(dashboard, schedule="0 * * * *", timezone="Europe/Berlin")
    dashboard.clock.advance(5 * HOUR)
    await dashboard.store.commit(await dashboard.store.read(task))
    told = (await dashboard.get(f"{TASKS}/{task.id}/explain?at={quote(at)}")).json

    page = words(await page_of(dashboard, task, f"?at={quote(at)}"))

    said = [sentence for each in (*told["details"], *told["also_ran"]) for sentence in each["sentences"]]
    assert all(" ".join(sentence.split()) in page for sentence in said)
    assert f"Before: {told['before']['sentence']}" in page if told["before"] else "Before:" not in page
    assert f"{at} ({told['timezone']})" in page
    assert "is on record." in page


async def test_times_to_ask_about_are_offered(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", timezone="Asia/Kathmandu")
    dashboard.clock.advance(5 * HOUR)
    await dashboard.store.commit(await dashboard.store.read(task))

    page = Elements(await page_of(dashboard, task))
    first = next(each for each in page.links if each.endswith("#why") and "?at=" in each)

    assert "2024-01-15 22:00 (waiting for a worker)" in " ".join(page.text.split())
    assert (await dashboard.page(first)).status == 200


@pytest.mark.parametrize("at", ["soon", "2024-02-31", "2024-13-01T00:00", "<script>", "x" * 300])
async def test_a_time_that_is_none_comes_back_with_what_would_be_right(dashboard: Dashboard, at: str) -> None:
    task = await stored(dashboard)

    answer = await dashboard.page(f"{PAGE}/{task.id}?{urlencode({'at': at})}")

    (field,) = Elements(answer.text).all("input", name="at")
    assert answer.status == 400
    assert (field["value"], field["aria-invalid"], field["aria-describedby"]) == (at, "true", "at-error")
    assert Elements(answer.text).all("span", id="at-error")


async def test_every_action_can_be_copied_for_a_terminal(dashboard: Dashboard) -> None:
    task = await stored(dashboard)

    html = await page_of(dashboard, task)

    server = str(dashboard.session._base_url.origin())  # type: ignore[union-attr]
    assert f"curl -X POST {server}{TASKS}/{task.id}/run" in words(html)
    assert f"peachpie-scheduler pause {task.id} --reason maintenance" in words(html)
    assert "$SCHEDULER_TOKEN" not in html


async def test_a_deleted_task_says_so_and_comes_back_as_it_was(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *")
    deleted = await dashboard.form(f"{PAGE}/{task.id}/delete", "version=1&reason=by+mistake")
    page = words(await page_of(dashboard, task, "?notice=deleted"))

    back = await dashboard.form(f"{PAGE}/{task.id}/undelete", "reason=it+was+needed")

    assert deleted.headers["Location"] == f"{PAGE}/{task.id}?notice=deleted"
    assert "It is kept until Wed 2024-02-14 12:00 UTC" in page
    assert "delete by local via page – by mistake" in page
    assert (back.status, back.headers["Location"]) == (303, f"{PAGE}/{task.id}?notice=undeleted")
    assert (await dashboard.get(f"{TASKS}/{task.id}")).json["status"] == "active"
    assert "undelete by local via page – it was needed" in words(await page_of(dashboard, task))


async def test_a_deleted_task_whose_name_is_taken_stays_where_it_is(dashboard: Dashboard) -> None:
    task = await stored(dashboard)
    await dashboard.form(f"{PAGE}/{task.id}/delete", "version=1")
    await dashboard.create()

    answer = await dashboard.form(f"{PAGE}/{task.id}/undelete", "reason=please")

    assert answer.status == 409
    assert "Another task is named" in words(answer.text)
    assert 'value="please"' in answer.text


@pytest.mark.parametrize("verb", ["", "/upcoming", "/executions", "/versions", "/versions/1", "/delete"])
async def test_what_never_was_is_not_found(dashboard: Dashboard, verb: str) -> None:
    answer = await dashboard.page(f"{PAGE}/nope{verb}")

    assert answer.status == 404
    assert "Task not found" in words(answer.text)


async def test_a_task_that_is_not_deleted_is_not_undeleted(dashboard: Dashboard) -> None:
    task = await stored(dashboard)

    assert (await dashboard.form(f"{PAGE}/{task.id}/undelete")).status == 404


@pytest.mark.parametrize(
    ("name", "absent", "present"),
    [
        ("bob", ["/edit", "/delete", "new?from="], ["/run", "/pause"]),
        ("ana", [], ["/edit", "/delete", "/run", "/pause", "new?from="]),
    ],
)
async def test_nobody_sees_a_button_they_may_not_press(name: str, absent: list[str], present: list[str]) -> None:
    async with a_door() as door:
        task = await door.store.add()
        headers: dict[str, Any] = {"Accept": "text/html", **await signed_in(door, name)}

        html = (await door.call("GET", f"{PAGE}/{task.id}", headers=headers)).text

    targets = [found.get("href") or found.get("action", "") for _, found in Elements(html).tags]
    assert all(any(part in target for target in targets) for part in present)
    assert not any(part in target for target in targets for part in absent)
    assert '-H "Authorization: Bearer $SCHEDULER_TOKEN"' in words(html)


@pytest.mark.parametrize("canary", CANARIES)
async def test_what_people_wrote_is_text(dashboard: Dashboard, canary: str) -> None:
    task = await stored(
        dashboard, name=canary, description=canary, handler=canary, payload={canary: canary}, schedule="0 * * * *"
    )
    await dashboard.call("POST", f"{TASKS}/{task.id}/pause", {"reason": canary})
    await dashboard.call("PATCH", f"{TASKS}/{task.id}", {"payload": {canary: "other"}})
    paths = ["", f"?{urlencode({'at': canary})}", "/upcoming", "/executions", "/versions", "/versions/3"]
    paths += ["/versions/1..3", "/versions/1/restore", "/delete"]

    for path in paths:
        page = await dashboard.page(f"{PAGE}/{task.id}{path}")
        assert canary in Elements(page.text).text, path
        assert_harmless(page.text)
    await dashboard.form(f"{PAGE}/{task.id}/delete", "version=3")
    gone = (await dashboard.page(f"{PAGE}/{task.id}")).text
    assert canary in Elements(gone).text
    assert_harmless(gone)
