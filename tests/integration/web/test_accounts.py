"""The pages and the API of accounts: one's own, and an admin's over all of them."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

import pytest

from application.scheduling.services.credentials import digest
from domain.access.role import Role
from entrypoints.web.app import WebSettings
from entrypoints.web.doors.cookies import NAME, SECURE_NAME
from tests.integration.web.dashboard import HTML, PREFIX, Answer, Dashboard
from tests.integration.web.door import PASSWORD, a_door, send_form, signed_in
from tests.support.accounts import a_doer

ACCOUNT, USERS, API = f"{PREFIX}/account", f"{PREFIX}/users", f"{PREFIX}/api"


@pytest.fixture
async def door() -> AsyncIterator[Dashboard]:
    """A dashboard with a login, an admin and an operator."""
    async with a_door() as dashboard:
        yield dashboard


async def _page(door: Dashboard, path: str, headers: dict[str, str]) -> Answer:
    door.session.cookie_jar.clear()
    return await door.call("GET", path, headers={**HTML, **headers})


async def _is_in(door: Dashboard, headers: dict[str, str]) -> bool:
    door.session.cookie_jar.clear()
    return (await door.call("GET", f"{API}/me", headers=headers)).status == 200


# --- One's own ---


async def test_who_knows_the_old_password_sets_a_new_one_and_stays_in_alone(door: Dashboard) -> None:
    here, elsewhere = await signed_in(door, "bob"), await signed_in(door, "bob")

    wrong = await send_form(door, f"{ACCOUNT}/password", here, old="wrong", new="another fine one")
    weak = await send_form(door, f"{ACCOUNT}/password", here, old=PASSWORD, new="bob12345")
    done = await send_form(door, f"{ACCOUNT}/password", here, old=PASSWORD, new="another fine one")

    assert (wrong.status, weak.status, done.status) == (401, 422, 303)
    assert "another fine one" not in wrong.text
    renewed = {**here, "Cookie": done.headers["Set-Cookie"].split(";")[0]}
    assert [await _is_in(door, each) for each in (here, elsewhere, renewed)] == [False, False, True]
    assert (await door.doors.check.run("bob", "another fine one", "")).user.name == "bob"


async def test_every_other_session_is_ended_on_request(door: Dashboard) -> None:
    here, elsewhere, anas = await signed_in(door, "bob"), await signed_in(door, "bob"), await signed_in(door, "ana")

    done = await send_form(door, f"{ACCOUNT}/sessions/end", here)

    assert done.status == 303
    assert [await _is_in(door, each) for each in (here, elsewhere, anas)] == [True, False, True]


async def test_a_token_is_shown_once_and_only_to_who_knows_the_password(door: Dashboard) -> None:
    bob = await signed_in(door, "bob")
    fields = {"name": "backup", "role": "viewer", "days": "30"}

    refused = await send_form(door, f"{ACCOUNT}/tokens", bob, **fields, password="wrong")
    made = await send_form(door, f"{ACCOUNT}/tokens", bob, **fields, password=PASSWORD)
    (secret,) = re.findall(r"pps_[0-9a-f]{64}", made.text)

    assert (refused.status, made.status) == (401, 200)
    assert "pps_" not in refused.text
    assert 'value="backup"' in refused.text
    assert secret not in (await _page(door, ACCOUNT, bob)).text
    use = await door.stores.access.use_token(digest(secret))
    assert use is not None
    assert (use.token.actor, use.role, use.token.expires_at) == (
        "bob/backup",
        Role.VIEWER,
        door.clock.now() + timedelta(days=30),
    )
    assert secret not in repr(door.stores.access)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "t", "role": "admin", "days": ""}, 422),
        ({"name": "t", "role": "boss", "days": ""}, 422),
        ({"name": "a b", "role": "viewer", "days": ""}, 422),
        ({"name": "t", "role": "viewer", "days": "0"}, 422),
        ({"name": "t", "role": "viewer", "days": "99999"}, 422),
        ({"name": "t", "role": "viewer", "days": "-1"}, 422),
        ({"name": "taken", "role": "viewer", "days": ""}, 409),
        ({"name": "t", "role": "viewer", "owner": "ana"}, 400),
    ],
)
async def test_a_token_that_cannot_be_is_refused(door: Dashboard, fields: dict[str, str], status: int) -> None:
    await door.doors.tokens.create(a_doer("bob"), "taken", Role.VIEWER, owner="bob")

    answer = await send_form(door, f"{ACCOUNT}/tokens", await signed_in(door, "bob"), **fields, password=PASSWORD)

    assert answer.status == status
    assert len(await door.stores.access.tokens()) == 1


@pytest.mark.parametrize(
    ("origin", "host", "shown"),
    [
        ("https://ops.example.org/", "ops.example.org", "https://ops.example.org"),
        (None, "ops.example.org:8080", "http://ops.example.org:8080"),
    ],
)
async def test_the_example_for_a_new_token_does_not_send_it_in_the_clear_where_there_is_tls(
    origin: str | None, host: str, shown: str
) -> None:
    settings = WebSettings(loopback_hosts_only=False, login_required=True, public_origin=origin)
    name = NAME if origin is None else SECURE_NAME
    async with a_door(settings) as door:
        ana = await signed_in(door, "ana")
        ana = {**ana, "Cookie": ana["Cookie"].replace(NAME, name), "Host": host}
        forms = ((f"{ACCOUNT}/tokens", "password"), (f"{PREFIX}/tokens", "own_password"))
        fields = {"name": "t", "role": "viewer", "days": "30"}
        pages = [await send_form(door, path, ana, **fields, **{word: PASSWORD}) for path, word in forms]

    assert [f"curl {shown}{PREFIX}/api/" in page.text for page in pages] == [True, True]


async def test_only_ones_own_tokens_can_be_revoked_on_the_account_page(door: Dashboard) -> None:
    own = await door.doors.tokens.create(a_doer("bob"), "own", Role.VIEWER, owner="bob")
    other = await door.doors.tokens.create(a_doer("ana"), "other", Role.VIEWER, owner="ana")
    bob = await signed_in(door, "bob")

    refused = await send_form(door, f"{ACCOUNT}/tokens/{other.token.id}/revoke", bob)
    done = await send_form(door, f"{ACCOUNT}/tokens/{own.token.id}/revoke", bob)

    assert (refused.status, done.status) == (404, 303)
    assert [each.name for each in await door.stores.access.tokens()] == ["other"]


async def test_a_program_has_no_account(door: Dashboard) -> None:
    made = await door.doors.tokens.create(a_doer("ana"), "ci", Role.ADMIN, owner="ana")

    answer = await _page(door, ACCOUNT, {"Authorization": f"Bearer {made.secret}"})

    assert answer.status == 404


async def test_navigation_shows_people_what_is_theirs(door: Dashboard) -> None:
    admin, operator = (
        await _page(door, ACCOUNT, await signed_in(door, "ana")),
        await _page(door, ACCOUNT, await signed_in(door, "bob")),
    )
    stranger = await door.page(f"{PREFIX}/login")
    refused = await _page(door, USERS, await signed_in(door, "bob"))

    assert f'href="{USERS}"' in admin.text
    assert f'href="{USERS}"' not in operator.text
    assert refused.status == 403
    assert "Sign out" in operator.text
    assert "Sign out" in refused.text
    assert "Sign out" not in stranger.text
    assert "Main" not in stranger.text


# --- Everybody's ---


async def test_an_admin_adds_changes_and_disables_people_on_the_page(door: Dashboard) -> None:
    ana, bob = await signed_in(door, "ana"), await signed_in(door, "bob")

    steps = [
        await send_form(door, USERS, ana, name="Cai", password=PASSWORD, role="editor", own_password=PASSWORD),
        await send_form(door, f"{USERS}/cai/role", ana, role="viewer"),
        await send_form(door, f"{USERS}/cai/password", ana, password="some other words", own_password=PASSWORD),
        await send_form(door, f"{USERS}/bob/disable", ana),
        await send_form(door, f"{USERS}/bob/enable", ana),
    ]

    assert [step.status for step in steps] == [303] * 5
    users = await door.stores.access.users()
    assert [(user.name, user.role, user.is_enabled) for user in users] == [
        ("ana", Role.ADMIN, True),
        ("bob", Role.OPERATOR, True),
        ("cai", Role.VIEWER, True),
    ]
    assert not await _is_in(door, bob)
    assert (await door.doors.check.run("cai", "some other words", "")).user.name == "cai"


@pytest.mark.parametrize(
    ("path", "fields", "status", "told"),
    [
        ("", {"name": "bob", "password": PASSWORD, "role": "viewer"}, 409, "There is a user named bob already"),
        ("", {"name": "c d", "password": PASSWORD, "role": "viewer"}, 422, "A user&#39;s name is"),
        ("", {"name": "cai", "password": "short", "role": "viewer"}, 422, "at least 8"),
        ("", {"name": "cai", "password": PASSWORD, "role": "boss"}, 422, "no such role"),
        ("/ana/disable", {}, 409, "the last enabled admin"),
        ("/ana/role", {"role": "viewer"}, 409, "the last enabled admin"),
        ("/nobody/disable", {}, 404, "no such user"),
        ("/bob/password", {"password": "12345678"}, 422, "guessed first"),
        ("/ana/password", {"password": "some other words"}, 422, "on your account page"),
    ],
)
async def test_what_cannot_be_is_told_on_the_page(
    door: Dashboard, path: str, fields: dict[str, str], status: int, told: str
) -> None:
    own = {} if path.endswith("able") else {"own_password": PASSWORD}

    answer = await send_form(door, USERS + path, await signed_in(door, "ana"), **fields, **own)

    assert answer.status == status
    assert told in answer.text
    assert fields.get("password", "never sent") not in answer.text


async def test_an_admin_makes_and_revokes_tokens_that_are_nobodys(door: Dashboard) -> None:
    ana = await signed_in(door, "ana")
    made = await send_form(door, f"{PREFIX}/tokens", ana, name="deploy", role="editor", days="", own_password=PASSWORD)
    (secret,) = re.findall(r"pps_[0-9a-f]{64}", made.text)
    program = {"Authorization": f"Bearer {secret}"}
    assert await _is_in(door, program)
    (token,) = await door.stores.access.tokens()

    assert (await send_form(door, f"{PREFIX}/tokens/{token.id}/revoke", ana)).status == 303
    assert not await _is_in(door, program)


async def test_the_api_has_the_same(door: Dashboard) -> None:
    made = await door.doors.tokens.create(a_doer("ana"), "ops", Role.ADMIN)
    headers = {"Authorization": f"Bearer {made.secret}"}

    async def call(method: str, path: str, body: object = None) -> Answer:
        return await door.call(method, f"{API}{path}", body, headers=headers)

    added = await call("POST", "/users", {"name": "cai", "password": PASSWORD, "role": "editor"})
    changed = await call("PATCH", "/users/cai", {"role": "viewer", "disabled": True})
    password = await call("PUT", "/users/cai/password", {"password": "some other words"})
    token = await call("POST", "/tokens", {"name": "ci", "role": "viewer", "owner": "bob", "expires_in_days": 1})
    listed = (await call("GET", "/tokens")).json["tokens"]
    revoked = await call("DELETE", f"/tokens/{token.json['id']}")

    assert (added.status, changed.status, password.status, token.status, revoked.status) == (201, 200, 204, 201, 204)
    assert (changed.json["role"], changed.json["disabled"]) == ("viewer", True)
    assert [user["name"] for user in (await call("GET", "/users")).json["users"]] == ["ana", "bob", "cai"]
    assert token.json["token"].startswith("pps_")
    assert [each["name"] for each in listed] == ["ops", "ci"]
    assert all("token" not in each and "digest" not in each for each in listed)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/users", {"name": "cai", "password": "12345678", "role": "viewer"}, 422),
        ("POST", "/users", {"name": "cai", "password": PASSWORD, "role": "boss"}, 422),
        ("POST", "/users", {"name": "cai", "password": PASSWORD}, 422),
        ("POST", "/users", {"name": "bob", "password": PASSWORD, "role": "viewer"}, 409),
        ("POST", "/users", [], 422),
        ("PATCH", "/users/bob", {"password": PASSWORD}, 422),
        ("PATCH", "/users/ana", {"disabled": True}, 409),
        ("PATCH", "/users/nobody", {"disabled": True}, 404),
        ("PATCH", "/users/bob", {"disabled": "true"}, 422),
        ("PUT", "/users/nobody/password", {"password": PASSWORD}, 404),
        ("POST", "/tokens", {"name": "ci", "role": "admin", "owner": "bob"}, 422),
        ("POST", "/tokens", {"name": "ci", "role": "viewer", "owner": "nobody"}, 404),
        ("POST", "/tokens", {"name": "ops", "role": "viewer"}, 409),
        ("DELETE", "/tokens/nope", None, 404),
    ],
)
async def test_the_api_refuses_in_words_and_changes_nothing(
    door: Dashboard, method: str, path: str, body: object, status: int
) -> None:
    made = await door.doors.tokens.create(a_doer("ana"), "ops", Role.ADMIN)
    before = repr((await door.stores.access.users(), [each.id for each in await door.stores.access.tokens()]))

    answer = await door.call(method, f"{API}{path}", body, headers={"Authorization": f"Bearer {made.secret}"})

    assert answer.status == status, answer.text
    assert PASSWORD not in answer.text
    assert "12345678" not in answer.text
    assert repr((await door.stores.access.users(), [each.id for each in await door.stores.access.tokens()])) == before


async def test_a_name_in_an_address_is_text_and_nothing_else(door: Dashboard) -> None:
    ana = await signed_in(door, "ana")

    for name in ("a/b", "..", "<script>", "' OR 1=1 --", "\u202eana"):
        answer = await send_form(door, f"{USERS}/{quote(name, safe='')}/disable", ana)
        assert answer.status in (404, 405), name
        assert "<script>" not in answer.text
