"""Every step of access, ready to be made twice, and what the second time is answered."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from application.scheduling.ports.access import Access, TokenUse, Visit
from domain.access import deeds
from domain.access.account import User
from domain.access.role import Role
from domain.access.throttle import LoginKeys
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.accounts import ANA, BOB, TESTER, a_session, a_token, add_ana_and_bob, open_session
from tests.support.builders import HOUR, MINUTE
from tests.support.lost_replies import Call, Repeated, at_once
from tests.support.manual_clock import NOON

KEYS = LoginKeys("account", "address")
LATER = NOON + 2 * MINUTE
EDITOR = User("bob", Role.EDITOR, NOON)


def _inside(call: Callable[[Access], Awaitable[object]]) -> Callable[[StoreUnderTest], Awaitable[Call]]:
    """A call a while after two came in, with a session each, a token of the installation and attempts on record."""

    async def prepare(store: StoreUnderTest) -> Call:
        await add_ana_and_bob(store.access)
        for user in (ANA, BOB):
            await open_session(store.access, f"session of {user.name}", a_session(user))
        await store.access.add_token("token", a_token(), by=TESTER)
        for _ in range(3):
            await store.access.admit_login(KEYS)
        store.clock.advance_to(LATER)
        return lambda: call(store.access)

    return prepare


def _bare(call: Callable[[Access], Awaitable[object]]) -> Callable[[StoreUnderTest], Awaitable[Call]]:
    """A call before anybody came in, while an offer of the set-up stands."""

    async def prepare(store: StoreUnderTest) -> Call:
        await store.access.offer_set_up("offered", until=NOON + HOUR)
        return lambda: call(store.access)

    return prepare


EVE = User("eve", Role.VIEWER, NOON)
_STEPS: dict[str, tuple[Callable[[StoreUnderTest], Awaitable[Call]], object]] = {
    "add_user": (_inside(lambda access: access.add_user(EVE, "hash", by=TESTER)), False),
    "change_user": (_inside(lambda access: access.change_user("bob", role=Role.EDITOR, by=TESTER)), EDITOR),
    "change_user so that sessions end": (
        _inside(lambda access: access.change_user("bob", disabled=True, by=TESTER)),
        replace(BOB, disabled_at=LATER),
    ),
    "set_password": (_inside(lambda access: access.set_password("bob", "other", by=TESTER)), True),
    "set_password in place of one": (
        _inside(lambda access: access.set_password("bob", "other", by=TESTER, replacing="hash of bob")),
        False,
    ),
    "open_session": (_inside(lambda access: open_session(access, "new", a_session(at=LATER))), True),
    "visit": (_inside(lambda access: access.visit("session of ana")), Visit(ANA, a_session().seen(LATER))),
    "end_session": (_inside(lambda access: access.end_session("session of ana", by=TESTER)), None),
    "end_sessions": (_inside(lambda access: access.end_sessions("ana", by=TESTER)), 0),
    "add_token": (_inside(lambda access: access.add_token("new", a_token("new"), by=TESTER)), False),
    "use_token": (_inside(lambda access: access.use_token("token")), TokenUse(a_token().used(LATER), None)),
    "revoke_token": (_inside(lambda access: access.revoke_token("id-None-ci", by=TESTER)), None),
    "offer_set_up": (_bare(lambda access: access.offer_set_up("other", until=LATER)), True),
    "set_up": (_bare(lambda access: access.set_up("offered", ANA, "hash", by=TESTER)), False),
    # What counts and notes does so as often as it is called: an attempt too many is the safe side.
    "admit_login": (_inside(lambda access: access.admit_login(KEYS)), None),
    "forgive_login": (_inside(lambda access: access.forgive_login(KEYS)), None),
    "retract_login": (_inside(lambda access: access.retract_login(KEYS)), None),
    "note": (at_once(lambda store: store.trail.note(deeds.password_set("ana", TESTER))), None),
}
STEPS = {name: Repeated("access_write", prepare, answer) for name, (prepare, answer) in _STEPS.items()}
