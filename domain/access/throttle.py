"""How fast passwords may be guessed: a few at once, then ever more slowly.

Attempts are counted for an account as tried from one address, so that a stranger's guesses keep nobody else waiting,
and, more generously, for the address alone, so that it cannot go through the accounts instead.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

DELAY_MAX = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
SET_BACK_MAX = timedelta(minutes=1)
"""By how much the last attempt may lie ahead: two processes and a clock that is being set right differ by less."""
FREE_PER_ACCOUNT = 5
FREE_PER_ADDRESS = 50
_DOUBLINGS_MAX = 10


@dataclass(frozen=True, slots=True)
class LoginKeys:
    """Under which names an attempt is counted: digests, because what people type as their name may be a password."""

    account: str
    address: str

    @property
    def limits(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Each key with how many attempts it has for nothing."""
        return (self.account, FREE_PER_ACCOUNT), (self.address, FREE_PER_ADDRESS)


@dataclass(frozen=True, slots=True)
class Attempts:
    """How many attempts did not succeed, and when the last one was made."""

    count: int = 0
    last_at: datetime | None = None

    def open_at(self, free: int) -> datetime | None:
        """When the next attempt is taken; None: at once. Doubles from one second with each attempt beyond `free`."""
        if self.last_at is None or self.count < free:
            return None
        return self.last_at + min(timedelta(seconds=2 ** min(self.count - free, _DOUBLINGS_MAX)), DELAY_MAX)

    def is_forgotten(self, now: datetime) -> bool:
        """True if the last attempt was so long ago that it does not count any more, or lies ahead.

        The latter was made by a clock that has been set back since, and would keep people out until it is caught up.
        """
        return self.last_at is not None and not -SET_BACK_MAX <= now - self.last_at < FORGOTTEN_AFTER

    def with_another(self, now: datetime) -> "Attempts":
        """One more, made now."""
        return Attempts(1 if self.is_forgotten(now) else self.count + 1, now)

    def with_one_less(self) -> "Attempts":
        """One of them succeeded after all."""
        return Attempts(max(0, self.count - 1), self.last_at)


def opens_at(now: datetime, counted: tuple[tuple[Attempts, int], ...]) -> datetime | None:
    """When an attempt under several keys, each with what it has for nothing, is taken; None: now."""
    waits = (attempts.open_at(free) for attempts, free in counted if not attempts.is_forgotten(now))
    return max((at for at in waits if at is not None and at > now), default=None)
