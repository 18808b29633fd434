"""What to tell of executions whose handler a worker has not: that it began, how many, and that it is over."""

from dataclasses import dataclass, field
from datetime import timedelta

from application.scheduling.ports.clock import Clock

REMIND_AFTER = timedelta(minutes=10)
REMIND_EVERY_MAX = timedelta(hours=1)
# Each execution comes back within a minute for as long as it waits.
QUIET_AFTER = timedelta(minutes=5)
HANDLERS_MAX = 1_000

Handler = tuple[str, str]
"""A task type and the name of a handler."""


@dataclass(slots=True)
class _Missing:
    told_at: float
    heard_at: float
    gap: timedelta = REMIND_AFTER
    untold: int = 0


@dataclass(slots=True)
class MissingHandlers:
    """The handlers that one worker was asked for and has not, of many the HANDLERS_MAX that it heard of last.

    Told are the beginning, then what comes REMIND_AFTER later, twice as long after that, and so on up to
    REMIND_EVERY_MAX. Of which nothing was heard for QUIET_AFTER begins anew.
    """

    clock: Clock
    _missing: dict[Handler, _Missing] = field(default_factory=dict)
    _found: dict[Handler, None] = field(default_factory=dict)

    def missed(self, handler: Handler) -> int | None:
        """One execution was put back for it: how many since it was last told, if it is to be told now (0: it begins).

        None: it is not.
        """
        now = self.clock.monotonic()
        known = self._missing.pop(handler, None)
        if known is None or now - known.heard_at > QUIET_AFTER.total_seconds():
            known = _Missing(told_at=now, heard_at=now)
            count: int | None = 0
        else:
            known.untold, known.heard_at = known.untold + 1, now
            count = self._due(known, now)
        # The last one heard of stands last.
        self._missing[handler] = known
        _bound(self._missing)
        self._found.pop(handler, None)
        return count

    def found(self, handler: Handler) -> bool:
        """One that was put back for it begins: True if that is to be told, as it is the first here."""
        is_first = handler not in self._found
        self._missing.pop(handler, None)
        self._found[handler] = None
        _bound(self._found)
        return is_first

    def _due(self, known: _Missing, now: float) -> int | None:
        if now - known.told_at < known.gap.total_seconds():
            return None
        count, known.untold, known.told_at = known.untold, 0, now
        known.gap = min(2 * known.gap, REMIND_EVERY_MAX)
        return count


def _bound(known: dict[Handler, _Missing] | dict[Handler, None]) -> None:
    while len(known) > HANDLERS_MAX:
        del known[next(iter(known))]
