"""The stepped calendar clock of a run, as its nemesis wrote it down: which instant showed what, and what was reached.

Between two steps calendar and stop-watch go alike, so a step is a line with an intercept. A calendar instant may have
been shown never (jumped over), once, or several times (stepped back over); a promise about "before its instant" is
about the farthest the clock had ever come.
"""

from dataclasses import dataclass
from typing import Any

MICROSECONDS = 1_000_000
# A process may still read the old offset while the line about the new one is written.
SLACK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Era:
    """The time between two steps, on the monotonic clock: calendar instant = monotonic + `lead` (microseconds)."""

    began: float
    ended: float
    lead: int

    def wall(self, instant: float) -> int:
        """What the calendar showed."""
        return int(instant * MICROSECONDS) + self.lead

    def instant(self, wall: int) -> float:
        """When it would have shown this."""
        return (wall - self.lead) / MICROSECONDS


@dataclass(frozen=True, slots=True)
class SteppedClock:
    """All eras of a run, ascending."""

    eras: tuple[Era, ...]

    @staticmethod
    def of(journal: list[dict[str, Any]]) -> "SteppedClock":
        """From the lines `clock` of a nemesis's journal, each with `monotonic` and the `wall` shown from then on."""
        told = [line for line in journal if line["what"] == "clock"]
        ends = [line["monotonic"] for line in told[1:]] + [float("inf")]
        return SteppedClock(
            tuple(
                Era(line["monotonic"], end, line["wall"] - int(line["monotonic"] * MICROSECONDS))
                for line, end in zip(told, ends, strict=True)
            )
        )

    def wall(self, instant: float) -> int:
        """What the calendar showed at a monotonic instant."""
        return next(era for era in reversed(self.eras) if era.began <= instant or era is self.eras[0]).wall(instant)

    def reached(self, instant: float) -> int:
        """The farthest the calendar had come by a monotonic instant."""
        past = [era for era in self.eras if era.began <= instant] or [self.eras[0]]
        return max(era.wall(min(era.ended, instant)) for era in past)

    def moments(self, wall: int) -> list[float]:
        """The monotonic instants at which the calendar showed `wall`, ascending."""
        found = [(era.instant(wall), era) for era in self.eras]
        return [at for at, era in found if era.began - SLACK_SECONDS <= at <= era.ended + SLACK_SECONDS]

    def reached_when(self, wall: int) -> int:
        """The farthest the calendar can have come when it showed `wall`; `wall` itself if it was never set back."""
        return max((self.reached(at) for at in self.moments(wall)), default=wall)
