"""Passwords under Argon2id (RFC 9106), worked out on threads, a few at a time.

The parameters are the RFC's second choice: 64 MiB, three passes, four lanes, a salt of 128 bits. So a password takes
some hundredths of a second and PARALLEL_MAX times 64 MiB at most, however many people sign in at once.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from application.scheduling.ports.passwords import PasswordsBusyError

PARALLEL_MAX = 2
WAITING_MAX = 20
Answer = TypeVar("Answer")


class Argon2Passwords:
    """`Passwords` with Argon2id. One per process: it is what bounds the memory."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._turns = asyncio.Semaphore(PARALLEL_MAX)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """See the port."""
        return await self._in_turn(lambda: self._hasher.hash(password))

    async def matches(self, password: str, kept: str | None) -> bool:
        """See the port."""
        found = await self._in_turn(lambda: self._is_made_of(password, DECOY if kept is None else kept))
        return found and kept is not None

    async def _in_turn(self, work: Callable[[], Answer]) -> Answer:
        if self._waiting >= WAITING_MAX:
            raise PasswordsBusyError("too many passwords are being looked at")
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1

    def _is_made_of(self, password: str, kept: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            # A hash that somebody changed by hand is matched by nothing.
            return False


def _unpadded(raw: bytes) -> str:
    return b64encode(raw).decode().rstrip("=")


# A hash that no password is known for: comparing with it takes as long as with one that somebody has.
DECOY = (
    f"$argon2id$v={RFC_9106_LOW_MEMORY.version}$m={RFC_9106_LOW_MEMORY.memory_cost},t={RFC_9106_LOW_MEMORY.time_cost},"
    f"p={RFC_9106_LOW_MEMORY.parallelism}${_unpadded(bytes(RFC_9106_LOW_MEMORY.salt_len))}"
    f"${_unpadded(bytes(RFC_9106_LOW_MEMORY.hash_len))}"
)
