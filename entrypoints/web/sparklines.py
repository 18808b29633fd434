"""The last runs of a task as a small chart: its bars, and in words what they add up to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from application.scheduling.explanations.words import counted, span
from application.scheduling.ports.figures import PastRun
from domain.scheduling.execution import ExecutionState
from entrypoints.web.charts import Bar, Tone, heights
from entrypoints.web.wording import STATES

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
