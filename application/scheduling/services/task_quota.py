"""How many tasks there may be: a fence against programs that create them without end."""

from dataclasses import dataclass, field
from datetime import timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.history import History
from application.scheduling.services.errors import TooManyTasksError

TASKS_MAX = 1_000_000
NEAR = 1_000
COUNT_KEPT = timedelta(seconds=10)


@dataclass(slots=True)
class TaskQuota:
    """Refuses what would make more than `tasks_max` tasks; deleted ones do not count.

    In SQL counting takes the longer the more tasks there are. So a count is good for COUNT_KEPT while more than NEAR
    are free, with what was let in since added to it; with fewer free, every asking counts. Those who ask at the same
    moment, or create by another process meanwhile, may pass the fence together: it bounds what goes wrong, and is no
    exact figure.
    """

    history: History
    clock: Clock
    tasks_max: int = TASKS_MAX
    _known: int = field(default=0, init=False)
    _good_until: float | None = field(default=None, init=False)

    async def check(self, more: int) -> None:
        """Let so many more tasks in. Raises TooManyTasksError, and StoreUnavailableError."""
        if more <= 0:
            return
        now = self.clock.monotonic()
        is_far = self._known + more + NEAR <= self.tasks_max
        if self._good_until is None or now >= self._good_until or not is_far:
            self._known = await self.history.task_count()
            self._good_until = now + COUNT_KEPT.total_seconds()
            if self._known + more > self.tasks_max:
                raise TooManyTasksError(self._known, more, self.tasks_max)
        # Whatever comes of it: one that is then refused for something else only has the next count made earlier.
        self._known += more
