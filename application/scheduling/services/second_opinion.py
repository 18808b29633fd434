"""Where a tool built on another cron library would fire differently, said only if it would within what is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from application.scheduling.ports.cron_reference import CronReference, Reading
from domain.scheduling.cron.lint import Finding, Severity
from domain.scheduling.cron.zone import zone
from domain.scheduling.identifiers import MICROSECOND
from domain.scheduling.schedule import CronSchedule, Schedule

_HINT = "what runs here is what this page shows; the difference matters where the expression was moved from such a tool"


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """Our fire set beside that of a reference."""

    reference: CronReference

    async def on(self, schedule: Schedule, shown: Sequence[datetime]) -> tuple[Finding, ...]:
        """The difference from the first to the last of `shown`, which are all occurrences of `schedule` in between.

        Empty if there is none, if no opinion came in time, and for what is no cron expression. Codes:
        reference_refuses, reference_differs.
        """
        if not isinstance(schedule, CronSchedule) or not shown:
            return ()
        reading = await self.reference.read(
            schedule.expression, schedule.timezone, after=shown[0] - MICROSECOND, until=shown[-1]
        )
        return () if reading is None else tuple(self._told(schedule, shown, reading))

    def _told(self, schedule: CronSchedule, shown: Sequence[datetime], reading: Reading) -> list[Finding]:
        name = self.reference.name
        if reading.refusal is not None:
            detail = f"a tool built on {name} does not accept this expression: {reading.refusal}"
            return [Finding("reference_refuses", Severity.INFO, detail, _HINT)]
        here, there = set(shown), set(reading.instants)
        different = sorted(here ^ there)
        if not different:
            return []
        at = different[0]
        local = f"{at.astimezone(zone(schedule.timezone)):%Y-%m-%d %H:%M:%S %Z}"
        what = "would not run" if at in here else "would also run"
        more = f", and {len(different) - 1} more of these instants differ" if len(different) > 1 else ""
        detail = f"a tool built on {name} {what} at {local}{more}"
        return [Finding("reference_differs", Severity.INFO, detail, _HINT, at=at)]
