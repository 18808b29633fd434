"""The record of what happened at the door, and the chain by which it shows that somebody has changed it.

Each record carries the SHA-256 of its own words and of the record before, as in a ledger. So a record that was altered,
removed or put in between does not fit to its neighbour, and the first such place can be told. What is forgotten after
its time goes from the old end only, and the place where the rest begins is kept. Whoever may write the store's file
could make the whole chain anew: against that helps to note its last hash somewhere else (`Link`).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from domain.scheduling.change import Via
from domain.scheduling.identifiers import microseconds

TEXT_MAX = 200
BEGINNING = "0" * 64


class AccessAction(StrEnum):
    """What was done, or was tried and refused."""

    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_DELAYED = "sign_in_delayed"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - the name of an event
    PERMISSION_REFUSED = "permission_refused"
    USER_ADDED = "user_added"
    USER_CHANGED = "user_changed"
    PASSWORD_SET = "password_set"  # noqa: S105 - the name of an event
    SESSIONS_ENDED = "sessions_ended"
    TOKEN_MADE = "token_made"  # noqa: S105 - the name of an event
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - the name of an event
    FIRING_HELD = "firing_held"
    FIRING_RELEASED = "firing_released"
    MESSAGES_DISCARDED = "messages_discarded"


@dataclass(frozen=True, slots=True)
class Doer:
    """Who does something: under which name, which way, and from which address ("": from this machine).

    `actor` is empty for somebody who is not known.
    """

    actor: str
    via: Via
    address: str = ""

    def __post_init__(self) -> None:
        # On the command line it is what the operating system says.
        object.__setattr__(self, "actor", storable(self.actor))


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did, to whom or what (`subject`: a user, a token's name), and what else is to be said of it.

    Texts are made storable and cut to TEXT_MAX. Nothing here ever holds a password, a token or a session's secret.
    """

    by: Doer
    action: AccessAction
    subject: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        for name in ("subject", "detail"):
            object.__setattr__(self, name, storable(getattr(self, name)))


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """A deed on record: its number, counted from one without a gap, its instant and its hash."""

    number: int
    at: datetime
    deed: Deed
    hash: str


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain: behind the record of this number, which has this hash."""

    number: int = 0
    hash: str = BEGINNING

    def record(self, deed: Deed, at: datetime) -> AccessRecord:
        """The record that comes next."""
        number, by = self.number + 1, deed.by
        words = (
            str(number),
            str(microseconds(at)),
            by.actor,
            by.via,
            by.address,
            deed.action,
            deed.subject,
            deed.detail,
        )
        # Each part with its length, so that no two records are one text.
        text = "".join(f"{len(part)}:{part}" for part in (self.hash, *words))
        return AccessRecord(number, at, deed, sha256(text.encode()).hexdigest())

    def behind(self, record: AccessRecord) -> "Link | None":
        """The place behind this record; None if it is not the one that comes next, as it was written."""
        return Link(record.number, record.hash) if record == self.record(record.deed, record.at) else None


def storable(text: str) -> str:
    """The text without what no store can keep, cut to TEXT_MAX characters."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")[:TEXT_MAX]
