"""The record of access as page and API, and the sessions of others."""

from domain.access.role import Role
from tests.integration.web.dashboard import HTML, PREFIX, Dashboard, serving
from tests.integration.web.door import LOGIN, PASSWORD, a_door, send_form, sign_in, signed_in
from tests.integration.web.pages import CANARIES, Elements, assert_harmless, words
from tests.support.accounts import a_doer

PAGE = f"{PREFIX}/audit/access"
API = f"{PREFIX}/api/access"


async def _as_admin(door: Dashboard) -> dict[str, str]:
    made = await door.doors.tokens.create(a_doer("ana"), "ops", Role.ADMIN)
    return {"Authorization": f"Bearer {made.secret}"}


async def test_who_did_what_is_told_with_the_way_and_the_address() -> None:
    async with a_door() as door:
        headers = await _as_admin(door)
        await door.call("PATCH", f"{PREFIX}/api/users/bob", {"role": "viewer"}, headers=headers)
        await sign_in(door, password="wrong")
        await sign_in(door)
        door.session.cookie_jar.clear()
        await door.call("GET", f"{PREFIX}/api/me", headers={"Authorization": "Bearer made-up"})
        await door.call("GET", f"{PREFIX}/users", headers={**await signed_in(door, "bob"), **HTML})
        records = (await door.call("GET", f"{API}/records?limit=7", headers=headers)).json["records"]

    told = [(each["actor"], each["via"], each["address"], each["action"], each["subject"]) for each in records]
    assert told == [
        ("bob", "page", "127.0.0.1", "permission_refused", "bob"),
        ("bob", "page", "192.0.2.1", "signed_in", "bob"),
        ("", "api", "127.0.0.1", "token_refused", ""),
        ("ana", "page", "127.0.0.1", "signed_in", "ana"),
        ("", "page", "127.0.0.1", "sign_in_failed", "ana"),
        ("token:ops", "api", "127.0.0.1", "user_changed", "bob"),
        ("ana", "cli", "", "token_made", "token:ops"),
    ]


async def test_the_record_holds_no_secret() -> None:
    async with a_door() as door:
        headers = await _as_admin(door)
        await sign_in(door, name=PASSWORD, password="my-other-password")
        answer = await sign_in(door)
        text = (await door.call("GET", f"{API}/records", headers=headers)).text

    secrets = [PASSWORD, "my-other-password", headers["Authorization"][7:], answer.headers["Set-Cookie"][20:60]]
    assert [each for each in secrets if each in text] == []


async def test_the_pages_of_the_record_lead_on_and_back() -> None:
    async with a_door() as door:
        shown = {**await signed_in(door, "ana"), **HTML}
        await door.doors.users.add(a_doer("ana"), "cai", PASSWORD, Role.EDITOR)
        page = await door.call("GET", f"{PAGE}?limit=2&action=user_added", headers=shown)
        (older,) = (each for each in Elements(page.text).links if "older_than" in each)
        rest = await door.call("GET", older, headers=shown)
        newest = f"{PAGE}?limit=2&action=user_added" in Elements(rest.text).links

    assert [role for role in ("as editor", "as operator", "as admin") if role in page.text] == [
        "as editor",
        "as operator",
    ]
    assert [role for role in ("as editor", "as operator", "as admin") if role in rest.text] == ["as admin"]
    assert newest


async def test_the_page_checks_the_chain_and_says_where_it_breaks() -> None:
    async with a_door() as door:
        shown = {**await signed_in(door, "ana"), **HTML}
        whole = await door.call("GET", f"{PAGE}?check=true", headers=shown)
        del door.stores.state.chain.records[1]
        broken = await door.call("GET", f"{PAGE}?check=true", headers=shown)
        found = (await door.call("GET", f"{API}/check", headers=await signed_in(door, "ana"))).json

    assert "Every record is as it was written: 3 of them" in words(whole.text)
    assert "Record 2 was altered or removed" in words(broken.text)
    assert (found["first"], found["whole"], found["broken_at"]) == (1, 1, 2)


async def test_what_people_are_called_on_the_command_line_is_harmless() -> None:
    async with a_door() as door:
        for number, canary in enumerate(CANARIES):
            await door.doors.users.add(a_doer(canary), f"user-{number}", PASSWORD, Role.VIEWER)
        page = await door.call("GET", PAGE, headers={**await signed_in(door, "ana"), **HTML})

    assert_harmless(page.text)
    assert CANARIES[0] in words(page.text)


async def test_an_admin_sees_where_others_are_signed_in_and_ends_it() -> None:
    async with a_door() as door:
        bob, ana = await signed_in(door, "bob"), await signed_in(door, "ana")
        page = await door.call("GET", f"{PREFIX}/users", headers={**ana, **HTML})
        ended = await send_form(door, f"{PREFIX}/users/bob/sessions/end", ana)
        statuses = [(await door.call("GET", f"{PREFIX}/api/me", headers=each)).status for each in (bob, ana)]

    assert Elements(page.text).all("form", action=f"{PREFIX}/users/bob/sessions/end")
    assert "192.0.2.1" in words(page.text)
    assert ended.headers["Location"].endswith("/users?notice=user_sessions")
    assert statuses == [401, 200]


async def test_the_api_lists_and_ends_sessions() -> None:
    async with a_door() as door:
        await signed_in(door, "bob")
        headers, path = await _as_admin(door), f"{PREFIX}/api/users/bob/sessions"
        listed = await door.call("GET", path, headers=headers)
        ended = await door.call("DELETE", path, headers=headers)
        again = await door.call("GET", path, headers=headers)
        unknown = [
            await door.call(method, f"{PREFIX}/api/users/nobody/sessions", headers=headers)
            for method in ("GET", "DELETE")
        ]

    assert [each["address"] for each in listed.json["sessions"]] == ["192.0.2.1"]
    assert (ended.status, again.json) == (204, {"sessions": []})
    assert [each.status for each in unknown] == [404, 404]


async def test_without_a_login_there_are_no_sessions_and_the_record_is_there() -> None:
    async with serving(type(LOGIN)()) as dashboard:
        statuses = [
            (await dashboard.get(path)).status
            for path in (f"{PREFIX}/api/users/ana/sessions", f"{API}/records", f"{API}/check")
        ]
        page = await dashboard.page(PAGE)

    assert statuses == [404, 200, 200]
    assert "Nothing has happened yet" in words(page.text)
