"""Bad input (reliability E) in the forms: told at the field with what was typed kept, or refused as no form of ours."""

from collections.abc import AsyncIterator, Mapping
from time import thread_time
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from markupsafe import escape

from domain.access.role import Role
from entrypoints.web.routes import ROUTES
from tests.integration.web.browser_form import BrowserForm, blank
from tests.integration.web.dashboard import FORM, HTML, PAGE, PREFIX, Answer, Dashboard
from tests.integration.web.door import a_door, signed_in
from tests.integration.web.pages import Elements
from tests.support.accounts import a_doer
from tests.support.bad_input import BAD_BODIES, CRON, IDENTIFIERS, NAMES, ZONES
from tests.support.builders import a_definition, a_failure

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS_MAX = 1.0
MEGABYTE = 1024 * 1024
# Whoever leaves, leaves, whatever was sent with it.
READS_NO_FORM = {"/logout"}
EVERY = {"tab": "every", "every_unit": "m"}
ONCE = {"tab": "once", "once_date": "2026-06-01", "once_time": "12:00"}

# The row of the table, what is typed into the form of a task, and the field at which it is told.
FIELDS: list[tuple[int, dict[str, str], str]] = [
    *((row, {"tab": "cron", "cron": text}, "cron") for row, text, _ in CRON),
    *((row, {"timezone": text}, "timezone") for row, text in ZONES if not text.endswith("\n")),
    *((row, {"name": text}, "name") for row, text in NAMES if text != " "),
    *((row, {"task_type": text}, "task_type") for row, text in IDENTIFIERS),
    *(
        (11, {**EVERY, "every_count": text}, "every_count")
        for text in ("0", "-5", "1e-9", "1.5", "NaN", "Infinity", "1e400", "٣", "9" * 30, "9" * 5_000)
    ),
    (11, {**EVERY, "every_count": "5", "every_unit": "y"}, "every_unit"),
    *(
        (10, {**ONCE, "once_date": text}, "once_date")
        for text in ("9999-12-31", "0000-01-01", "1969-12-31", "2020-01-01")
    ),
    *((47, {**ONCE, "once_date": text}, "once_date") for text in ("2026-02-30", "2026-W23-1", "tomorrow")),
    *((47, {**ONCE, "once_time": text}, "once_time") for text in ("24:00", "23:59:60", "noon")),
    (10, {"start_at": "9999-12-31T00:00"}, "start_at"),
    (10, {"start_at": "2027-01-02T00:00", "end_at": "2027-01-01T00:00"}, "end_at"),
    (47, {"end_at": "2026-06-01T24:00"}, "end_at"),
    *(
        (23, {"payload": body.body.decode(), "payload_as": "json"}, "payload")
        for body in BAD_BODIES
        if body.body.isascii()
    ),
    (23, {"payload": '{"a": "' + "x" * 70_000 + '"}', "payload_as": "json"}, "payload"),
    (25, {"payload": "[]", "payload_as": "json"}, "payload"),
    (25, {"misfire": "never"}, "misfire"),
    (25, {"overlap": "maybe"}, "overlap"),
    (26, {"description": "x" * 2_001}, "description"),
    (23, {"reason": "x" * 501}, "reason"),
    (27, {"tags": "a:b"}, "tags"),
    (27, {"tags": " ".join(str(number) for number in range(60))}, "tags"),
    (28, {"handler": "x" * 201}, "handler"),
    *((29, {"max_retries": text}, "max_retries") for text in ("-1", "1000000000", "1e3", "٣", "NaN")),
    *((29, {"catch_up_max": text}, "catch_up_max") for text in ("0", "101", "1.5")),
    *((29, {"backoff_initial": text}, "backoff_initial") for text in ("-1s", "NaN", "8d", "1e400s")),
    (29, {"backoff_kind": "list", "backoff_delays": "1m, soon"}, "backoff_delays"),
    (29, {"backoff_kind": "cubic"}, "backoff_kind"),
    (29, {"fail_after": "0"}, "fail_after"),
    (29, {"max_runs": "9" * 30}, "max_runs"),
    *((30, {"timeout": text}, "timeout") for text in ("0s", "-1", "999999999s", "P1M", "99999999999999999999w")),
    (11, {"jitter": "2d"}, "jitter"),
    (11, {"grace": "0s"}, "grace"),
]

# The row of the table, a form beside that of a task, what is typed, and the field at which it is told.
OTHERS: list[tuple[int, str, dict[str, str], str]] = [
    (47, "/scheduled-tasks/{task_id}/pause", {"until": "tomorrow"}, "until"),
    (47, "/scheduled-tasks/{task_id}/pause", {"until": "2026-06-01T24:00"}, "until"),
    (10, "/scheduled-tasks/{task_id}/pause", {"until": "9999-01-01T00:00"}, "until"),
    (10, "/scheduled-tasks/{task_id}/pause", {"until": "2020-01-01T00:00"}, "until"),
    (17, "/scheduled-tasks/{task_id}/run", {"payload": "[" * 1_000}, "payload"),
    (19, "/scheduled-tasks/{task_id}/run", {"payload": '{"a": NaN}'}, "payload"),
    (20, "/scheduled-tasks/{task_id}/run", {"payload": '{"a": 1, "a": 2}'}, "payload"),
    (25, "/scheduled-tasks/{task_id}/run", {"payload": "[]"}, "payload"),
    *(
        (23, f"{path}", {"reason": "x" * 501, **more}, "reason")
        for path, more in (
            ("/scheduled-tasks/{task_id}/run", {}),
            ("/scheduled-tasks/{task_id}/pause", {}),
            ("/scheduled-tasks/{task_id}/delete", {"version": "1", "name": "present"}),
            ("/scheduled-tasks/{task_id}/versions/1/restore", {"version": "2"}),
            ("/executions/{open_id}/cancel", {}),
            ("/executions/{execution_id}/redrive", {}),
            ("/dead-letters/redrive", {"ids": "{execution_id}"}),
            ("/scheduled-tasks/batch", {"action": "pause", "ids": "{task_id}"}),
        )
    ),
    (13, "/time-zone", {"zone": "../../etc/passwd"}, "zone"),
    (14, "/time-zone", {"zone": "right/UTC"}, "zone"),
]

# The row of the table, what arrives instead of a form, the headers that go with it, and the status.
NO_FORMS: list[tuple[int, bytes, dict[str, str], set[int]]] = [
    (22, b"{}", {"Content-Type": "application/json"}, {415}),
    (22, b"a=1", {"Content-Type": "text/plain"}, {415}),
    (22, b"--x--", {"Content-Type": "multipart/form-data; boundary=x"}, {415}),
    (22, b"a=1", {**FORM, "Content-Encoding": "gzip"}, {415}),
    (22, b"reason=" + b"x" * MEGABYTE, FORM, {413}),
    (22, "reason=é".encode("utf-16"), FORM, {400}),
    (21, b"reason=%00", FORM, {400}),
    (21, b"reason=%ED%A0%80", FORM, {400}),
    (21, b"reason=%FF", FORM, {400}),
    (20, b"reason=a&reason=b", FORM, {400}),
    (24, b"created_by=root", FORM, {400}),
    (24, b"_method=DELETE", FORM, {400}),
    (23, b"&".join(b"f%d=1" % number for number in range(500)), FORM, {400}),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dashboard() -> AsyncIterator[Dashboard]:
    """A dashboard with a login, and somebody who may do everything."""
    async with a_door() as door:
        door.session.headers.update(await signed_in(door, "ana"))
        yield door


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def names(dashboard: Dashboard) -> Mapping[str, str]:
    """The names in addresses, each of something that is there; the task has two versions."""
    task = await dashboard.store.add(a_definition(name="present"))
    dead = await dashboard.store.started(task)
    await dashboard.store.settle(dead, a_failure())
    running = await dashboard.store.started(task)
    task = await dashboard.store.described(await dashboard.store.read(task), "changed")
    token = await dashboard.doors.tokens.create(a_doer("test"), "ci", Role.VIEWER)
    ids = {"task_id": task.id, "execution_id": dead.execution.id, "open_id": running.execution.id}
    return {**ids, "version": "1", "name": "ana", "token_id": token.token.id}


async def refused(dashboard: Dashboard, path: str, fields: Mapping[str, str]) -> Answer:
    """The page that is answered, in bounded time, with nothing stored and nothing said of our insides."""
    before, began = dashboard.kept(), thread_time()
    answer = await dashboard.form(path, urlencode(fields))

    assert thread_time() - began < SECONDS_MAX
    assert answer.status == 422, answer.text
    assert "Traceback" not in answer.text
    assert dashboard.kept() == before
    return answer


@pytest.mark.parametrize(("row", "changes", "field"), FIELDS, ids=lambda part: f"{part!r:.60}")
async def test_a_bad_task_is_told_at_its_field_and_what_was_typed_stays(
    dashboard: Dashboard, names: Mapping[str, str], row: int, changes: dict[str, str], field: str
) -> None:
    fields = await blank(dashboard, **{"description": "as it was", **changes})
    for path in (f"{PAGE}/new", f"{PAGE}/{names['task_id']}/edit"):
        answer = await refused(dashboard, path, fields)

        form = BrowserForm(answer.text, "builder")
        assert field in form.faulty, (path, form.faulty)
        assert form.fields.get(field) == changes[field], path
        assert form.fields["description"] == fields["description"]


@pytest.mark.parametrize(("row", "path", "fields", "field"), OTHERS, ids=lambda part: f"{part!r:.60}")
async def test_what_is_bad_in_another_form_is_told_at_its_field_and_stays(
    dashboard: Dashboard, names: Mapping[str, str], row: int, path: str, fields: dict[str, str], field: str
) -> None:
    sent = {name: text.format(**names) if text.endswith("_id}") else text for name, text in fields.items()}
    answer = await refused(dashboard, PREFIX + path.format(**names), sent)

    page = Elements(answer.text)
    (marked,) = [each for tag in ("input", "textarea") for each in page.all(tag, **{"aria-invalid": "true"})]
    assert marked["name"] == field
    assert {found.get("id") for _, found in page.tags} >= set(marked["aria-describedby"].split())
    assert str(escape(sent[field])) in answer.text if field == "payload" else marked["value"] == sent[field]


@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
@pytest.mark.parametrize(("row", "raw", "headers", "statuses"), NO_FORMS, ids=lambda part: f"{part!r:.40}")
async def test_what_is_no_form_of_ours_is_refused_by_every_page(
    dashboard: Dashboard, names: Mapping[str, str], row: int, raw: bytes, headers: dict[str, str], statuses: set[int]
) -> None:
    before, taken = dashboard.kept(), {}
    for route in ROUTES:
        if route.method != "POST" or "/api/" in route.path or route.path in READS_NO_FORM:
            continue
        path = PREFIX + route.path.format(**names)
        answer = await dashboard.call("POST", path, raw=raw, headers={**HTML, **headers})
        assert "Traceback" not in answer.text
        if answer.status not in statuses:
            taken[route.path] = answer.status

    assert taken == {}
    assert dashboard.kept() == before
