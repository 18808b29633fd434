"""People, sessions and tokens for tests of access."""

from datetime import datetime

from application.scheduling.ports.access import Access
from domain.access.account import ApiToken, Session, User
from domain.access.record import Doer
from domain.access.role import Role
from domain.scheduling.change import Via
from tests.support.manual_clock import NOON

ANA, BOB = User("ana", Role.ADMIN, NOON), User("bob", Role.VIEWER, NOON)
TESTER = Doer("test", Via.CLI)


def a_doer(name: str) -> Doer:
    """Somebody of this name, by the command line."""
    return Doer(name, Via.CLI)


async def add_ana_and_bob(access: Access) -> None:
    """Keep both, each with a hash that says whose it is."""
    for user in (BOB, ANA):
        assert await access.add_user(user, f"hash of {user.name}", by=TESTER)


def a_session(user: User = ANA, *, at: datetime = NOON) -> Session:
    """A session of this user, begun and last seen at an instant."""
    return Session(user.name, at, at, "192.0.2.1")


async def open_session(access: Access, digest: str, session: Session) -> bool:
    """Begin a session of one of them, as after a comparison with the first hash."""
    return await access.open_session(digest, session, password_hash=f"hash of {session.user_name}")


def a_token(name: str = "ci", *, owner: str | None = None, expires_at: datetime | None = None) -> ApiToken:
    """A token for editing, with an id that tells tokens of different owners apart."""
    return ApiToken(f"id-{owner}-{name}", name, Role.EDITOR, NOON, owner, expires_at)
