"""What a task was: its versions, how they differ, and restoring one once its next runs were seen."""

import pytest

from tests.integration.web.dashboard import PAGE, TASKS, Dashboard, a_body
from tests.integration.web.pages import Elements, words


async def an_edited_task(dashboard: Dashboard) -> str:
    """A task in version 2, daily at five where its first version said two; its id."""
    task = await dashboard.create(payload={"days": 1})
    body = a_body(schedule="0 5 * * *", payload={"days": 2}, reason="too early")
    await dashboard.call("PUT", f"{TASKS}/{task['id']}", body)
    return str(task["id"])


async def test_versions_say_who_made_them_when_why_and_what_they_changed(dashboard: Dashboard) -> None:
    task_id = await an_edited_task(dashboard)

    page = words((await dashboard.page(f"{PAGE}/{task_id}/versions")).text)

    assert "2 now Mon 2024-01-15 12:00 UTC now: edit by local via api – too early" in page
    assert "schedule: 0 2 * * * (At 02:00 every day) → 0 5 * * * (At 05:00 every day)" in page
    assert "payload, days: 1 → 2" in page
    assert "1 Mon 2024-01-15 12:00 UTC now: create by local via api the first one" in page


async def test_two_versions_stand_side_by_side(dashboard: Dashboard) -> None:
    task_id = await an_edited_task(dashboard)

    html = (await dashboard.page(f"{PAGE}/{task_id}/versions/1..2")).text

    assert "What version 2 says otherwise" in words(html)
    assert "<del>  &#34;schedule&#34;: &#34;0 2 * * *&#34;,</del>" in html
    assert "<ins>  &#34;schedule&#34;: &#34;0 5 * * *&#34;,</ins>" in html
    assert [link for link in Elements(html).links if link.endswith("/restore")] == [
        f"{PAGE}/{task_id}/versions/1/restore"
    ]


async def test_the_later_of_two_versions_is_on_the_right_whatever_the_address_says(dashboard: Dashboard) -> None:
    task_id = await an_edited_task(dashboard)

    turned = await dashboard.page(f"{PAGE}/{task_id}/versions/2..1")
    same = await dashboard.page(f"{PAGE}/{task_id}/versions/2..2")

    assert (turned.status, turned.headers["Location"]) == (303, f"{PAGE}/{task_id}/versions/1..2")
    assert same.status == 400
    assert "Version 2 is no other than itself: compare two versions." in words(same.text)


async def test_a_version_that_says_what_the_task_says_now_is_not_offered_to_be_restored(dashboard: Dashboard) -> None:
    task_id = await an_edited_task(dashboard)
    await dashboard.form(f"{PAGE}/{task_id}/pause", "reason=x")
    await dashboard.form(f"{PAGE}/{task_id}/resume", "missed=skip")

    pages = [(await dashboard.page(f"{PAGE}/{task_id}/versions{each}")).text for each in ("", "/2", "/3..4", "/1")]

    offered = [[link for link in Elements(page).links if link.endswith("/restore")] for page in pages]
    first = f"{PAGE}/{task_id}/versions/1/restore"
    assert offered == [[first], [], [], [first]]
    assert "nothing in what the task says" in words(pages[0])


async def test_large_numbers_of_a_payload_stay_exact(dashboard: Dashboard) -> None:
    task = await dashboard.create(payload={"id": 9007199254740992})
    body = a_body(payload={"id": 9007199254740993})
    await dashboard.call("PUT", f"{TASKS}/{task['id']}", body)

    page = words((await dashboard.page(f"{PAGE}/{task['id']}/versions/1..2")).text)

    assert "payload, id: 9007199254740992 → 9007199254740993" in page


async def test_one_version_stands_with_what_it_changed(dashboard: Dashboard) -> None:
    task_id = await an_edited_task(dashboard)
    await dashboard.form(f"{PAGE}/{task_id}/pause", "reason=x")

    first, third = [words((await dashboard.page(f"{PAGE}/{task_id}/versions/{each}")).text) for each in (1, 3)]

    assert "It is the first one." in first
    assert "Nothing in what the task says." in third
    assert '"schedule": "0 5 * * *"' in third


@pytest.mark.parametrize("address", ["9", "1..9", "0", "1..", "nope", "1..2..3", "-1", "1..%32%32%32"])
async def test_a_version_that_is_none_is_not_found(dashboard: Dashboard, address: str) -> None:
    task_id = await an_edited_task(dashboard)

    assert (await dashboard.page(f"{PAGE}/{task_id}/versions/{address}")).status == 404


async def test_restoring_shows_its_next_runs_and_the_difference_first(dashboard: Dashboard) -> None:
    task_id = await an_edited_task(dashboard)
    path = f"{PAGE}/{task_id}/versions/1/restore"
    before = dashboard.kept()

    html = (await dashboard.page(path)).text
    assert dashboard.kept() == before
    answer = await dashboard.form(path, "version=2&reason=wrong+hour")

    assert "Its next runs would be At 02:00 every day." in words(html)
    assert "Tue 2024-01-16 02:00 UTC in 14 h" in words(html)
    assert "schedule: 0 5 * * * (At 05:00 every day) → 0 2 * * * (At 02:00 every day)" in words(html)
    assert (answer.status, answer.headers["Location"]) == (303, f"{PAGE}/{task_id}?notice=restored")
    assert (await dashboard.get(f"{TASKS}/{task_id}")).json["schedule"] == "0 2 * * *"
    page = words((await dashboard.page(f"{PAGE}/{task_id}/versions")).text)
    assert "restore by local via page – version 1: wrong hour" in page


async def test_a_task_that_was_changed_since_it_was_shown_is_not_restored(dashboard: Dashboard) -> None:
    task_id = await an_edited_task(dashboard)
    await dashboard.call("PATCH", f"{TASKS}/{task_id}", {"description": "new"})

    answer = await dashboard.form(f"{PAGE}/{task_id}/versions/1/restore", "version=2&reason=mine")

    assert answer.status == 412
    assert 'name="version" value="3"' in answer.text
    assert 'value="mine"' in answer.text
    assert (await dashboard.get(f"{TASKS}/{task_id}")).json["schedule"] == "0 5 * * *"


async def test_what_cannot_be_restored_says_why_and_has_no_button(dashboard: Dashboard) -> None:
    body = {"schedule_type": "one_time", "schedule": "2024-01-15T13:00"}
    task = await dashboard.create(**body)
    await dashboard.call("PUT", f"{TASKS}/{task['id']}", a_body(schedule="0 5 * * *"))
    dashboard.clock.advance_to(dashboard.clock.now().replace(hour=14))
    path = f"{PAGE}/{task['id']}/versions/1/restore"

    html = (await dashboard.page(path)).text
    answer = await dashboard.form(path, "version=2")

    assert "It cannot be restored: 2024-01-15 13:00:00 UTC lies in the past" in words(html)
    assert not Elements(html).all("form", action=path)
    assert answer.status == 422
    assert "Nothing was changed." in words(answer.text)


async def test_restoring_the_present_one_changes_nothing(dashboard: Dashboard) -> None:
    task_id = await an_edited_task(dashboard)

    page = words((await dashboard.page(f"{PAGE}/{task_id}/versions/2/restore")).text)
    answer = await dashboard.form(f"{PAGE}/{task_id}/versions/2/restore", "version=2")

    assert "Nothing: the task says what that version said. To the versions" in page
    assert "Leave it as it is" not in page
    assert answer.headers["Location"].endswith("notice=restored_nothing")
    assert (await dashboard.get(f"{TASKS}/{task_id}")).json["version"] == 2


@pytest.mark.parametrize("fields", ["", "version=x", "version=2&nope=1", "version=0"])
async def test_a_form_that_is_none_of_ours_restores_nothing(dashboard: Dashboard, fields: str) -> None:
    task_id = await an_edited_task(dashboard)

    assert (await dashboard.form(f"{PAGE}/{task_id}/versions/1/restore", fields)).status == 400
    assert (await dashboard.get(f"{TASKS}/{task_id}")).json["version"] == 2


async def test_the_api_tells_the_same_differences(dashboard: Dashboard) -> None:
    task_id = await an_edited_task(dashboard)

    newest, first = (await dashboard.get(f"{TASKS}/{task_id}/versions")).json["versions"]

    assert newest["differences"] == [
        {
            "pointer": "/schedule",
            "sentence": "schedule: 0 2 * * * (At 02:00 every day) → 0 5 * * * (At 05:00 every day)",
            "before": "0 2 * * *",
            "after": "0 5 * * *",
        },
        {"pointer": "/payload/days", "sentence": "payload, days: 1 → 2", "before": 1, "after": 2},
    ]
    assert first["differences"] == []
