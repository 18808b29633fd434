"""Denied by default: every route of the router, asked for by everybody there is, answers as the table says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

import pytest

from application.scheduling.services.credentials import digest
from domain.access.account import SESSION_MAX, ApiToken, Session, User
from domain.access.role import Role
from entrypoints.web.doors.access import Permission
from entrypoints.web.doors.cookies import NAME
from entrypoints.web.doors.origins import HEADERS
from entrypoints.web.feed import FEED
from entrypoints.web.route import Route
from entrypoints.web.routes import ROUTES
from tests.integration.web.dashboard import HTML, PREFIX, Answer, Dashboard, serving
from tests.integration.web.door import LOGIN
from tests.support.accounts import TESTER
from tests.support.manual_clock import NOON

SAFE = {"GET", "HEAD"}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at the door: what they show, and the role they have; None: none."""

    name: str
    role: Role | None
    headers: dict[str, str] = field(default_factory=dict)


def _secret(name: str) -> str:
    """A secret of the right shape, the same each time."""
    return sha256(name.encode()).hexdigest()


def _cookie(name: str) -> dict[str, str]:
    return {"Cookie": f"{NAME}={_secret(name)}", "Sec-Fetch-Site": "same-origin"}


def _bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {_secret(name)}"}


PEOPLE = [Visitor(role.value, role, _cookie(role.value)) for role in Role]
PROGRAMS = [Visitor(f"token of {role}", role, _bearer(f"token of {role}")) for role in Role]
STRANGERS = [
    Visitor("nobody", None),
    Visitor("with a cookie of their own making", None, _cookie("made up")),
    Visitor("with a session that is over", None, _cookie("over")),
    Visitor("disabled", None, _cookie("disabled")),
    Visitor("with a token of their own making", None, _bearer("made up")),
    Visitor("with a token that is over", None, _bearer("token that is over")),
    Visitor("with a token of somebody disabled", None, _bearer("token of disabled")),
    Visitor("an admin with a bad token beside the cookie", None, {**_cookie("admin"), **_bearer("made up")}),
    Visitor("with name and password in a header", None, {"Authorization": "Basic YWRtaW46YWRtaW4="}),
    Visitor("with a token in the cookie", None, _cookie("token of admin")),
]
# A token of an admin's account that may less than its owner, and one of a viewer's that claims more.
LIMITED = [
    Visitor("an admin's token for viewing", Role.VIEWER, _bearer("admin/viewer")),
    Visitor("a viewer's token for everything", Role.VIEWER, _bearer("viewer/admin")),
]
VISITORS = [*STRANGERS, *PEOPLE, *PROGRAMS, *LIMITED]


async def _let_in(dashboard: Dashboard) -> None:
    """Everybody above, as they would be after a while; whoever left meanwhile is let in again."""
    access = dashboard.stores.access
    for role in Role:
        await access.add_user(User(role.value, role, NOON), "hash", by=TESTER)
        session = Session(role.value, NOON, NOON, "192.0.2.1")
        await access.open_session(digest(_secret(role.value)), session, password_hash="hash")
        await access.add_token(
            digest(_secret(f"token of {role}")), ApiToken(f"id {role}", str(role), role, NOON), by=TESTER
        )
    await access.add_user(User("disabled", Role.ADMIN, NOON), "hash", by=TESTER)
    session = Session("disabled", NOON, NOON, "192.0.2.1")
    await access.open_session(digest(_secret("disabled")), session, password_hash="hash")
    over = Session("admin", NOON - SESSION_MAX, NOON, "192.0.2.1")
    await access.open_session(digest(_secret("over")), over, password_hash="hash")
    owned = [
        (_secret("token of disabled"), "disabled", "own", Role.ADMIN, None),
        (_secret("admin/viewer"), "admin", "viewing", Role.VIEWER, None),
        (_secret("viewer/admin"), "viewer", "everything", Role.ADMIN, None),
        (_secret("token that is over"), "admin", "over", Role.ADMIN, NOON - timedelta(days=1)),
    ]
    for secret, owner, name, role, expires_at in owned:
        token = ApiToken(f"{owner} {name}", name, role, NOON, owner, expires_at)
        await access.add_token(digest(secret), token, by=TESTER)
    await access.change_user("disabled", disabled=True, by=TESTER)


def _path(route: Route) -> str:
    path = re.sub(r"\{[^}]*\}", "nope", route.path)
    return path if route.at_root else PREFIX + path


def _asked() -> Iterator[tuple[Route, str]]:
    """Each route with its method, and HEAD where GET goes."""
    for route in ROUTES:
        yield route, route.method
        if route.method == "GET":
            yield route, "HEAD"


def _is_refused(answer: Answer, method: str) -> bool:
    """True for the two ways of asking a stranger who they are, and for telling somebody that they may not."""
    if answer.status in (401, 403):
        assert method == "HEAD" or answer.json["type"].endswith(("/unauthenticated", "/forbidden"))
        return True
    return False


def _is_due(route: Route, visitor: Visitor) -> bool:
    if route.permission is Permission.PUBLIC:
        return True
    return visitor.role is not None and visitor.role.includes(Role(route.permission))


@pytest.mark.parametrize("visitor", VISITORS, ids=lambda visitor: visitor.name)
async def test_everybody_gets_what_the_table_says_and_nothing_else(visitor: Visitor) -> None:
    async with serving(LOGIN) as dashboard:
        # A stream that is due ends after its first event.
        dashboard.app[FEED].close()
        for route, method in _asked():
            await _let_in(dashboard)
            answer = await dashboard.call(method, _path(route), headers=visitor.headers)

            assert _is_refused(answer, method) is not _is_due(route, visitor), (method, route.path, answer.status)
            assert answer.status < 500 or route.path in ("/health/ready", "/api/health")
            assert ("WWW-Authenticate" in answer.headers) is (answer.status == 401)


@pytest.mark.parametrize("visitor", STRANGERS[:5], ids=lambda visitor: visitor.name)
async def test_a_stranger_with_a_browser_sees_the_login_page_and_nothing_else(visitor: Visitor) -> None:
    async with serving(LOGIN) as dashboard:
        for route, method in _asked():
            await _let_in(dashboard)
            answer = await dashboard.call(method, _path(route), headers={**HTML, **visitor.headers})

            if route.permission is not Permission.PUBLIC and "/api/" not in route.path:
                assert answer.status == 303, (method, route.path)
                assert answer.headers["Location"].startswith(f"{PREFIX}/login?next=")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW"])
async def test_methods_beside_the_table_are_refused_to_everybody(method: str) -> None:
    async with serving(LOGIN) as dashboard:
        await _let_in(dashboard)
        for visitor in (STRANGERS[0], PEOPLE[-1], PROGRAMS[-1]):
            for route in ROUTES:
                headers = {**visitor.headers, "Sec-Fetch-Site": "same-origin"}
                answer = await dashboard.call(method, _path(route), headers=headers)
                assert answer.status in (400, 404, 405), (method, route.path, answer.status)


async def test_refusals_have_every_header() -> None:
    async with serving(LOGIN) as dashboard:
        await _let_in(dashboard)
        answers = [
            await dashboard.get(f"{PREFIX}/api/stats"),
            await dashboard.page(f"{PREFIX}/scheduled-tasks"),
            await dashboard.call("GET", f"{PREFIX}/api/users", headers=_cookie("viewer")),
            await dashboard.call("GET", f"{PREFIX}/users", headers={**HTML, **_cookie("viewer")}),
            await dashboard.page(f"{PREFIX}/login"),
        ]

    assert [answer.status for answer in answers] == [401, 303, 403, 403, 200]
    assert all(answer.headers.items() >= HEADERS.items() for answer in answers)


async def test_a_role_that_is_changed_or_taken_counts_from_the_next_request_on() -> None:
    async with serving(LOGIN) as dashboard:
        await _let_in(dashboard)
        access, path = dashboard.stores.access, f"{PREFIX}/api/users"
        shown = (_cookie("editor"), _bearer("viewer/admin"))

        async def statuses() -> list[int]:
            return [(await dashboard.call("GET", path, headers=headers)).status for headers in shown]

        before = await statuses()
        await access.change_user("editor", role=Role.ADMIN, by=TESTER)
        await access.change_user("viewer", role=Role.ADMIN, by=TESTER)
        promoted = await statuses()
        await access.change_user("editor", role=Role.OPERATOR, by=TESTER)
        await access.change_user("viewer", disabled=True, by=TESTER)
        after = await statuses()

    assert (before, promoted, after) == ([403, 403], [200, 200], [403, 401])


async def test_when_the_store_is_away_nobody_is_let_in() -> None:
    async with serving(LOGIN) as dashboard:
        await _let_in(dashboard)
        await dashboard.store.cut_off()
        for headers in (_cookie("admin"), _bearer("token of admin")):
            answer = await dashboard.call("GET", f"{PREFIX}/api/me", headers=headers)
            assert answer.status == 503
