"""Which instants each task of a dump had to decide, from its versions and the changes that made them.

An edit of the schedule hands over at B = max(the instant of the change, the watermark). The two are one while the
calendar only goes forward; after it was set back the watermark lies ahead of it, no record says how far, and for the
instants between the change and the farthest the calendar had come either version may speak: those are `maybe`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.chaos_clock import MICROSECONDS, SteppedClock
from tests.support.chaos_dump import ChangeRow, Dump, TaskRow, VersionRow
from tests.support.cron_oracle import occurrences

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHUNK = 6 * 3_600 * MICROSECONDS
MAKES_NO_VERSION = frozenset({"run", "redrive", "backfill", "cancel"})


@dataclass(frozen=True, slots=True)
class Owed:
    """Instants (microseconds since 1970), ascending: what must be decided once, and what may be, once at most."""

    sure: list[int]
    maybe: frozenset[int]


@dataclass(frozen=True, slots=True)
class Reign:
    """A schedule with its bounds, and from when it counted: surely after `since`, perhaps after `perhaps_since`."""

    version: VersionRow
    perhaps_since: int
    since: int

    def instants(self, after: int, until: int) -> list[int]:
        """Its instants in (after, until]."""
        policy = self.version.policy
        first = max(after, (policy["start_at"] or after + 1) - 1)
        last = min(until, policy["end_at"] or until)
        return instants(self.version.schedule, first, last)


def owed(dump: Dump, task: TaskRow, clock: SteppedClock, until: int) -> Owed:
    """What `task` had to decide by `until`."""
    sure: list[int] = []
    maybe: set[int] = set()
    reigns = list(_reigns(dump, task, clock))
    for reign, heir in pairwise([*reigns, None]):
        assert reign is not None
        sure += reign.instants(reign.since, min(until, heir.perhaps_since) if heir else until)
        if heir is not None:
            for each in (reign, heir):
                maybe.update(each.instants(heir.perhaps_since, heir.since))
    return Owed(sorted(set(sure) - maybe), frozenset(maybe))


def instants(schedule: list[Any], after: int, until: int) -> list[int]:
    """The instants of a stored schedule in (after, until]."""
    match schedule:
        case ["cron", str(expression), str(timezone)]:
            return _of_cron(expression, timezone, after, until)
        case ["interval", int(interval), int(anchor)]:
            first, last = max((after - anchor) // interval + 1, 0), (until - anchor) // interval
            return [anchor + number * interval for number in range(first, last + 1)]
        case ["one_time", int(at)]:
            return [at] if after < at <= until else []
        case _:
            raise AssertionError(f"no schedule of ours: {schedule}")


def version_changes(dump: Dump, task_id: str) -> dict[int, ChangeRow]:
    """The change that made each version of a task: the first that names it, as later ones left it as it was."""
    made: dict[int, ChangeRow] = {}
    for each in dump.changes_of(task_id):
        if each.action not in MAKES_NO_VERSION:
            made.setdefault(each.version, each)
    return made


def _reigns(dump: Dump, task: TaskRow, clock: SteppedClock) -> Iterator[Reign]:
    changes, before = version_changes(dump, task.id), None
    for version in dump.versions[task.id]:
        rule = (version.schedule, *(version.policy[name] for name in ("start_at", "end_at", "jitter")))
        if rule == before:
            continue
        at = changes[version.version].at if version.version in changes else task.created_at
        if before is None:
            # A one-time task may be born with its instant already past.
            born = min(at, version.schedule[1] - 1) if version.schedule[0] == "one_time" else at
            yield Reign(version, born, born)
        else:
            # What was reached is known to the sample before, which may lie a moment behind the change itself.
            yield Reign(version, at, max(at, clock.reached_when(at)))
        before = rule


def _of_cron(expression: str, timezone: str, after: int, until: int) -> list[int]:
    found: list[int] = []
    for chunk in range(after // CHUNK, until // CHUNK + 1):
        all_of_it = _chunk(expression, timezone, chunk)
        found += all_of_it[bisect_right(all_of_it, after) : bisect_right(all_of_it, until)]
    return found


@lru_cache(maxsize=1_000)
def _chunk(expression: str, timezone: str, number: int) -> list[int]:
    low, moment = number * CHUNK - 1, timedelta(microseconds=1)
    window = (EPOCH + low * moment, EPOCH + (low + CHUNK) * moment)
    return [(each - EPOCH) // moment for each in occurrences(expression, ZoneInfo(timezone), *window)]


def within(instants_: list[int], first: int, last: int) -> slice:
    """Where the instants from `first` to `last`, both included, stand in an ascending list."""
    return slice(bisect_left(instants_, first), bisect_right(instants_, last))
