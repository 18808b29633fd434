"""What a worker has to look after: the claims it holds, and the code that occupies it."""

from dataclasses import dataclass, field
from threading import Lock

from application.scheduling.services.attempt import Attempt
from domain.scheduling.identifiers import ClaimToken


@dataclass(slots=True)
class LiveAttempts:
    """The attempts this worker holds, from claim to record, and those whose code goes on beyond that.

    Shared between its event loop and its heartbeat thread.
    """

    _held: dict[ClaimToken, Attempt] = field(default_factory=dict)
    _staying: dict[ClaimToken, Attempt] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, attempt: Attempt) -> None:
        """It is held from now on."""
        with self._lock:
            self._held[attempt.token] = attempt

    def remove(self, token: ClaimToken) -> bool:
        """It is held no longer; False if it was not, so that one of two who record an end knows itself as the one."""
        with self._lock:
            attempt = self._held.pop(token, None)
            # Handed back while it could not run, it may turn out only later not to stop.
            if attempt is not None and not attempt.is_over:
                self._staying[token] = attempt
            return attempt is not None

    def all(self) -> tuple[Attempt, ...]:
        """Those held at this moment."""
        with self._lock:
            return tuple(self._held.values())

    def stuck(self) -> tuple[Attempt, ...]:
        """Those whose code was told to stop and goes on, held or not."""
        with self._lock:
            self._staying = {token: each for token, each in self._staying.items() if not each.is_over}
            return tuple(each for each in (*self._held.values(), *self._staying.values()) if each.is_stuck)

    def __len__(self) -> int:
        with self._lock:
            return len(self._held)
