"""Bad addresses (reliability E31 to E33, E36, F23), tried on every route of the table: told, and never our fault."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from urllib.parse import quote

import pytest
import pytest_asyncio

from domain.access.role import Role
from entrypoints.web.contract.operations import Operation
from entrypoints.web.doors.access import Permission
from entrypoints.web.route import Route
from entrypoints.web.routes import ROUTES
from tests.integration.web.dashboard import HTML, PREFIX, TASKS, Answer, Dashboard
from tests.integration.web.door import a_door, signed_in
from tests.integration.web.wire import asked
from tests.support.accounts import a_doer
from tests.support.builders import a_definition, a_failure

pytestmark = pytest.mark.asyncio(loop_scope="module")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
# What an address cannot do without.
NEEDED = {
    "/api/scheduled-tasks/{task_id}/explain": "at=2024-01-15T12:00:00Z",
    "/dead-letters/redrive": "ids={execution_id}",
    "/scheduled-tasks/batch": "action=pause&scope=page",
}
READ = [route for route in ROUTES if route.method == "GET" and route.permission is not Permission.PUBLIC]
DECLARED = {
    name
    for route in READ
    if isinstance(route.handler, Operation)
    for name in (each.name for each in route.handler.query)
}
PAGES_OWN = {"notice", "at", "overlap", "scope", "started", "since", "back", "from", "schedule", "payload"}

# Behind the question mark; what a route does not know is refused as unknown, what it knows for its value.
QUERIES = [
    (31, "limit=-1"),
    (31, "limit=0"),
    (31, "limit=1000000000"),
    (31, "limit=1e3"),
    (31, "limit=%D9%A3"),
    (31, "limit=9" + "9" * 4_000),
    (31, "count=0"),
    (31, "count=101"),
    (31, "after=-1"),
    (31, "cursor=forged"),
    (31, "cursor=eyJhIjogMX0="),
    (31, "cursor=WzEsIDJd"),
    (31, "cursor=%00"),
    (31, "cursor=%FF%FE"),
    (31, "cursor=" + "W1tb" * 1_000),
    (31, "cursor=" + "W" * 5_000),
    (31, "sort=payload"),
    (31, "sort=--name"),
    (31, "sort=name;drop"),
    (32, "q=" + "%25" * 2_000),
    (32, "q=a%00b"),
    (32, "tag=" + "x" * 201),
    (32, "task_type=%1B[2J"),
    (23, "status=sleeping"),
    (23, "state=sleeping"),
    (23, "schedule_type=yearly"),
    (23, "deleted=yes"),
    (23, "dry_run=1"),
    (23, "action=drop"),
    (47, "at=tomorrow"),
    (47, "until=2024-01-15T24:00"),
    (24, "nope=1"),
    (24, "_method=DELETE"),
    (24, "__proto__=1"),
    (24, "=1"),
    (24, "%00=1"),
    (24, "x" * 3_000 + "=1"),
]

# In the place of a name in a path.
NAMES = [
    "nope",
    "..%2F..%2Fetc%2Fpasswd",
    "a" * 65,
    "9223372036854775808",
    "-1",
    "0",
    "1e3",
    "%D9%A3",
    "a%2Fb",
    "%00",
    "%FF",
    "a%0Ab",
    "a;jsessionid=1",
    "{}",
    "*",
    "a:b",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "1..",
    "1..0",
    "1..1",
    "2..1..3",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dashboard() -> AsyncIterator[Dashboard]:
    """A dashboard with a login, somebody who may do everything, and one thing of each kind."""
    async with a_door() as door:
        door.session.headers.update(await signed_in(door, "ana"))
        yield door


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def names(dashboard: Dashboard) -> Mapping[str, str]:
    """The names in addresses, each of something that is there."""
    task = await dashboard.store.add(a_definition(name="present"))
    dead = await dashboard.store.started(task)
    await dashboard.store.settle(dead, a_failure())
    token = await dashboard.doors.tokens.create(a_doer("test"), "ci", Role.VIEWER)
    return {
        "task_id": task.id,
        "execution_id": dead.execution.id,
        "version": "1",
        "between": "1",
        "name": "ana",
        "token_id": token.token.id,
        "kind": "not_found",
    }


def address(route: Route, names: Mapping[str, str], query: str = "") -> str:
    """An address of the route, with what it needs and something more."""
    path = route.path if route.at_root else PREFIX + route.path
    parts = [part for part in (NEEDED.get(route.path, ""), query) if part]
    return path.format(**names) + ("?" + "&".join(parts).format(**names) if parts else "")


async def answered(dashboard: Dashboard, route: Route, where: str) -> Answer:
    """What a program is answered, or of a page a browser: never that we are broken, nor how we look inside."""
    answer = await dashboard.call(route.method, where, headers={} if "/api/" in route.path else HTML)
    assert answer.status < 500, where
    assert "Traceback" not in answer.text, where
    return answer


async def test_every_address_is_good_before_it_is_spoilt(dashboard: Dashboard, names: Mapping[str, str]) -> None:
    """HEAD is answered as GET is, without a body (a stream of events would have no end)."""
    for route in READ:
        answer = await dashboard.call("HEAD", address(route, names))

        # Nobody works here, which is what health tells.
        good = (200, 503) if route.path == "/api/health" else (200,)
        assert (answer.status in good, answer.text) == (True, ""), (route.path, answer.status)


@pytest.mark.parametrize(("row", "query"), QUERIES, ids=lambda part: str(part)[:40])
async def test_a_bad_parameter_is_refused_by_every_route(
    dashboard: Dashboard, names: Mapping[str, str], row: int, query: str
) -> None:
    before = dashboard.kept()
    taken = {}
    for route in READ:
        answer = await answered(dashboard, route, address(route, names, query))
        if answer.status != 400:
            taken[route.path] = answer.status

    assert taken == {}
    assert dashboard.kept() == before


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=1e3", "out_of_range"),
        ("cursor=forged", "bad_cursor"),
        ("cursor=" + "W1tb" * 1_000, "bad_cursor"),  # brackets, nested deeper than Python's reader can follow
        ("cursor=" + "W" * 5_000, "out_of_range"),
        ("sort=payload", "invalid_value"),
        ("q=a%00b", "out_of_range"),
        ("status=active&status=paused", "repeated_parameter"),
        ("state=active", "unknown_parameter"),
    ],
)
async def test_a_wrong_parameter_is_named_with_a_code(dashboard: Dashboard, query: str, code: str) -> None:
    answer = await dashboard.get(f"{TASKS}?{query}")

    (error,) = answer.json["errors"]
    assert answer.json["type"].endswith("/problems/bad_parameter")
    assert (error["parameter"], error["code"]) == (query.partition("=")[0], code)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("statsu=active", "statsu: there is no such parameter here: did you mean status?"),
        ("colour=red", "colour: there is no such parameter here: there are q, status, schedule_type, task_type, tag, "),
    ],
)
async def test_an_unknown_parameter_is_told_which_there_are(dashboard: Dashboard, query: str, detail: str) -> None:
    answer = await dashboard.get(f"{TASKS}?{query}")

    assert answer.json["detail"].startswith(detail)


@pytest.mark.parametrize("name", sorted(DECLARED | PAGES_OWN))
async def test_a_parameter_that_stands_twice_is_refused_by_every_route(
    dashboard: Dashboard, names: Mapping[str, str], name: str
) -> None:
    taken = {}
    for route in READ:
        answer = await answered(dashboard, route, address(route, names, f"{name}=1&{name}=1"))
        if answer.status != 400:
            taken[route.path] = answer.status

    assert taken == {}


def spoilt(names: Mapping[str, str], bad: str) -> Iterator[tuple[Route, str]]:
    """Every route of the table with each name in its address spoilt alone."""
    for route in ROUTES:
        for each in names:
            if f"{{{each}}}" in route.path:
                yield route, address(route, {**names, each: bad})


@pytest.mark.parametrize("bad", NAMES)
async def test_a_name_that_names_nothing_is_not_found_whatever_it_looks_like(
    dashboard: Dashboard, names: Mapping[str, str], bad: str
) -> None:
    before, taken = dashboard.kept(), {}
    for route, where in spoilt(names, bad):
        if route.method == "GET":
            answer = await answered(dashboard, route, where)
            if answer.status not in (400, 404):
                taken[where] = answer.status

    assert taken == {}
    assert dashboard.kept() == before


async def test_what_is_not_there_is_told_alike_whether_it_was_there_or_never(dashboard: Dashboard) -> None:
    task = await dashboard.store.add(a_definition(name="short-lived"))
    await dashboard.store.deleted(task)

    gone, never = await dashboard.get(f"{TASKS}/{task.id}"), await dashboard.get(f"{TASKS}/{task.id[::-1]}")

    assert (gone.status, never.status) == (404, 404)
    assert gone.json["type"] == never.json["type"]
    assert gone.text.replace(task.id, "") == never.text.replace(task.id[::-1], "")


def methods_at(path: str) -> set[str]:
    """What the table lets this path do; one that is no task's (`preview`) may be taken for one's."""
    patterns = [(route, re.sub(r"\{[^}]*\}", "[^/]+", PREFIX * (not route.at_root) + route.path)) for route in ROUTES]
    served = {route.method for route, pattern in patterns if re.fullmatch(pattern, path)}
    return served | {"HEAD"} if "GET" in served else served


async def test_every_path_takes_the_methods_of_the_table_alone(dashboard: Dashboard, names: Mapping[str, str]) -> None:
    before = dashboard.kept()
    for path in sorted({address(route, names).partition("?")[0] for route in ROUTES}):
        served = methods_at(path)
        for method in METHODS:
            if method not in served:
                answer = await dashboard.call(method, path)

                assert answer.status == 405, (method, path)
                assert set(answer.headers["Allow"].split(",")) == served, (method, path)

    assert dashboard.kept() == before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/{PREFIX}/api/me", 404),
        (f"{PREFIX}//api/me", 404),
        (f"{PREFIX}/api//me", 404),
        (f"{PREFIX}/api/me/", 404),
        (f"{PREFIX}/api/%2e%2e/api/me", 404),
        (f"{PREFIX}/api/../api/me", 404),
        (f"{PREFIX}/api/me;jsessionid=1", 404),
        (f"{PREFIX}/api/me%00", 404),
        (f"{PREFIX}/API/me", 404),
        (f"{PREFIX}/static/../../../etc/passwd", 404),
        (f"{PREFIX}/static/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404),
        (f"{PREFIX}/api%2Fme", 404),
        ("*", 400),
        (quote(PREFIX)[1:], 400),
        ("evil.example:443", 400),
    ],
)
async def test_a_path_that_only_resembles_one_of_ours_is_none(dashboard: Dashboard, path: str, status: int) -> None:
    """As it stands, no client in between to tidy it up."""
    answer = await asked(dashboard, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())

    assert answer.status == status
    assert answer.problem["status"] == status
