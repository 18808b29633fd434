"""The slow one-way function that passwords are kept under."""

from typing import Protocol

from application.scheduling.ports.errors import PortError


class PasswordsBusyError(PortError):
    """Too many passwords wait to be looked at: ask again in a moment."""


class Passwords(Protocol):
    """Hashes passwords, slowly on purpose and without keeping the event loop waiting. Raises PasswordsBusyError."""

    async def hash(self, password: str) -> str:
        """The text to keep: algorithm, parameters, a random salt of its own and the hash."""

    async def matches(self, password: str, kept: str | None) -> bool:
        """True if `kept` was made of this password.

        None, for a user there is not, is never matched, and takes the same time as a hash made by this version.
        """
