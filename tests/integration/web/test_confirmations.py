"""What a session alone does not open: the doors for others take the password, or a token."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from domain.access.role import Role
from tests.integration.web.dashboard import PREFIX, Dashboard
from tests.integration.web.door import PASSWORD, a_door, send_form, signed_in
from tests.support.accounts import a_doer

USERS, API = f"{PREFIX}/users", f"{PREFIX}/api"


@pytest.fixture
async def door() -> AsyncIterator[Dashboard]:
    """A dashboard with a login, an admin and an operator."""
    async with a_door() as dashboard:
        yield dashboard


async def _everybody(door: Dashboard) -> str:
    """Who may come in, with passwords and tokens."""
    access = door.stores.access
    users = [await access.account(user.name) for user in await access.users()]
    return repr([(each.user, each.password_hash) for each in users if each is not None]) + repr(await access.tokens())


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (USERS, {"name": "eve", "password": "some other words", "role": "viewer"}),
        (f"{USERS}/bob/role", {"role": "admin"}),
        (f"{USERS}/bob/password", {"password": "some other words"}),
        (f"{PREFIX}/tokens", {"name": "kept", "role": "admin", "days": ""}),
    ],
)
async def test_a_session_alone_lets_nobody_else_in(door: Dashboard, path: str, fields: dict[str, str]) -> None:
    ana, before = await signed_in(door, "ana"), await _everybody(door)

    without = await send_form(door, path, ana, **fields)
    wrong = await send_form(door, path, ana, **fields, own_password="a guess at it")

    assert (without.status, wrong.status) == (401, 401)
    assert "a guess at it" not in wrong.text
    assert await _everybody(door) == before
    assert (await send_form(door, path, ana, **fields, own_password=PASSWORD)).status in (200, 303)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/users", {"name": "eve", "password": PASSWORD, "role": "viewer"}),
        ("PATCH", "/users/bob", {"role": "admin"}),
        ("PUT", "/users/ana/password", {"password": "some other words"}),
        ("POST", "/tokens", {"name": "kept", "role": "viewer"}),
    ],
)
async def test_nor_does_it_by_the_api(door: Dashboard, method: str, path: str, body: dict[str, str]) -> None:
    ana, before = await signed_in(door, "ana"), await _everybody(door)
    door.session.cookie_jar.clear()

    answer = await door.call(method, f"{API}{path}", body, headers=ana)

    assert (answer.status, answer.json["type"].rpartition("/")[2]) == (403, "forbidden")
    assert await _everybody(door) == before


@pytest.mark.parametrize(("asked", "days"), [(None, 7), (30, 7), (1, 1)])
async def test_a_token_does_not_outlive_itself_by_making_another(door: Dashboard, asked: int | None, days: int) -> None:
    end = door.clock.now() + timedelta(days=7)
    made = await door.doors.tokens.create(a_doer("ana"), "ops", Role.ADMIN, expires_at=end)
    body = {"name": "heir", "role": "admin", "expires_in_days": asked}

    answer = await door.call("POST", f"{API}/tokens", body, headers={"Authorization": f"Bearer {made.secret}"})

    shown = {"Authorization": f"Bearer {made.secret}"}
    page = await send_form(door, f"{PREFIX}/tokens", shown, name="by-form", role="admin", days=str(asked or ""))

    assert (answer.status, page.status) == (201, 200)
    ends = {each.name: each.expires_at for each in await door.stores.access.tokens()}
    assert ends["heir"] == ends["by-form"] == door.clock.now() + timedelta(days=days)
