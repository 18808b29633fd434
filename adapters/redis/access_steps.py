"""How a step of access is taken: read what it needs, let the domain decide, and write if nobody came between.

All of access has one revision, which moves with every write; what was decided on another revision is not written, and
is decided again on a new reading. One number is enough, because writes are few: what people do, and one a minute for
each session and token in use. Only guesses come in floods. So attempts stand apart, each compared with what it was
read as; and whoever lost once takes turns with the others of its process, or many would read, lose and read again,
each as often as there are others.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from adapters.records.access import account_row, attempts_row, session_row, token_row
from adapters.records.trail import access_record_row
from adapters.redis.access_reading import Reading, Sought, read_access
from adapters.redis.codec import pack
from adapters.redis.errors import store_errors
from adapters.redis.script import script
from adapters.redis.server import Server
from application.scheduling.ports.errors import StoreUnavailableError
from domain.access.account import IDLE_MAX, Account, ApiToken, Session
from domain.access.record import Deed
from domain.access.throttle import FORGOTTEN_AFTER, Attempts
from domain.scheduling.identifiers import microseconds

TRIES_MAX: Final = 100

T = TypeVar("T")
# Which kind, under which name, what (False: nothing any more), and for how many milliseconds (0: until it is removed).
Put = tuple[str, str, bytes | bool, int]


@dataclass(frozen=True, slots=True)
class Decision(Generic[T]):
    """What a step answers, what it writes, and what goes on record of it."""

    answer: T
    puts: Sequence[Put] = ()
    deed: Deed | None = None

    @property
    def is_idle(self) -> bool:
        """True for one that writes nothing."""
        return not self.puts and self.deed is None


@dataclass(frozen=True, slots=True)
class AccessSteps:
    """The steps of one process on one server."""

    server: Server
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False, compare=False)

    async def _read(self, sought: Sought) -> Reading:
        return await read_access(self.server, sought)

    async def _change(self, doing: str, sought: Sought, decide: Callable[[Reading], Decision[T]]) -> T:
        """Carry out what `decide` makes of what is sought, as one step; raises StoreUnavailableError."""
        if (decision := await self._try(sought, decide)) is not None:
            return decision.answer
        with store_errors(doing):
            async with asyncio.timeout(self.server.answer_within.total_seconds()), self._turn:
                for _ in range(TRIES_MAX):
                    if (decision := await self._try(sought, decide)) is not None:
                        return decision.answer
        raise StoreUnavailableError(f"{doing}: others came first {TRIES_MAX} times")

    async def _try(self, sought: Sought, decide: Callable[[Reading], Decision[T]]) -> Decision[T] | None:
        """What was decided and is written; None: somebody came between, and nothing was written."""
        reading = await self._read(sought)
        decision = decide(reading)
        if decision.is_idle:
            return decision
        record = None if decision.deed is None else reading.head.record(decision.deed, reading.now)
        added = record and (record.number, pack(access_record_row(record)), pack((record.number, record.hash)))
        attempts = [(key, reading.login_records.get(key, b"")) for key in sought.logins]
        request = (False if attempts else reading.revision, attempts, decision.puts, added or False)
        write = script("access_write", in_full_memory=True)
        reply = await self.server.call(write, request, generation=reading.generation)
        return decision if reply.answer else None


def putting_account(account: Account) -> Put:
    """Keep an account as it is now."""
    return "users", account.user.name, pack(account_row(account)), 0


def putting_token(digest: str, token: ApiToken) -> Put:
    """Keep a token as it is now."""
    return "api_tokens", digest, pack(token_row(token)), 0


def removing_token(digest: str) -> Put:
    """Forget a token."""
    return "api_tokens", digest, False, 0


def putting_session(digest: str, session: Session) -> Sequence[Put]:
    """Keep a session that was seen now: without being seen again, it ends in IDLE_MAX at the latest."""
    lives = _milliseconds(IDLE_MAX)
    return [
        ("session", digest, pack(session_row(session)), lives),
        ("sessions_by_user", f"{session.user_name}/{digest}", True, 0),
    ]


def ending(name: str, digest: str) -> Sequence[Put]:
    """Forget a session of this user."""
    return [("session", digest, False, 0), ("sessions_by_user", f"{name}/{digest}", False, 0)]


def putting_attempts(key: str, attempts: Attempts) -> Put:
    """Keep what is counted under a key, for as long as it can matter."""
    if not attempts.count:
        return "login", key, False, 0
    return "login", key, pack(attempts_row(attempts)), _milliseconds(FORGOTTEN_AFTER)


def putting_offer(digest: str, until: datetime) -> Put:
    """Make this the set-up's only offer."""
    return "access", "offer", pack((digest, microseconds(until))), 0


def ending_offer() -> Put:
    """There is no set-up any more."""
    return "access", "offer", False, 0


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
