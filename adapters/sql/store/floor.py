"""Where a claim begins to look: above what has died at the head of the index of what is pending.

On a server, what was pending leaves its entry in that index behind until vacuum clears it away, which it can't while
any transaction lasts that might still see it, as that of a dump. Each claim would pass all of them: a million take
350 ms. So whoever found the whole index slow begins the next looks where it saw the first pending one, and looks at
the whole again when a hundred times as long has passed.

Nothing becomes pending below that by itself: `available_at` is the time of the step that makes it so, or lies later,
and hardly a step lasts longer than 10 seconds. What is there all the same waits for the next look at the whole: what
a step of its task, or a claim that was undone, had locked during the last one; a run that somebody asked for in a long
list of changes, which all bear the time of their beginning; what was restored by hand. That is 30 seconds at most, as
long as for what a dead worker holds; where a look at the whole takes less than 20 ms, every one is.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.scheduling.identifiers import microseconds

BEGINNING: Final = -(1 << 62)
# adapters/sql/postgres.py: the server ends a transaction that idles for so long, and a statement before that.
STEP_MAX: Final = timedelta(seconds=10)
QUICK: Final = timedelta(milliseconds=20)
REST: Final = 100
REST_MAX: Final = timedelta(seconds=30)


@dataclass(slots=True)
class Floor:
    """Of one lane, as one process knows it. `now` is the store's time."""

    _at: int = BEGINNING
    _latest: datetime | None = None
    _whole_again: datetime | None = None

    def begin(self, now: datetime) -> int:
        """The least `available_at` to look for, in microseconds; BEGINNING for a look at the whole.

        One that fails is not repeated at once if there was one before.
        """
        was_set_back = self._latest is not None and now < self._latest
        self._latest = now
        if was_set_back:
            # With the clock, what becomes pending.
            self._at = BEGINNING
        elif self._whole_again is not None and now < self._whole_again:
            return self._at
        self._whole_again = now + REST_MAX
        return BEGINNING

    def end(self, began_at: int, first_at: int | None, now: datetime, *, took: timedelta) -> None:
        """Learn from a look that began there, at `now`: the first pending one it found, and how long it took."""
        lately = microseconds(now - STEP_MAX)
        empty_below = lately if first_at is None else min(first_at, lately)
        if began_at == BEGINNING:
            self._at = empty_below
            self._whole_again = None if took < QUICK else now + min(REST * took, REST_MAX)
        else:
            self._at = max(self._at, empty_below)
