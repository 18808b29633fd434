"""A dashboard with a login, and the ways of coming in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote, urlencode

from domain.access.role import Role
from entrypoints.web.app import WebSettings
from entrypoints.web.doors.cookies import NAME
from tests.integration.web.dashboard import FORM, HTML, PREFIX, Answer, Dashboard, serving
from tests.support.accounts import a_doer

PASSWORD = "correct horse battery"
LOGIN = WebSettings(loopback_hosts_only=False, login_required=True)
PEOPLE = {"ana": Role.ADMIN, "bob": Role.OPERATOR}


@asynccontextmanager
async def a_door(settings: WebSettings = LOGIN) -> AsyncIterator[Dashboard]:
    """A dashboard with a login, an admin and an operator, who share a password."""
    async with serving(settings) as dashboard:
        for name, role in PEOPLE.items():
            await dashboard.doors.users.add(a_doer("test"), name, PASSWORD, role)
        dashboard.doors.log.events.clear()
        yield dashboard


async def sign_in(
    dashboard: Dashboard, name: str = "ana", password: str = PASSWORD, next_: str = "", **headers: str
) -> Answer:
    """Send the form of the login page, as a browser that has no cookie yet."""
    fields = f"name={quote(name)}&password={quote(password)}&next={quote(next_)}"
    dashboard.session.cookie_jar.clear()
    shown = {**HTML, **FORM, "Sec-Fetch-Site": "same-origin", **headers}
    return await dashboard.call("POST", f"{PREFIX}/login", raw=fields.encode(), headers=shown)


def cookie_of(answer: Answer, name: str = NAME) -> dict[str, str]:
    """What a browser sends from our own pages once it has this answer."""
    kept = answer.headers["Set-Cookie"].split(";")[0]
    assert kept.startswith(f"{name}=")
    return {"Cookie": kept, "Sec-Fetch-Site": "same-origin"}


async def status_of(dashboard: Dashboard, headers: dict[str, str]) -> int:
    """What somebody who shows this is answered: 200 or 401."""
    dashboard.session.cookie_jar.clear()
    return (await dashboard.call("GET", f"{PREFIX}/api/me", headers=headers)).status


async def signed_in(door: Dashboard, name: str) -> dict[str, str]:
    """What the browser of somebody who has signed in sends from our own pages."""
    account = await door.stores.access.account(name)
    assert account is not None
    opened = await door.doors.sign_in.open(account, "192.0.2.1")
    return {"Cookie": f"{NAME}={opened.secret}", "Sec-Fetch-Site": "same-origin"}


async def send_form(door: Dashboard, path: str, headers: dict[str, str], **fields: str) -> Answer:
    """Send a form with nothing but these headers."""
    door.session.cookie_jar.clear()
    return await door.call("POST", path, raw=urlencode(fields).encode(), headers={**HTML, **FORM, **headers})
