"""Requests whose body is still on its way when their sender loses the right to make them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from domain.access.role import Role
from tests.integration.web.dashboard import PREFIX, TASKS, Dashboard
from tests.integration.web.door import PASSWORD, a_door
from tests.support.accounts import a_doer
from tests.support.waiting import eventually

API = f"{PREFIX}/api"


@asynccontextmanager
async def _pending(
    door: Dashboard, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A request of which everything has been sent but the last byte of its body."""
    base = door.session._base_url
    assert base is not None
    reader, writer = await asyncio.open_connection(base.host, base.port)
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    writer.write(head.encode() + body[:-1])
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{API}/users", {"name": "eve", "password": PASSWORD, "role": "admin"}),
        ("PATCH", f"{API}/users/bob", {"role": "admin"}),
        ("POST", f"{API}/tokens", {"name": "kept", "role": "admin"}),
        ("POST", f"{TASKS}/{{task_id}}/run", {"reason": "a last one"}),
    ],
)
async def test_who_is_disabled_before_the_body_has_arrived_changes_nothing(
    method: str, path: str, body: dict[str, str]
) -> None:
    async with a_door() as door:
        await door.doors.users.add(a_doer("test"), "cai", PASSWORD, Role.ADMIN)
        made = await door.doors.tokens.create(a_doer("ana"), "ci", Role.ADMIN, owner="ana")
        shown = {"Authorization": f"Bearer {made.secret}", "Content-Type": "application/json"}
        maker = await door.doors.tokens.create(a_doer("cai"), "maker", Role.EDITOR)
        door.session.headers["Authorization"] = f"Bearer {maker.secret}"
        address = path.format(task_id=(await door.create())["id"])
        before = door.kept()

        def is_admitted() -> bool:
            return any(each.owner == "ana" and each.used_at for each in door.stores.access._tokens.values())

        raw = json.dumps(body).encode()
        async with _pending(door, method, address, raw, shown) as (reader, writer):
            await eventually(is_admitted)
            await door.doors.users.change(a_doer("cai"), "ana", disabled=True)
            writer.write(raw[-1:])
            answer = await reader.read()

        assert answer.startswith(b"HTTP/1.1 401 ")
        assert door.kept() == before
        assert [(user.name, user.role) for user in await door.stores.access.users()] == [
            ("ana", Role.ADMIN),
            ("bob", Role.OPERATOR),
            ("cai", Role.ADMIN),
        ]
        assert {each.name for each in await door.stores.access.tokens()} == {"ci", "maker"}
