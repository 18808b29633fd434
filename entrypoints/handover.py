"""When a worker leaves new work to a successor: from the first look that finds code in it that did not stop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from application.scheduling.services.perform_executions import PerformExecutions


@dataclass(slots=True)
class Handover:
    """Decided once and for good, and told by `announce`, which answers whether the supervisor can hear it.

    Both threads of a worker look: its event loop sees at once what it gave up itself, its heartbeat also sees the code
    that holds the loop. Code that ends after all changes nothing, as the successor may have begun to claim.
    """

    perform: PerformExecutions
    announce: Callable[[], bool]
    _is_due: bool = False
    _is_told: bool = False
    _lock: Lock = field(default_factory=Lock)

    def is_due(self) -> bool:
        """True once this worker claims no more. Telling the supervisor is tried again at every look."""
        with self._lock:
            self._is_due = self._is_due or self.perform.is_stuck
            if self._is_due and not self._is_told:
                self._is_told = self.announce()
            return self._is_due
