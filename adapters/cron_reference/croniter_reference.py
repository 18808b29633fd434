"""croniter as the second opinion: called as most programs call it, in a thread, under a time limit."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Lock

from croniter import CroniterBadDateError, croniter

from application.scheduling.ports.cron_reference import INSTANTS_MAX, Reading
from domain.scheduling.cron.zone import zone

READ_MAX = timedelta(milliseconds=300)
REFUSAL_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class CroniterReference:
    """`CronReference` by croniter with its own defaults, seconds last included.

    A call of croniter cannot be broken off: at a gap a per-second expression keeps one busy for half a second. So
    there is never more than one thread at it, and it stops after the call in which its time ran out.
    """

    read_max: timedelta = READ_MAX
    turn: Lock = field(default_factory=Lock)

    @property
    def name(self) -> str:
        """See the port."""
        return "croniter"

    async def read(self, expression: str, timezone: str, *, after: datetime, until: datetime) -> Reading | None:
        """See the port."""
        if not self.turn.acquire(blocking=False):
            return None
        given_up = Event()
        try:
            thread = asyncio.get_running_loop().run_in_executor(
                None, self._read, expression, timezone, after, until, given_up
            )
        except BaseException:
            self.turn.release()
            raise
        try:
            async with asyncio.timeout(self.read_max.total_seconds()):
                # Whoever stops waiting must not take the thread's turn away from it.
                return await asyncio.shield(thread)
        except TimeoutError:
            return None
        finally:
            given_up.set()

    def _read(self, expression: str, timezone: str, after: datetime, until: datetime, given_up: Event) -> Reading:
        try:
            return Reading(tuple(sorted(set(_instants(expression, timezone, after, until, given_up)))))
        except ValueError as error:
            return Reading(refusal=str(error)[:REFUSAL_CHARACTERS_MAX])
        finally:
            self.turn.release()


def _instants(expression: str, timezone: str, after: datetime, until: datetime, given_up: Event) -> Iterator[datetime]:
    # A part of a second would make it skip the next whole one.
    start = after.replace(microsecond=0).astimezone(zone(timezone))
    answers = croniter(expression, start, ret_type=datetime)
    for _ in range(INSTANTS_MAX):
        if given_up.is_set():
            return
        try:
            found: datetime = answers.get_next(datetime)
        except CroniterBadDateError:
            # Nothing in fifty years, which is longer than any schedule waits.
            return
        # Compared in UTC: aware datetimes of one zone are compared by their wall clocks.
        at = found.astimezone(UTC)
        if at > until:
            return
        yield at
