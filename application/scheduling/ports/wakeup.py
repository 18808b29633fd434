"""Hints that something has changed: best effort, so losing every one costs at most a poll."""

from collections.abc import Iterable
from typing import Protocol


class Wakeup(Protocol):
    """Tells others to look again. Never blocks, never fails, may lose what it was told."""

    def scheduler(self) -> None:
        """A task may be due sooner than the scheduler thinks."""

    def workers(self) -> None:
        """Something may be claimable, or is to be cancelled."""

    def changed(self, task_ids: Iterable[str]) -> None:
        """These tasks, or executions of theirs, are not what they were."""
