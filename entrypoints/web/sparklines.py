"""The last runs of a task as a small chart: its bars, and in words what they add up to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.scheduling.explanations.words import counted, span
from application.scheduling.ports.figures import PastRun
from domain.scheduling.execution import ExecutionState
from entrypoints.web.charts import Bar, Tone, heights
from entrypoints.web.wording import STATES

PITCH, BAR_MOST = 6, 22
TONES = {
    ExecutionState.SUCCEEDED: Tone.GOOD,
    ExecutionState.DELIVERED: Tone.GOOD,
    ExecutionState.DEAD: Tone.BAD,
}


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Bars, oldest first, and the text in their place."""

    bars: Sequence[Bar]
    title: str

    @property
    def outlines(self) -> Mapping[Tone, str]:
        """The bars of each tone as one path, in the place and shapes of the large chart.

        For lists: a title for each bar would make up most of such a page.
        """
        found: dict[Tone, str] = {}
        for place, bar in enumerate(self.bars):
            found[bar.tone] = found.get(bar.tone, "") + _outline(place * PITCH, round(bar.height * BAR_MOST), bar.tone)
        return found


def sparkline_of(runs: Sequence[PastRun]) -> Sparkline:
    """The chart of these runs, oldest first; heights tell durations, tones and shapes how they ended."""
    bars = [
        Bar(height, TONES.get(run.state, Tone.NONE), _told(run))
        for height, run in zip(heights([run.took for run in runs]), runs, strict=True)
    ]
    tally = Counter(STATES[run.state] for run in runs)
    said = ", ".join(f"{count:,} {state}" for state, count in tally.most_common())
    return Sparkline(bars, f"Last {counted(len(runs), 'run')}: {said}" if runs else "No run has ended yet")


def _told(run: PastRun) -> str:
    took = "" if run.took is None else f" after {span(run.took)}"
    return f"{run.finished_at:%Y-%m-%d %H:%M:%S} UTC: {STATES[run.state]}{took}"


def _outline(left: int, high: int, tone: Tone) -> str:
    bar = f"M{left} {BAR_MOST}v-{high}h5v{high}z"
    match tone:
        case Tone.BAD:
            return f"{bar}M{left} 28l2.5-4 2.5 4z"
        case Tone.NONE:
            return f"M{left + 1} {BAR_MOST}v-{max(high - 1, 1)}h3v{max(high - 1, 1)}z"
        case _:
            return bar
