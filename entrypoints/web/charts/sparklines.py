"""The last runs of a task as a small chart: its bars, and in words what they add up to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from application.scheduling.explanations.words import counted, span
from application.scheduling.ports.figures import PastRun
from domain.scheduling.execution import ExecutionState
from entrypoints.web.charts.charts import Bar, Tone, heights
from entrypoints.web.words.wording import STATES

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


@dataclass(frozen=True, slots=True)
class SmallSparkline:
    """The same chart for a row of a list: the bars of each tone are one path, and none has a title of its own.

    Thirty titles a row would make up most of such a page.
    """

    outlines: Mapping[Tone, str]
    title: str


def sparkline_of(runs: Sequence[PastRun]) -> Sparkline:
    """The chart of these runs, oldest first; heights tell durations, tones and shapes how they ended."""
    lengths = [run.took for run in runs]
    bars = [
        Bar(height, _tone(run), _told(run, took))
        for run, took, height in zip(runs, lengths, heights(lengths), strict=True)
    ]
    return Sparkline(bars, _title(runs))


def small_sparkline_of(runs: Sequence[PastRun]) -> SmallSparkline:
    """The chart of these runs in the shapes of the large one."""
    outlines: dict[Tone, str] = {}
    for place, (run, height) in enumerate(zip(runs, heights([run.took for run in runs]), strict=True)):
        tone = _tone(run)
        outlines[tone] = outlines.get(tone, "") + _outline(place * PITCH, round(height * BAR_MOST), tone)
    return SmallSparkline(outlines, _title(runs))


def _title(runs: Sequence[PastRun]) -> str:
    tally = Counter(run.state for run in runs)
    said = ", ".join(f"{count:,} {STATES[state]}" for state, count in tally.most_common())
    return f"Last {counted(len(runs), 'run')}: {said}" if runs else "No run has ended yet"


def _tone(run: PastRun) -> Tone:
    return TONES.get(run.state, Tone.NONE)


def _told(run: PastRun, took: timedelta | None) -> str:
    after = "" if took is None else f" after {span(took)}"
    return f"{run.finished_at:%Y-%m-%d %H:%M:%S} UTC: {STATES[run.state]}{after}"


def _outline(left: int, high: int, tone: Tone) -> str:
    bar = f"M{left} {BAR_MOST}v-{high}h5v{high}z"
    match tone:
        case Tone.BAD:
            return f"{bar}M{left} 28l2.5-4 2.5 4z"
        case Tone.NONE:
            return f"M{left + 1} {BAR_MOST}v-{max(high - 1, 1)}h3v{max(high - 1, 1)}z"
        case _:
            return bar
