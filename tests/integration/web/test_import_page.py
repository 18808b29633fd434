"""The page that takes a file of tasks: what it would do first, then what it did; nothing that was not shown."""

import pytest

from tests.integration.web.browser_form import BrowserForm
from tests.integration.web.dashboard import HTML, PREFIX, TASKS, Answer, Dashboard

IMPORT = f"{PREFIX}/import"
BOUNDARY = "----formBoundary7MA4"
FILE = """\
apiVersion: scheduler/v1
manager: billing-repo
tasks:
  nightly: {schedule: {cron: "30 2 * * 1-5"}, task_type: billing, payload: {mode: "<b>"}}
  pulse: {schedule: {every: 15m}, task_type: billing}
"""


async def _send(dashboard: Dashboard, **fields: str) -> Answer:
    """Send the form as a browser does, which ends every line of a text by CR LF."""
    parts = []
    for name, text in fields.items():
        file = '; filename="tasks.yaml"\r\nContent-Type: application/yaml' if name == "upload" else ""
        lines = text.replace("\n", "\r\n") if name == "file" else text
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{lines}\r\n')
    raw = "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode()
    headers = {**HTML, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Sec-Fetch-Site": "same-origin"}
    return await dashboard.call("POST", IMPORT, raw=raw, headers=headers)


async def _confirmed(dashboard: Dashboard, plan: Answer, **changed: str) -> Answer:
    return await _send(dashboard, **{**BrowserForm(plan.text, "import").fields, **changed})


async def _names(dashboard: Dashboard) -> list[str]:
    return [task["name"] for task in (await dashboard.get(TASKS)).json["tasks"]]


@pytest.mark.parametrize("field", ["file", "upload"])
async def test_a_file_is_shown_first_and_done_once_it_is_confirmed(dashboard: Dashboard, field: str) -> None:
    plan = await _send(dashboard, **{"file": "", "upload": "", field: FILE}, reason="release 7")
    before = await _names(dashboard)
    done = await _confirmed(dashboard, plan)

    assert (plan.status, before) == (200, [])
    assert "2 tasks would change" in plan.text
    assert "2 tasks changed" in done.text
    assert await _names(dashboard) == ["nightly", "pulse"]
    entry = (await dashboard.get(f"{PREFIX}/api/audit")).json["entries"][0]["change"]
    assert (entry["via"], entry["reason"]) == ("page", "the file of billing-repo: release 7")


async def test_differences_and_drift_stand_beside_each_task(dashboard: Dashboard) -> None:
    await _confirmed(dashboard, await _send(dashboard, file=FILE))
    task = (await dashboard.get(f"{TASKS}?q=nightly")).json["tasks"][0]
    await dashboard.call("PATCH", f"{TASKS}/{task['id']}", {"description": "<i>kept</i>", "payload": {"mode": "x"}})

    plan = await _send(dashboard, file=FILE)

    assert "1 task would change" in plan.text
    assert "<b>payload, mode</b>: <del>&#34;x&#34;</del>" in plan.text
    assert "<ins>&#34;&lt;b&gt;&#34;</ins>" in plan.text
    assert "<b>description</b>: &lt;i&gt;kept&lt;/i&gt;" in plan.text


async def test_what_somebody_changes_after_the_look_is_shown_again(dashboard: Dashboard) -> None:
    await dashboard.create(name="pulse")
    plan = await _send(dashboard, file=FILE)
    task = (await dashboard.get(f"{TASKS}?q=pulse")).json["tasks"][0]
    await dashboard.call("PATCH", f"{TASKS}/{task['id']}", {"description": "meanwhile"})

    again = await _confirmed(dashboard, plan)
    done = await _confirmed(dashboard, again)

    assert "Somebody has changed something since you looked" in again.text
    assert "2 tasks changed" in done.text
    assert "Nothing changed" not in done.text


async def test_sent_twice_it_is_done_once(dashboard: Dashboard) -> None:
    plan = await _send(dashboard, file=FILE)
    await _confirmed(dashboard, plan)
    kept = dashboard.kept()

    second = await _confirmed(dashboard, plan)

    assert "Nothing would change" in second.text
    assert dashboard.kept() == kept


async def test_a_bad_file_comes_back_with_every_fault_and_what_was_typed(dashboard: Dashboard) -> None:
    bad = FILE.replace("30 2", "61 2").replace("every", "evry")

    answer = await _send(dashboard, file=bad, manager="somebody", prune="true", prune_limit="50")
    named = await _send(dashboard, file=FILE, manager="a b")

    form = BrowserForm(answer.text, "import")
    assert (answer.status, await _names(dashboard)) == (422, [])
    assert "/tasks/nightly/schedule/cron" in answer.text
    assert "/tasks/pulse/schedule/evry" in answer.text
    assert form.fields["file"].replace("\r\n", "\n") == bad
    assert (form.fields["manager"], form.fields["prune"], form.fields["prune_limit"]) == ("somebody", "true", "50")
    assert "manager" in BrowserForm(named.text, "import").faulty


async def test_pruning_too_many_asks_for_more_leave_first(dashboard: Dashboard) -> None:
    await _confirmed(dashboard, await _send(dashboard, file=FILE))
    without = FILE[: FILE.index("  pulse")]

    refused = await _send(dashboard, file=without, prune="true")
    plan = await _confirmed(dashboard, refused, prune_limit="50")
    done = await _confirmed(dashboard, plan)

    assert (refused.status, "1 of the 2 tasks of billing-repo would be deleted" in refused.text) == (422, True)
    assert "plan" not in BrowserForm(refused.text, "import").fields
    assert "is deleted, for it is not in the file" in plan.text
    assert "1 task changed" in done.text
    assert await _names(dashboard) == ["nightly"]


@pytest.mark.parametrize(
    "raw",
    [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\n\xff\r\n--{BOUNDARY}--'.encode("latin-1"),
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\na\x00\r\n--{BOUNDARY}--'.encode(),
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="other"\r\n\r\na\r\n--{BOUNDARY}--'.encode(),
        f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\na\r\n--{BOUNDARY}--".encode(),
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n--{BOUNDARY}\r\n'.encode(),
        (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n' * 2 + f"--{BOUNDARY}--").encode(),
        (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n' * 30 + f"--{BOUNDARY}--").encode(),
    ],
)
async def test_what_is_no_form_of_ours_is_refused(dashboard: Dashboard, raw: bytes) -> None:
    headers = {**HTML, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Sec-Fetch-Site": "same-origin"}

    assert (await dashboard.call("POST", IMPORT, raw=raw, headers=headers)).status == 400
