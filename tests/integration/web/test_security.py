"""What every route has in common: its headers, its permission, the names and sites it answers to."""

import re

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from entrypoints.web.app import WebSettings
from entrypoints.web.doors.access import Permission
from entrypoints.web.doors.origins import HEADERS
from entrypoints.web.feed import FEED
from entrypoints.web.routes import ROUTES
from tests.integration.web.dashboard import FORM, HTML, JSON, PAGE, PREFIX, TASKS, Dashboard, a_body, serving

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def addresses(app: web.Application) -> list[str]:
    """An address for every resource of the router, and some that lead nowhere."""
    found = [re.sub(r"\{[^}]*\}", "nope", resource.canonical) for resource in app.router.resources()]
    return [*found, "/nowhere", f"{PREFIX}/nowhere", f"{PREFIX}//api", f"{PREFIX}/api/%2e%2e/", f"{PREFIX}/api/"]


async def test_every_answer_has_every_header(dashboard: Dashboard) -> None:
    dashboard.app[FEED].close()  # The stream of events would go on for ever.
    for address in addresses(dashboard.app):
        for method in METHODS:
            answer = await dashboard.call(method, address, headers=JSON)

            missing = {name for name, value in HEADERS.items() if not answer.headers.get(name, "").startswith(value)}
            assert missing <= ({"Cache-Control"} if "/static/" in address else set()), (method, address)
            assert "Server" not in answer.headers
            assert answer.status in (200, 204, 302, 303, 400, 404, 405, 415, 503), (method, address)


async def test_refusals_of_the_outermost_checks_have_every_header_too(dashboard: Dashboard) -> None:
    for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await dashboard.call("POST", TASKS, a_body(), headers=headers)

        assert answer.status in (403, 421)
        assert answer.headers.items() >= HEADERS.items()


async def test_every_route_of_the_router_is_in_the_table_with_its_permission(dashboard: Dashboard) -> None:
    table = {(route.method, route.path if route.at_root else PREFIX + route.path) for route in ROUTES}
    served = {
        (route.method, route.resource.canonical)
        for route in dashboard.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }

    assert served == table
    assert len(ROUTES) == len(table)


def test_only_what_changes_no_task_is_open_to_viewers() -> None:
    open_ = (Permission.PUBLIC, Permission.VIEWER)

    unsafe = [route.path for route in ROUTES if route.method != "GET" and route.permission in open_]

    assert unsafe == [
        "/login",
        "/logout",
        "/set-up",
        "/time-zone",
        "/theme",
        "/account/password",
        "/account/sessions/end",
        "/account/tokens",
        "/account/tokens/{token_id}/revoke",
        "/api/scheduled-tasks/preview",
    ]


@pytest.mark.parametrize("method", ["TRACE", "POST", "PUT", "OPTIONS"])
async def test_a_method_a_route_does_not_have_is_refused(dashboard: Dashboard, method: str) -> None:
    answer = await dashboard.call(method, f"{PREFIX}/api/stats", headers=JSON)

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET,HEAD"
    assert answer.json["type"].endswith("/problems/method_not_allowed")


async def test_a_method_cannot_be_overridden(dashboard: Dashboard) -> None:
    task = await dashboard.create()

    await dashboard.get(f"{TASKS}/{task['id']}?_method=DELETE", **{"X-HTTP-Method-Override": "DELETE"})

    assert (await dashboard.get(f"{TASKS}/{task['id']}")).status == 200


# --- Names we answer to ---


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8080"])
async def test_the_names_of_the_loopback_are_answered(dashboard: Dashboard, host: str) -> None:
    assert (await dashboard.get(TASKS, Host=host)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost.",
        "127.0.0.2",
        "::1",
        "[::2]",
        "localhost:80:80",
        "user@localhost",
        "0.0.0.0",
        "localhost:",
    ],
)
async def test_any_other_name_is_refused_everywhere(dashboard: Dashboard, host: str) -> None:
    for path in (TASKS, PAGE, "/health/live", "/", f"{PREFIX}/static/scheduler.css"):
        answer = await dashboard.get(path, Host=host, **{"X-Forwarded-Host": "localhost"})

        assert answer.status in (400, 421), path


async def test_behind_a_login_other_names_are_answered() -> None:
    async with serving(WebSettings(loopback_hosts_only=False)) as dashboard:
        assert (await dashboard.get(TASKS, Host="scheduler.example")).status == 200


# --- Sites changes may come from ---

FROM_HERE = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost:8080", "Host": "localhost:8080"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8080", "Host": "localhost:8080"},
]
FROM_ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8080", "Host": "localhost:8080"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:8081", "Host": "localhost:8080"},
    {"Origin": "http://localhost:8080.evil.example", "Host": "localhost:8080"},
    {"Origin": "garbage["},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://scheduler.example", "Host": "localhost:8080"},
    {"Sec-Fetch-Site": "none", "Origin": "http://evil.example"},
]


@pytest.mark.parametrize("headers", FROM_HERE)
async def test_changes_from_our_pages_and_from_programs_are_taken(
    dashboard: Dashboard, headers: dict[str, str]
) -> None:
    assert (await dashboard.call("POST", TASKS, a_body(), headers=headers)).status == 201


@pytest.mark.parametrize("headers", FROM_ELSEWHERE)
async def test_changes_from_another_site_are_refused(dashboard: Dashboard, headers: dict[str, str]) -> None:
    task = await dashboard.create("kept")
    before = dashboard.kept()

    answers = [
        await dashboard.call("POST", TASKS, a_body(), headers=headers),
        await dashboard.call("DELETE", f"{TASKS}/{task['id']}", headers=headers),
        await dashboard.call("POST", f"{PAGE}/{task['id']}/run", raw=b"", headers={**FORM, **headers}),
    ]

    assert {answer.status for answer in answers} == {403}
    assert dashboard.kept() == before


async def test_no_route_takes_a_change_from_another_site(dashboard: Dashboard) -> None:
    for route in ROUTES:
        if route.method != "GET":
            path = re.sub(r"\{[^}]*\}", "nope", route.path)
            answer = await dashboard.call(route.method, PREFIX + path, headers={"Sec-Fetch-Site": "cross-site"})
            assert (answer.status, answer.json["type"].rpartition("/")[2]) == (403, "cross_site"), path


async def test_reading_from_another_site_is_left_to_the_browser(dashboard: Dashboard) -> None:
    answer = await dashboard.get(TASKS, **{"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"})

    assert answer.status == 200
    assert not any(name.lower().startswith("access-control") for name in answer.headers)


# --- What nobody foresaw ---


async def test_what_nobody_foresaw_is_answered_with_a_request_id_and_nothing_else(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret of the store")

    monkeypatch.setattr(type(dashboard.stores.history), "tasks", broken)
    with capture_logs() as logged:
        answer = await dashboard.get(TASKS)
        page = await dashboard.page(PAGE)

    assert (answer.status, page.status) == (500, 500)
    assert logged[0]["request_id"] == answer.json["request_id"]
    assert str(logged[0]["exc_info"]) == "the secret of the store"
    assert answer.json["type"].endswith("/problems/internal_error")
    assert "secret" not in answer.text + page.text


async def test_every_kind_of_problem_has_a_page_and_a_document(dashboard: Dashboard) -> None:
    problem = (await dashboard.get(f"{TASKS}/nope")).json

    document = await dashboard.get(problem["type"])
    page = await dashboard.call("GET", problem["type"], headers=HTML)

    assert document.json["title"] == problem["title"]
    assert page.headers["Content-Type"].startswith("text/html")
    assert problem["title"] in page.text
    assert (await dashboard.get(f"{PREFIX}/problems/nope")).status == 404


@pytest.mark.parametrize("prefix", ["", "/", "admin", "/admin/", "/a//b", "/a b", "/{x}"])
def test_a_prefix_of_another_shape_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        WebSettings(prefix=prefix)


async def test_everything_lies_beneath_another_prefix(dashboard: Dashboard) -> None:
    async with serving(WebSettings(prefix="/ops")) as moved:
        created = await moved.call("POST", "/ops/api/scheduled-tasks", a_body())
        page = await moved.page("/ops/scheduled-tasks")

    assert created.headers["Location"].startswith("/ops/api/scheduled-tasks/")
    assert page.status == 200
    assert PREFIX not in page.text
