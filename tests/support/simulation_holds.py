"""The maintenance switch of a simulation: who throws it, and the judge of whether everybody heeds it.

A hold is heard of when somebody looks, so the promise of a second is made of two: that whoever fires or starts has
looked within LOOK_EVERY, for as long as it was at work, which is judged here; and that the way to the store and back is
quick, which in this world it is not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from application.scheduling.services.watch_hold import LOOK_EVERY
from tests.support.sim_loop import SimProcess

STARTING = ("commit_firings", "claim", "release_due", "expire_unknown")
LOOKING = "current"


@dataclass(slots=True)
class HoldChecks:
    """H1: nobody asks the store to fire or start anything who has not just seen that nothing is held."""

    fail: Callable[[str, str], None]
    time: Callable[[], float]
    asked: int = 0
    _seen_free_at: dict[str, float] = field(default_factory=dict)

    def asks(self, process: SimProcess, name: str) -> None:
        """A call sets out from a process."""
        if name not in STARTING:
            return
        self.asked += 1
        # Stopped in between, it could not know better.
        seen = max(self._seen_free_at.get(process.name, float("-inf")), process.went_on_at)
        if process.name not in self._seen_free_at or self.time() - seen > LOOK_EVERY.total_seconds():
            self.fail("H1", f"{process.name} asks for {name} and has not looked at the switch since {seen}")

    def told(self, process: SimProcess, name: str, answer: Any) -> None:
        """An answer has come back."""
        if name == LOOKING and answer is None:
            self._seen_free_at[process.name] = self.time()
