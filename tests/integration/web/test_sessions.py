"""Sessions and tokens: what a browser or a program shows, and for how long it is good."""

from collections.abc import AsyncIterator

import pytest

from domain.access.account import IDLE_MAX
from domain.access.events import SignedOut
from domain.access.role import Role
from entrypoints.web.app import WebSettings
from entrypoints.web.doors.cookies import NAME, SECURE_NAME
from tests.integration.web.dashboard import FORM, HTML, PREFIX, TASKS, Dashboard, a_body, serving
from tests.integration.web.door import LOGIN, a_door, cookie_of, sign_in, status_of
from tests.support.accounts import TESTER, a_doer

HTTPS = WebSettings(loopback_hosts_only=False, login_required=True, public_origin="https://ops.example.org")


@pytest.fixture
async def door() -> AsyncIterator[Dashboard]:
    """A dashboard with a login, an admin and an operator."""
    async with a_door() as dashboard:
        yield dashboard


async def test_each_sign_in_has_a_new_secret_and_ends_the_session_before_it(door: Dashboard) -> None:
    first = cookie_of(await sign_in(door))
    second = cookie_of(await sign_in(door, Cookie=first["Cookie"]))

    assert first != second
    assert (await status_of(door, first), await status_of(door, second)) == (401, 200)


async def test_a_sign_in_under_way_does_not_survive_a_new_password(
    door: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def matches_as_the_password_is_reset(*_: object) -> bool:
        await door.stores.access.set_password("ana", "another hash", by=TESTER)
        return True

    monkeypatch.setattr(type(door.doors.passwords), "matches", matches_as_the_password_is_reset)
    answer = await sign_in(door)

    assert answer.status == 401
    assert await door.stores.access.sessions("ana") == []


async def test_signing_out_ends_the_session_at_the_server_too(door: Dashboard) -> None:
    cookie = cookie_of(await sign_in(door))

    answer = await door.call("POST", f"{PREFIX}/logout", raw=b"", headers={**HTML, **FORM, **cookie})

    assert (answer.status, answer.headers["Location"]) == (303, f"{PREFIX}/login?notice=signed_out")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert await status_of(door, cookie) == 401
    assert door.doors.log.seen(SignedOut) == [SignedOut("ana")]
    assert "signed out" in (await door.page(answer.headers["Location"])).text


async def test_pages_that_refresh_themselves_keep_nobody_from_falling_idle(door: Dashboard) -> None:
    watching, working = cookie_of(await sign_in(door)), cookie_of(await sign_in(door, "bob"))
    statuses = []
    for _ in range(3):
        door.clock.advance(IDLE_MAX / 3)
        statuses.append([await status_of(door, {**watching, "X-Refresh": "live"}), await status_of(door, working)])

    assert statuses == [[200, 200], [200, 200], [401, 200]]


async def test_on_plain_http_the_cookie_has_a_plain_name(door: Dashboard) -> None:
    answer = await sign_in(door)

    parts = answer.headers["Set-Cookie"].split("; ")
    assert len(parts[0].removeprefix(f"{NAME}=")) == 64
    assert set(parts[1:]) == {"HttpOnly", "Path=/", "SameSite=Strict"}
    assert "Strict-Transport-Security" not in answer.headers


async def test_on_https_the_cookie_is_bound_to_host_and_https() -> None:
    async with a_door(HTTPS) as door:
        answer = await sign_in(door, Host="ops.example.org")

        parts = answer.headers["Set-Cookie"].split("; ")
        assert parts[0].startswith(f"{SECURE_NAME}=")
        assert set(parts[1:]) == {"HttpOnly", "Path=/", "SameSite=Strict", "Secure"}
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert await status_of(door, cookie_of(answer, SECURE_NAME)) == 200
        plain = {"Cookie": parts[0].replace(SECURE_NAME, NAME)}
        assert await status_of(door, plain) == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("ops.example.org", 200),
        ("OPS.example.org:443", 200),
        ("127.0.0.1:8080", 200),
        ("ops.example.org:8443", 421),
        ("evil.example", 421),
        ("ops.example.org.evil.example", 421),
        ("user@ops.example.org", 421),
    ],
)
async def test_with_a_public_address_only_its_host_is_answered(host: str, status: int) -> None:
    async with a_door(HTTPS) as door:
        assert (await door.get(f"{PREFIX}/login", Host=host)).status == status
        assert (await door.get("/health/live", Host=host)).status == 200


async def test_a_change_with_a_cookie_needs_a_browsers_word_for_where_it_comes_from(door: Dashboard) -> None:
    cookie = {"Cookie": cookie_of(await sign_in(door))["Cookie"]}
    door.session.cookie_jar.clear()

    bare = await door.call("POST", TASKS, a_body(), headers=cookie)
    elsewhere = await door.call("POST", TASKS, a_body(), headers={**cookie, "Sec-Fetch-Site": "cross-site"})
    ours = await door.call("POST", TASKS, a_body(), headers={**cookie, "Sec-Fetch-Site": "same-origin"})

    assert (bare.status, elsewhere.status, ours.status) == (403, 403, 201)
    assert bare.json["type"].endswith("/cross_site")


async def test_what_is_done_is_recorded_under_the_name_of_who_did_it(door: Dashboard) -> None:
    door.session.cookie_jar.clear()
    cookie = cookie_of(await sign_in(door))
    made = await door.doors.tokens.create(a_doer("ana"), "ci", Role.EDITOR, owner="ana")
    installed = await door.doors.tokens.create(a_doer("ana"), "ci", Role.EDITOR)

    for number, headers in enumerate(
        [cookie, {"Authorization": f"Bearer {made.secret}"}, {"Authorization": f"bearer {installed.secret}"}]
    ):
        door.session.cookie_jar.clear()
        assert (await door.call("POST", TASKS, a_body(name=f"task {number}"), headers=headers)).status == 201

    assert [record.change.actor for record in door.stores.state.changes] == ["ana", "ana/ci", "token:ci"]


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Bearer " + "x" * 600, "Basic YTpi", "pps_abc", ""])
async def test_an_authorization_that_is_none_is_refused(door: Dashboard, authorization: str) -> None:
    answer = await door.get(f"{PREFIX}/api/me", Authorization=authorization)

    assert answer.status == 401


async def test_a_token_in_an_address_opens_nothing(door: Dashboard) -> None:
    made = await door.doors.tokens.create(a_doer("ana"), "ci", Role.ADMIN)

    for name in ("token", "access_token", "api_key"):
        assert (await door.get(f"{PREFIX}/api/me?{name}={made.secret}")).status == 401


async def test_the_admin_token_of_the_settings_opens_everything() -> None:
    async with serving(LOGIN, admin_token="0123456789abcdef" * 2) as door:
        answer = await door.get(f"{PREFIX}/api/me", Authorization="Bearer " + "0123456789abcdef" * 2)
        wrong = await door.get(f"{PREFIX}/api/me", Authorization="Bearer " + "0123456789abcdef" * 2 + "0")
        page = await door.page(f"{PREFIX}/login")
        set_up = await door.page(f"{PREFIX}/set-up")

    assert answer.json == {"actor": "settings:SCHEDULER_ADMIN_TOKEN", "role": "admin", "user": None}
    assert (wrong.status, page.status, set_up.status) == (401, 200, 404)
