"""Access over any store, with passwords that take no time and a log that can be read."""

from dataclasses import dataclass, field
from typing import TypeVar

from application.scheduling.ports.access import Access
from application.scheduling.ports.access_trail import AccessTrail
from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.services.check_password import CheckPassword
from application.scheduling.services.credentials import digest
from application.scheduling.services.identify import Identify
from application.scheduling.services.inspect_access import InspectAccess
from application.scheduling.services.manage_account import ManageAccount
from application.scheduling.services.manage_tokens import ManageTokens
from application.scheduling.services.manage_users import ManageUsers
from application.scheduling.services.note_refusals import NoteRefusals
from application.scheduling.services.set_up import SetUp
from application.scheduling.services.sign_in import SignIn
from domain.access.events import AccessEvent

Kind = TypeVar("Kind")


@dataclass(slots=True)
class QuickPasswords:
    """`Passwords` that turns them around; it counts how often it was asked to compare, and with what."""

    compared: list[str | None] = field(default_factory=list)

    async def hash(self, password: str) -> str:
        """See the port."""
        return f"hash:{password[::-1]}"

    async def matches(self, password: str, kept: str | None) -> bool:
        """See the port."""
        self.compared.append(kept)
        return kept == f"hash:{password[::-1]}"


@dataclass(slots=True)
class RecordingAccessLog:
    """`AccessLog` that keeps every event in order."""

    events: list[AccessEvent] = field(default_factory=list)

    def observe(self, event: AccessEvent) -> None:
        """See the port."""
        self.events.append(event)

    def seen(self, kind: type[Kind]) -> list[Kind]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]


class Doors:
    """Every use case of access, over one store."""

    def __init__(
        self, access: Access, trail: AccessTrail, clock: Clock, entropy: Entropy, admin_token: str | None = None
    ) -> None:
        self.access, self.passwords, self.log = access, QuickPasswords(), RecordingAccessLog()
        self.trail = InspectAccess(trail)
        self.refusals = NoteRefusals(trail, clock, self.log)
        self.identify = Identify(access, self.refusals, digest(admin_token) if admin_token else None)
        self.check = CheckPassword(access, self.passwords, clock, self.refusals)
        self.sign_in = SignIn(access, self.check, clock, entropy, self.log)
        self.set_up = SetUp(access, self.passwords, clock, entropy, self.log)
        self.account = ManageAccount(access, self.check, self.sign_in, self.passwords, self.log)
        self.users = ManageUsers(access, self.passwords, clock, self.log)
        self.tokens = ManageTokens(access, clock, entropy, self.log)
