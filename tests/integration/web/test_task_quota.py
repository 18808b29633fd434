"""Where there is no room for another task: what API and pages say, and that nothing is stored."""

from urllib.parse import urlencode

from tests.integration.web.browser_form import NEW, blank
from tests.integration.web.dashboard import JSON, PREFIX, TASKS, Dashboard, a_body

FILE = b'{"apiVersion": "scheduler/v1", "tasks": {"two": {"schedule": {"every": "15m"}, "task_type": "mail"}}}'


async def test_every_way_to_another_task_is_refused_alike(dashboard: Dashboard) -> None:
    gone = await dashboard.create("gone")
    await dashboard.call("DELETE", f"{TASKS}/{gone['id']}")
    await dashboard.create("one")
    dashboard.quota.tasks_max = 1
    before = dashboard.kept()

    answers = [
        await dashboard.call("POST", TASKS, a_body(name="two")),
        await dashboard.call("POST", f"{TASKS}?dry_run=true", a_body(name="two")),
        await dashboard.call("POST", f"{TASKS}/{gone['id']}/undelete"),
        await dashboard.call("POST", f"{TASKS}:batch", {"action": "undelete", "ids": [gone["id"]]}),
        await dashboard.call("POST", f"{PREFIX}/api/apply", raw=FILE, headers=JSON),
    ]
    form = await dashboard.form(NEW, urlencode({**await blank(dashboard), "name": "two", "task_type": "mail"}))

    assert [(answer.status, answer.faults) for answer in answers] == [(422, [("", "too_many_tasks")])] * 5
    assert "SCHEDULER_TASKS_MAX" in answers[0].json["errors"][0]["hint"]
    assert (form.status, "have SCHEDULER_TASKS_MAX raised" in form.text) == (422, True)
    assert dashboard.kept() == before
