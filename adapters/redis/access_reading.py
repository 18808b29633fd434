"""What a step of access is decided on, in one snapshot; what cannot be read is there under its name, as None."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from adapters.records.access import account_of, attempts_of, session_of, token_of
from adapters.records.hold import hold_of
from adapters.records.packing import Row, at
from adapters.records.trail import access_record_of
from adapters.redis.codec import value_of
from adapters.redis.script import script
from adapters.redis.server import Reply, Server
from application.scheduling.ports.hold import Hold
from domain.access.account import Account, ApiToken, Session, User
from domain.access.record import AccessRecord, Link
from domain.access.throttle import Attempts


@dataclass(frozen=True, slots=True)
class Sought:
    """What a step has to know: an entry by its name, all of its kind (True), or none (False).

    A token and a session are sought by their digests, and bring the user they belong to. `sessions_of` are those of a
    user, ended ones too; `logins` the attempts under these keys; `records` at most so many behind that number.
    """

    users: str | bool = False
    tokens: str | bool = False
    session: str | Literal[False] = False
    sessions_of: str | bool = False
    logins: Sequence[str] = ()
    records: tuple[int, int] | Literal[False] = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What was sought, at an instant of the store's clock, and what every step may have to know.

    `is_bare` is that of the port, `offer` the digest of the set-up's secret and until when it is good. Anchor and head
    are the ends of the chain of records. `login_records` are what `logins` were read from.
    """

    now: datetime
    generation: int
    revision: int
    is_bare: bool
    offer: tuple[str, datetime] | None
    hold: Hold | None
    anchor: Link
    head: Link
    users: Mapping[str, Account | None]
    tokens: Mapping[str, ApiToken | None]
    sessions: Mapping[str, Session | None]
    logins: Mapping[str, Attempts | None]
    login_records: Mapping[str, bytes]
    records: Mapping[str, AccessRecord | None]

    def enabled(self, name: str) -> User | None:
        """The user of this name, if it was sought and may come in."""
        account = self.users.get(name)
        return account.user if account is not None and account.user.is_enabled else None

    def attempts(self, key: str) -> Attempts:
        """What is counted under a key."""
        return self.logins.get(key) or Attempts()


# Each kind of entries, and what makes values of their rows.
_KINDS: Final[Mapping[str, Callable[[Row], Any]]] = {
    "users": account_of,
    "tokens": token_of,
    "sessions": session_of,
    "logins": attempts_of,
    "records": access_record_of,
}


async def read_access(server: Server, sought: Sought) -> Reading:
    """Read what is sought; nothing waits for it, and it changes nothing."""
    return _reading(await server.call(script("access_read", in_full_memory=True), astuple(sought)))


def _reading(reply: Reply) -> Reading:
    revision, is_bare = reply.answer
    offer, hold, anchor, head, *found = reply.readings
    stored: dict[str, dict[str, bytes]] = {kind: {} for kind in _KINDS}
    for kind, name, record in zip(found[0::3], found[1::3], found[2::3], strict=True):
        stored[kind.decode()][name.decode(errors="replace")] = record
    return Reading(
        reply.now,
        reply.generation,
        revision,
        is_bare,
        value_of(offer, _offer_of),
        value_of(hold, hold_of),
        _link(anchor),
        _link(head),
        login_records=stored["logins"],
        **{kind: {name: value_of(each, of) for name, each in stored[kind].items()} for kind, of in _KINDS.items()},
    )


def _offer_of(row: Row) -> tuple[str, datetime]:
    digest, until = row
    return digest, at(until)


def _link(record: bytes) -> Link:
    """A place in the chain; where nothing tells it, it is the beginning."""
    return value_of(record, lambda row: Link(*row)) or Link()
