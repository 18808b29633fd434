"""Whether a verdict on a task holds for what the store has by now: the compare of compare-and-set (protocol 3)."""

from typing import NamedTuple

from domain.scheduling.identifiers import microseconds
from domain.scheduling.policy import Overlap
from domain.scheduling.task import ScheduledTask, TaskStatus


class Standing(NamedTuple):
    """What a verdict on a task rests on, as the store has it by now.

    `status` and `decided_until` (microseconds since 1970) are as stored, whether or not they can be read.
    """

    status: str
    version: int
    decided_until: int
    open_seq: int
    is_deleted: bool

    @staticmethod
    def of(task: ScheduledTask) -> "Standing":
        """That of a task that can be read."""
        decided_until = microseconds(task.decided_until)
        return Standing(task.status, task.version, decided_until, task.open_seq, task.deleted_at is not None)

    def is_stopped(self) -> bool:
        """True if nobody looks at the task any more. A status that nobody knows is looked at, so that it is told."""
        return self.is_deleted or self.status in (TaskStatus.COMPLETED, TaskStatus.FAILED)

    def allows_quarantine(self, read: ScheduledTask | None) -> bool:
        """True if a task that could not be decided as `read` (None: that could not be read) still can't be."""
        return not self.is_stopped() and (read is None or self._is_decided_as(read))

    def allows_firing(self, read: ScheduledTask) -> bool:
        """True if a firing decided on `read` would be decided alike on what the store has by now."""
        if self.status != TaskStatus.ACTIVE or self.is_deleted:
            return False
        # With overlap allow a firing does not look at what is open.
        same_work = self.open_seq == read.open_seq or read.definition.policy.overlap is Overlap.ALLOW
        return same_work and self._is_decided_as(read)

    def _is_decided_as(self, read: ScheduledTask) -> bool:
        return self.version == read.version and self.decided_until == microseconds(read.decided_until)
