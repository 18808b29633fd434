"""A run drawn to scale: a lane for each task, its instants above, its runs below, the faults as shades behind.

The drawing is one SVG file without scripts that follows the reader's light or dark scheme. Whatever falls on the same
pixel of a lane is drawn once, so that ten minutes take no more ink than one.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tests.support.chaos_dump import TaskRow
from tests.support.chaos_evidence import Evidence
from tests.support.chaos_ledger import Fault, Mark
from tests.support.chaos_oracle import owed
from tests.support.chaos_report import Report

LEFT, WIDTH, RIGHT = 210, 1_340, 20
LANE, FAULT_ROW = 17, 15
TOP = 92
LANES_MAX = 70
# Tasks that clients create, and those of a burst, come behind those that stand for something of their own.
IN_CROWDS = ("client", "burst")
TICKS = (1, 2, 5, 10, 20, 30, 60)
TICKS_MAX = 24
LABEL_WIDTH = 6.2
# Of more faults than these only the kinds are named.
NAMED_MAX = 30

STYLE = """
svg { --ink: #1f2328; --dim: #656d76; --line: #d8dee4; --paper: #ffffff; --band: #bf8700; --stripe: #f6f8fa;
  --ran: #1a7f37; --passed: #b3bac2; --lost: #d1242f; --done: #54aeff; --failed: #e16f24; --stopped: #8c959f;
  --killed: #8250df; background: var(--paper); }
@media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --dim: #8b949e; --line: #30363d; --paper: #0d1117;
  --band: #d29922; --stripe: #151b23; --ran: #3fb950; --passed: #484f58; --lost: #ff7b72; --done: #388bfd;
  --failed: #f0883e; --stopped: #6e7681; --killed: #bc8cff; } }
text { font: 11px system-ui, sans-serif; fill: var(--ink); }
.title { font-size: 17px; font-weight: 600; } .dim { fill: var(--dim); } .lane { text-anchor: end; }
.tick { text-anchor: middle; fill: var(--dim); } .grid { stroke: var(--line); } .stripe { fill: var(--stripe); }
.band { fill: var(--band); opacity: .13; } .fault { fill: var(--band); opacity: .85; }
""" + "".join(
    f".{name} {{ fill: var(--{name}); }}\n" for name in ("ran", "passed", "lost", "done", "failed", "stopped", "killed")
)
LEGEND = (
    ("ran", "instant that ran"),
    ("passed", "passed over, on record"),
    ("lost", "lost"),
    ("done", "run that succeeded"),
    ("failed", "failed, to be retried"),
    ("stopped", "told to stop"),
    ("killed", "cut off by a death, rescued"),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """Monotonic instants to pixels."""

    began: float
    ended: float

    def x(self, instant: float) -> float:
        """Where an instant stands."""
        share = (instant - self.began) / (self.ended - self.began)
        return LEFT + WIDTH * min(max(share, 0.0), 1.0)


def drawn(evidence: Evidence, report: Report) -> str:
    """The whole drawing."""
    times = [mark.monotonic for mark in evidence.ledger]
    scale = Scale(min(times) - 0.5, max(times) + 0.5)
    lanes = sorted(_with_runs(evidence), key=lambda task: (task.name.startswith(IN_CROWDS), task.created_at))
    rows = _rows_of(evidence.faults, scale)
    top = TOP + FAULT_ROW * (max(rows.values(), default=0) + 1) + 8
    bottom = top + LANE * min(len(lanes), LANES_MAX) + 6
    height = bottom + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" role="img">',
        f"<title>{escape(_headline(report))}</title><style>{STYLE}</style>",
        *_head(report),
        *_lane_grounds(lanes, top),
        *_axis(scale, top, bottom),
        *_faults(rows, scale, bottom),
    ]
    for number, task in enumerate(lanes[:LANES_MAX]):
        parts += _lane(evidence, task, scale, top + number * LANE)
    if len(lanes) > LANES_MAX:
        rest = f"and {len(lanes) - LANES_MAX} tasks more"
        parts.append(f'<text class="dim" x="{LEFT}" y="{height - 8}">{rest}</text>')
    return "\n".join([*parts, "</svg>\n"])


def write_timeline(path: Path, evidence: Evidence, report: Report) -> None:
    """Draw it into a file."""
    path.write_text(drawn(evidence, report))


def _headline(report: Report) -> str:
    broken = f"{report.lost} lost, {report.dup_unexplained} repeated without a cause, {report.early} early"
    return f"{report.seconds:.0f} seconds of chaos: {broken}"


def _head(report: Report) -> Iterator[str]:
    yield f'<text class="title" x="20" y="30">{escape(_headline(report))}</text>'
    recovered = sum(report.recoveries.values())
    faults = sum(report.faults.values())
    facts = f"{sum(report.executions.values()):,} executions, {report.starts:,} starts, {report.retries:,} retries, "
    facts += f"{recovered:,} recoveries from {faults} faults; {sum(report.skipped_by_reason.values()):,} instants "
    facts += "passed over on record"
    if report.late.count:
        facts += f"; late in calm phases: p50 {report.late.p50_ms} ms, p99 {report.late.p99_ms} ms"
    yield f'<text class="dim" x="20" y="50">{escape(facts)}</text>'
    x = 20.0
    for name, meaning in LEGEND:
        yield f'<rect class="{name}" x="{x:.0f}" y="64" width="10" height="10" rx="2"/>'
        yield f'<text class="dim" x="{x + 15:.0f}" y="73">{meaning}</text>'
        x += 32 + len(meaning) * LABEL_WIDTH


def _lane_grounds(lanes: list[TaskRow], top: int) -> Iterator[str]:
    for number in range(0, min(len(lanes), LANES_MAX), 2):
        y = top + number * LANE
        yield f'<rect class="stripe" x="{LEFT}" y="{y}" width="{WIDTH}" height="{LANE}"/>'


def _axis(scale: Scale, top: int, bottom: int) -> Iterator[str]:
    whole = scale.ended - scale.began
    step = next((each for each in TICKS if whole / each <= TICKS_MAX), TICKS[-1])
    for second in range(0, int(whole) + 1, step):
        x = scale.x(scale.began + second)
        yield f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{bottom + 14}">{second} s</text>'


def _rows_of(faults: list[Fault], scale: Scale) -> dict[Fault, int]:
    """The row in which each fault's name has room."""
    rows: dict[Fault, int] = {}
    free: list[float] = []
    for fault in faults:
        x = scale.x(fault.began)
        row = next((number for number, until in enumerate(free) if until < x), len(free))
        free[row:] = [x + len(_name(fault, faults)) * LABEL_WIDTH + 12, *free[row + 1 :]]
        rows[fault] = row
    return rows


def _faults(rows: dict[Fault, int], scale: Scale, bottom: int) -> Iterator[str]:
    for fault, row in rows.items():
        x, width = scale.x(fault.began), max(2.0, scale.x(fault.ended) - scale.x(fault.began))
        y = TOP + row * FAULT_ROW
        yield f'<rect class="band" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{bottom - y}"/>'
        yield f'<rect class="fault" x="{x:.1f}" y="{y}" width="{width:.1f}" height="3"/>'
        name = _name(fault, rows)
        anchor = "end" if x + len(name) * LABEL_WIDTH > LEFT + WIDTH + RIGHT else "start"
        yield f'<text x="{x + 1:.1f}" y="{y + 13}" text-anchor="{anchor}">{escape(name)}</text>'


def _name(fault: Fault, among: Collection[Fault]) -> str:
    return fault.kind if len(among) <= NAMED_MAX else fault.kind.partition(" (")[0]


def _lane(evidence: Evidence, task: TaskRow, scale: Scale, y: int) -> Iterator[str]:
    name = task.name if len(task.name) < 32 else f"{task.name[:30]}…"
    yield f'<text class="lane" x="{LEFT - 8}" y="{y + 12}">{escape(name)}</text>'
    ink: dict[str, set[int]] = defaultdict(set)
    for instant, fate in _fates(evidence, task):
        ink[fate].add(int(scale.x(_shown(evidence, instant))))
    for fate in ("passed", "ran", "lost"):
        yield from _path(fate, ((x, 3) for x in sorted(ink[fate])), y + 2, 5)
    bars: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for start in _starts(evidence, task):
        over_at = evidence.over_at(start) or start.monotonic
        x, end = int(scale.x(start.monotonic)), int(scale.x(over_at))
        bars[_how(evidence, start)].append((x, max(2, end - x)))
    for how, of in bars.items():
        yield from _path(how, sorted(set(of)), y + 9, 6)


def _path(name: str, bars: Iterable[tuple[int, int]], y: int, height: int) -> Iterator[str]:
    ink = "".join(f"M{x} {y}h{width}v{height}h-{width}z" for x, width in bars)
    if ink:
        yield f'<path class="{name}" d="{ink}"/>'


def _fates(evidence: Evidence, task: TaskRow) -> Iterator[tuple[int, str]]:
    ran = {each.nominal_at for each in evidence.dump.executions_of(task.id) if each.kind == "auto"}
    skips = [(each.first_at, each.last_at) for each in evidence.dump.skips[task.id]]
    for instant in owed(evidence.dump, task, evidence.clock, task.decided_until).sure:
        is_passed = any(first <= instant <= last for first, last in skips)
        yield instant, "ran" if instant in ran else "passed" if is_passed else "lost"


def _shown(evidence: Evidence, instant: int) -> float:
    """When the calendar showed an instant, or jumped over it."""
    moments = evidence.clock.moments(instant)
    jumps = (era.began for era in evidence.clock.eras if era.wall(era.began) >= instant)
    return moments[0] if moments else next(jumps, 0.0)


def _how(evidence: Evidence, start: Mark) -> str:
    end = evidence.end_of(start)
    return end.outcome if end is not None else "killed"


def _starts(evidence: Evidence, task: TaskRow) -> list[Mark]:
    return [mark for each in evidence.dump.executions_of(task.id) for mark in evidence.starts(each.id)]


def _with_runs(evidence: Evidence) -> list[TaskRow]:
    return [task for task in evidence.dump.tasks.values() if _starts(evidence, task)]
