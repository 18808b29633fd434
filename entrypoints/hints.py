"""Wake-ups inside one service: callbacks here, lines over the pipe between supervisor and worker there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


def _nobody() -> None:
    """A hint nobody needs here."""


@dataclass(frozen=True, slots=True)
class Hints:
    """`Wakeup` by callbacks, which must not block."""

    on_scheduler: Callable[[], None] = _nobody
    on_workers: Callable[[], None] = _nobody

    def scheduler(self) -> None:
        """See the port."""
        self.on_scheduler()

    def workers(self) -> None:
        """See the port."""
        self.on_workers()

    def changed(self, task_ids: Iterable[str]) -> None:
        """See the port. Nobody listens yet: pages fetch again every few seconds."""
