"""Coming in by the pages: sign-in, sign-out, the first admin, and what the browser is told to keep."""

from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network
from urllib.parse import quote

import pytest
from yarl import URL

from domain.access.account import IDLE_MAX
from domain.access.events import AccessChanged, SignedIn, SignedOut, SignInDelayed, SignInFailed
from domain.access.role import Role
from domain.access.throttle import FREE_PER_ACCOUNT
from entrypoints.web.app import WebSettings
from entrypoints.web.cookies import NAME, SECURE_NAME
from tests.integration.web.dashboard import FORM, HTML, PAGE, PREFIX, TASKS, Answer, Dashboard, a_body, serving

PASSWORD = "correct horse battery"
LOGIN = WebSettings(loopback_hosts_only=False, login_required=True)
HTTPS = WebSettings(loopback_hosts_only=False, login_required=True, public_origin="https://ops.example.org")
BEHIND_PROXY = WebSettings(
    loopback_hosts_only=False,
    login_required=True,
    trusted_proxies=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")),
)


@pytest.fixture
async def door() -> AsyncIterator[Dashboard]:
    """A dashboard with a login, an admin and a viewer."""
    async with serving(LOGIN) as dashboard:
        await _let_in(dashboard)
        yield dashboard


async def _let_in(dashboard: Dashboard) -> None:
    await dashboard.doors.users.add("test", "ana", PASSWORD, Role.ADMIN)
    await dashboard.doors.users.add("test", "bob", PASSWORD, Role.VIEWER)


async def _sign_in(
    dashboard: Dashboard, name: str = "ana", password: str = PASSWORD, next_: str = "", **headers: str
) -> Answer:
    fields = f"name={quote(name)}&password={quote(password)}&next={quote(next_)}"
    # A browser keeps its cookies; these tests say each time which one they show.
    dashboard.session.cookie_jar.clear()
    shown = {**HTML, **FORM, "Sec-Fetch-Site": "same-origin", **headers}
    return await dashboard.call("POST", f"{PREFIX}/login", raw=fields.encode(), headers=shown)


def _cookie(answer: Answer, name: str = NAME) -> dict[str, str]:
    kept = answer.headers["Set-Cookie"].split(";")[0]
    assert kept.startswith(f"{name}=")
    return {"Cookie": kept, "Sec-Fetch-Site": "same-origin"}


async def _status(dashboard: Dashboard, headers: dict[str, str]) -> int:
    dashboard.session.cookie_jar.clear()
    return (await dashboard.call("GET", f"{PREFIX}/api/me", headers=headers)).status


# --- Sign-in ---


async def test_who_signs_in_comes_to_where_they_wanted_to_go(door: Dashboard) -> None:
    asked = await door.page(f"{PAGE}?q=a&sort=name")
    page = await door.page(asked.headers["Location"])
    answer = await _sign_in(door, next_=f"{PAGE}?q=a&sort=name")

    assert URL(asked.headers["Location"]) == URL(f"{PREFIX}/login") % {"next": f"{PAGE}?q=a&sort=name"}
    assert f'value="{PAGE}?q=a&amp;sort=name"' in page.text
    assert (answer.status, answer.headers["Location"]) == (303, f"{PAGE}?q=a&sort=name")
    assert await _status(door, _cookie(answer)) == 200
    assert door.doors.log.seen(SignedIn) == [SignedIn("ana", "127.0.0.1")]


@pytest.mark.parametrize(
    "asked",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/admin/scheduler\\evil",
        "/admin/schedulerevil",
        "/elsewhere",
        f"{PREFIX}/a b",
        f"{PREFIX}/\r\nSet-Cookie: a=b",
        f"{PREFIX}/" + "x" * 3_000,
        "javascript:alert(1)",
        "",
    ],
)
async def test_nobody_is_led_anywhere_else(door: Dashboard, asked: str) -> None:
    assert (await _sign_in(door, next_=asked)).headers["Location"] == PAGE


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ana", "another password"),
        ("ana", ""),
        ("nobody", PASSWORD),
        ("disabled", PASSWORD),
        ("a b", PASSWORD),
        ("", ""),
        ("ana", PASSWORD + "\u0301" * 300),
        ("ana\n127.0.0.1", PASSWORD),
    ],
)
async def test_whatever_does_not_fit_is_refused_alike_after_the_same_work(
    door: Dashboard, name: str, password: str
) -> None:
    await door.doors.users.add("test", "disabled", PASSWORD, Role.ADMIN)
    await door.doors.users.change("test", "disabled", disabled=True)
    wrong = await _sign_in(door, "ana", "a wrong password")

    answer = await _sign_in(door, name, password)

    shown = [each.text.replace(f'value="{name}"', "").replace('value="ana"', "") for each in (answer, wrong)]
    assert (answer.status, wrong.status) == (401, 401)
    assert "Set-Cookie" not in answer.headers
    assert "\n" in name or shown[0] == shown[1]
    assert len(door.doors.passwords.compared) == 2
    assert password == "" or password not in answer.text


async def test_what_nobody_is_called_is_not_told_to_the_log(door: Dashboard) -> None:
    await _sign_in(door, "my secret passphrase", "x")
    await _sign_in(door, "ana", "x")

    assert door.doors.log.seen(SignInFailed) == [SignInFailed(None, "127.0.0.1"), SignInFailed("ana", "127.0.0.1")]


async def test_names_are_taken_in_any_case_and_passwords_in_any_composition(door: Dashboard) -> None:
    await door.doors.users.add("test", "cai", "caf\u00e9 au lait", Role.VIEWER)

    assert (await _sign_in(door, " Cai ", "cafe\u0301 au lait")).status == 303
    assert (await _sign_in(door, "cai", "Caf\u00e9 au lait")).status == 401


async def test_guessing_is_slowed_down_and_keeps_nobody_else_waiting(door: Dashboard) -> None:
    for _ in range(FREE_PER_ACCOUNT):
        assert (await _sign_in(door, "ana", "wrong")).status == 401
    compared = len(door.doors.passwords.compared)

    delayed = await _sign_in(door)
    other = await _sign_in(door, "bob")

    assert (delayed.status, delayed.headers["Retry-After"]) == (429, "1")
    assert other.status == 303
    assert len(door.doors.passwords.compared) == compared + 1
    assert door.doors.log.seen(SignInDelayed) == [SignInDelayed("127.0.0.1")]
    door.clock.advance(timedelta(seconds=1))
    assert (await _sign_in(door)).status == 303
    assert (await _sign_in(door, "ana", "wrong")).status == 401


async def test_behind_a_trusted_proxy_guessers_are_told_apart() -> None:
    async with serving(BEHIND_PROXY) as door:
        await _let_in(door)
        guesser = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9, 10.0.0.1"}
        for _ in range(FREE_PER_ACCOUNT):
            await _sign_in(door, "ana", "wrong", **guesser)

        still = await _sign_in(door, **{"X-Forwarded-For": "192.0.2.99, 203.0.113.9, 10.0.0.1"})
        other = await _sign_in(door, **{"X-Forwarded-For": "192.0.2.99"})

    assert (still.status, other.status) == (429, 303)
    assert door.doors.log.seen(SignInFailed)[0].address == "203.0.113.9"


async def test_nobody_else_is_believed_about_addresses(door: Dashboard) -> None:
    for number in range(FREE_PER_ACCOUNT):
        await _sign_in(door, "ana", "wrong", **{"X-Forwarded-For": f"192.0.2.{number}"})

    assert (await _sign_in(door, **{"X-Forwarded-For": "192.0.2.99"})).status == 429


# --- Sessions ---


async def test_each_sign_in_has_a_new_secret_and_ends_the_session_before_it(door: Dashboard) -> None:
    first = _cookie(await _sign_in(door))
    second = _cookie(await _sign_in(door, Cookie=first["Cookie"]))

    assert first != second
    assert (await _status(door, first), await _status(door, second)) == (401, 200)


async def test_signing_out_ends_the_session_at_the_server_too(door: Dashboard) -> None:
    cookie = _cookie(await _sign_in(door))

    answer = await door.call("POST", f"{PREFIX}/logout", raw=b"", headers={**HTML, **FORM, **cookie})

    assert (answer.status, answer.headers["Location"]) == (303, f"{PREFIX}/login?notice=signed_out")
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert await _status(door, cookie) == 401
    assert door.doors.log.seen(SignedOut) == [SignedOut("ana")]
    assert "signed out" in (await door.page(answer.headers["Location"])).text


async def test_pages_that_refresh_themselves_keep_nobody_from_falling_idle(door: Dashboard) -> None:
    watching, working = _cookie(await _sign_in(door)), _cookie(await _sign_in(door, "bob"))
    statuses = []
    for _ in range(3):
        door.clock.advance(IDLE_MAX / 3)
        statuses.append([await _status(door, {**watching, "X-Refresh": "live"}), await _status(door, working)])

    assert statuses == [[200, 200], [200, 200], [401, 200]]


async def test_on_plain_http_the_cookie_has_a_plain_name(door: Dashboard) -> None:
    answer = await _sign_in(door)

    parts = answer.headers["Set-Cookie"].split("; ")
    assert len(parts[0].removeprefix(f"{NAME}=")) == 64
    assert set(parts[1:]) == {"HttpOnly", "Path=/", "SameSite=Strict"}
    assert "Strict-Transport-Security" not in answer.headers


async def test_on_https_the_cookie_is_bound_to_host_and_https() -> None:
    async with serving(HTTPS) as door:
        await _let_in(door)
        answer = await _sign_in(door, Host="ops.example.org")

        parts = answer.headers["Set-Cookie"].split("; ")
        assert parts[0].startswith(f"{SECURE_NAME}=")
        assert set(parts[1:]) == {"HttpOnly", "Path=/", "SameSite=Strict", "Secure"}
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert await _status(door, _cookie(answer, SECURE_NAME)) == 200
        plain = {"Cookie": parts[0].replace(SECURE_NAME, NAME)}
        assert await _status(door, plain) == 401


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
    async with serving(HTTPS) as door:
        await _let_in(door)

        assert (await door.get(f"{PREFIX}/login", Host=host)).status == status
        assert (await door.get("/health/live", Host=host)).status == 200


async def test_a_change_with_a_cookie_needs_a_browsers_word_for_where_it_comes_from(door: Dashboard) -> None:
    cookie = {"Cookie": _cookie(await _sign_in(door))["Cookie"]}
    door.session.cookie_jar.clear()

    bare = await door.call("POST", TASKS, a_body(), headers=cookie)
    elsewhere = await door.call("POST", TASKS, a_body(), headers={**cookie, "Sec-Fetch-Site": "cross-site"})
    ours = await door.call("POST", TASKS, a_body(), headers={**cookie, "Sec-Fetch-Site": "same-origin"})

    assert (bare.status, elsewhere.status, ours.status) == (403, 403, 201)
    assert bare.json["type"].endswith("/cross_site")


async def test_what_is_done_is_recorded_under_the_name_of_who_did_it(door: Dashboard) -> None:
    door.session.cookie_jar.clear()
    cookie = _cookie(await _sign_in(door))
    made = await door.doors.tokens.create("ana", "ci", Role.EDITOR, owner="ana")
    installed = await door.doors.tokens.create("ana", "ci", Role.EDITOR)

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
    made = await door.doors.tokens.create("ana", "ci", Role.ADMIN)

    for name in ("token", "access_token", "api_key"):
        assert (await door.get(f"{PREFIX}/api/me?{name}={made.secret}")).status == 401


async def test_the_admin_token_of_the_settings_opens_everything() -> None:
    async with serving(LOGIN, admin_token="0123456789abcdef" * 2) as door:
        answer = await door.get(f"{PREFIX}/api/me", Authorization="Bearer " + "0123456789abcdef" * 2)
        wrong = await door.get(f"{PREFIX}/api/me", Authorization="Bearer " + "0123456789abcdef" * 2 + "0")
        page = await door.page(f"{PREFIX}/login")
        set_up = await door.page(f"{PREFIX}/set-up")

    assert answer.json == {"actor": "token:SCHEDULER_ADMIN_TOKEN", "role": "admin", "user": None}
    assert (wrong.status, page.status, set_up.status) == (401, 200, 404)


# --- The first admin ---


async def _set_up(dashboard: Dashboard, token: str, name: str = "ana", password: str = PASSWORD) -> Answer:
    fields = f"token={quote(token)}&name={quote(name)}&password={quote(password)}"
    dashboard.session.cookie_jar.clear()
    return await dashboard.form(f"{PREFIX}/set-up", fields)


async def test_before_anybody_can_come_in_the_set_up_is_all_there_is() -> None:
    async with serving(LOGIN) as door:
        token = await door.doors.set_up.offer()
        assert token is not None
        asked = await door.page(PAGE)
        led = await door.page(asked.headers["Location"])
        page = await door.page(led.headers["Location"])
        done = await _set_up(door, token)

        assert led.headers["Location"] == f"{PREFIX}/set-up"
        assert "Make the first admin" in page.text
        assert (done.status, done.headers["Location"]) == (303, PAGE)
        assert await _status(door, _cookie(done)) == 200
        assert (await _set_up(door, token, "bob")).status == 404
        assert (await door.page(f"{PREFIX}/set-up")).status == 404
        assert door.doors.log.seen(AccessChanged) == [AccessChanged("set-up", "added user ana as admin")]
        assert await door.doors.set_up.offer() is None


async def test_without_the_token_no_password_is_ever_hashed() -> None:
    async with serving(LOGIN) as door:
        token = await door.doors.set_up.offer()
        assert token is not None
        wrong = await _set_up(door, "0" * 32)
        weak = await _set_up(door, token, password="password1")
        door.clock.advance(timedelta(minutes=15))
        late = await _set_up(door, token)

        assert (wrong.status, weak.status, late.status) == (403, 422, 403)
        assert "guessed first" in weak.text
        assert token not in wrong.text + weak.text + late.text
        assert "password1" not in weak.text
        assert await door.doors.set_up.is_open()


async def test_where_no_login_is_asked_for_nobody_makes_accounts_for_later(dashboard: Dashboard) -> None:
    answers = [
        await dashboard.page(f"{PREFIX}/set-up"),
        await _set_up(dashboard, "0" * 32),
        await dashboard.page(f"{PREFIX}/users"),
        await dashboard.form(f"{PREFIX}/users", f"name=eve&password={quote(PASSWORD)}&role=admin"),
        await dashboard.form(f"{PREFIX}/tokens", "name=eve&role=admin&days="),
        await dashboard.call("POST", f"{PREFIX}/api/tokens", {"name": "eve", "role": "admin"}),
        await dashboard.page(f"{PREFIX}/account"),
    ]

    assert {answer.status for answer in answers} == {404}
    assert await dashboard.stores.access.is_bare()
    assert (await dashboard.page(f"{PREFIX}/login")).headers["Location"] == PAGE


async def test_what_a_proxy_hands_on_is_not_let_in_without_a_login(dashboard: Dashboard) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        answer = await dashboard.get(TASKS, **{name: "198.51.100.7"})
        assert answer.status == 421
