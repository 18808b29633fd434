"""Coming in by the pages: with name and password, and as the first admin."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network
from urllib.parse import quote

import pytest
from yarl import URL

from application.scheduling.ports.passwords import PasswordsBusyError
from domain.access.events import AccessChanged, SignedIn, SignInDelayed, SignInFailed
from domain.access.role import Role
from domain.access.throttle import FREE_PER_ACCOUNT
from entrypoints.web.app import WebSettings
from tests.integration.web.dashboard import FORM, HTML, PAGE, PREFIX, TASKS, Answer, Dashboard, serving
from tests.integration.web.door import LOGIN, PASSWORD, a_door, cookie_of, sign_in, status_of
from tests.support.accounts import a_doer

BEHIND_PROXY = WebSettings(
    loopback_hosts_only=False,
    login_required=True,
    trusted_proxies=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")),
)


@pytest.fixture
async def door() -> AsyncIterator[Dashboard]:
    """A dashboard with a login, an admin and an operator."""
    async with a_door() as dashboard:
        yield dashboard


# --- Sign-in ---


async def test_who_signs_in_comes_to_where_they_wanted_to_go(door: Dashboard) -> None:
    asked = await door.page(f"{PAGE}?q=a&sort=name")
    page = await door.page(asked.headers["Location"])
    answer = await sign_in(door, next_=f"{PAGE}?q=a&sort=name")

    assert URL(asked.headers["Location"]) == URL(f"{PREFIX}/login") % {"next": f"{PAGE}?q=a&sort=name"}
    assert f'value="{PAGE}?q=a&amp;sort=name"' in page.text
    assert (answer.status, answer.headers["Location"]) == (303, f"{PAGE}?q=a&sort=name")
    assert await status_of(door, cookie_of(answer)) == 200
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
    assert (await sign_in(door, next_=asked)).headers["Location"] == PAGE


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
    await door.doors.users.add(a_doer("test"), "disabled", PASSWORD, Role.ADMIN)
    await door.doors.users.change(a_doer("test"), "disabled", disabled=True)
    wrong = await sign_in(door, "ana", "a wrong password")

    answer = await sign_in(door, name, password)

    shown = [each.text.replace(f'value="{name}"', "").replace('value="ana"', "") for each in (answer, wrong)]
    assert (answer.status, wrong.status) == (401, 401)
    assert "Set-Cookie" not in answer.headers
    assert "\n" in name or shown[0] == shown[1]
    assert len(door.doors.passwords.compared) == 2
    assert password == "" or password not in answer.text


async def test_what_nobody_is_called_is_not_told_to_the_log(door: Dashboard) -> None:
    await sign_in(door, "my secret passphrase", "x")
    await sign_in(door, "ana", "x")

    assert door.doors.log.seen(SignInFailed) == [SignInFailed(None, "127.0.0.1"), SignInFailed("ana", "127.0.0.1")]


async def test_names_are_taken_in_any_case_and_passwords_in_any_composition(door: Dashboard) -> None:
    await door.doors.users.add(a_doer("test"), "cai", "caf\u00e9 au lait", Role.VIEWER)

    assert (await sign_in(door, " Cai ", "cafe\u0301 au lait")).status == 303
    assert (await sign_in(door, "cai", "Caf\u00e9 au lait")).status == 401


async def test_guessing_is_slowed_down_and_keeps_nobody_else_waiting(door: Dashboard) -> None:
    for _ in range(FREE_PER_ACCOUNT):
        assert (await sign_in(door, "ana", "wrong")).status == 401
    compared = len(door.doors.passwords.compared)

    delayed = await sign_in(door)
    other = await sign_in(door, "bob")

    assert (delayed.status, delayed.headers["Retry-After"]) == (429, "1")
    assert other.status == 303
    assert len(door.doors.passwords.compared) == compared + 1
    assert door.doors.log.seen(SignInDelayed) == [SignInDelayed("127.0.0.1")]
    door.clock.advance(timedelta(seconds=1))
    assert (await sign_in(door)).status == 303
    assert (await sign_in(door, "ana", "wrong")).status == 401


async def test_what_nobody_had_the_time_to_look_at_is_no_failure(
    door: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> bool:
        raise PasswordsBusyError("others first")

    with monkeypatch.context() as now:
        now.setattr(type(door.doors.passwords), "matches", busy)
        put_off = [(await sign_in(door)).status for _ in range(2 * FREE_PER_ACCOUNT)]

    assert put_off == [429] * (2 * FREE_PER_ACCOUNT)
    assert (await sign_in(door)).status == 303


async def test_behind_a_trusted_proxy_guessers_are_told_apart() -> None:
    async with a_door(BEHIND_PROXY) as door:
        guesser = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9, 10.0.0.1"}
        for _ in range(FREE_PER_ACCOUNT):
            await sign_in(door, "ana", "wrong", **guesser)

        still = await sign_in(door, **{"X-Forwarded-For": "192.0.2.99, 203.0.113.9, 10.0.0.1"})
        other = await sign_in(door, **{"X-Forwarded-For": "192.0.2.99"})

    assert (still.status, other.status) == (429, 303)
    assert door.doors.log.seen(SignInFailed)[0].address == "203.0.113.9"


async def test_nobody_else_is_believed_about_addresses(door: Dashboard) -> None:
    for number in range(FREE_PER_ACCOUNT):
        await sign_in(door, "ana", "wrong", **{"X-Forwarded-For": f"192.0.2.{number}"})

    assert (await sign_in(door, **{"X-Forwarded-For": "192.0.2.99"})).status == 429


async def test_forms_work_over_plain_http_where_browsers_tell_the_origin_and_nothing_else(door: Dashboard) -> None:
    host = "scheduler.example:8080"
    fields = f"name=ana&password={quote(PASSWORD)}&next=".encode()
    page = await door.call("GET", f"{PREFIX}/login", headers={**HTML, "Host": host})

    answers = []
    for origin in (f"http://{host}", "null", "http://evil.example"):
        door.session.cookie_jar.clear()
        headers = {**HTML, **FORM, "Host": host, "Origin": origin}
        answers.append((await door.call("POST", f"{PREFIX}/login", raw=fields, headers=headers)).status)

    # With `no-referrer` browsers would say `Origin: null`.
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert answers == [303, 403, 403]


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
        assert await status_of(door, cookie_of(done)) == 200
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


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host", "Forwarded", "X-Real-IP", "Via"]
)
async def test_what_a_proxy_hands_on_is_not_let_in_without_a_login(dashboard: Dashboard, name: str) -> None:
    assert (await dashboard.get(TASKS, **{name: "198.51.100.7"})).status == 421


async def test_what_a_proxy_hands_on_as_it_does_by_default_is_not_let_in_without_a_login(dashboard: Dashboard) -> None:
    base = dashboard.session._base_url
    assert base is not None
    statuses = []
    for version in ("1.0", "1.1"):
        reader, writer = await asyncio.open_connection(base.host, base.port)
        writer.write(f"GET {TASKS} HTTP/{version}\r\nHost: {base.authority}\r\nConnection: close\r\n\r\n".encode())
        statuses.append(int((await reader.read()).split()[1]))
        writer.close()
        await writer.wait_closed()

    assert statuses == [421, 200]
