"""What a run came to in figures: how much was done, what went wrong, how late things were, how soon they recovered."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from tests.support.chaos_evidence import Evidence, Finding
from tests.support.chaos_ledger import Mark
from tests.support.chaos_plan import SILENCING, Kind

# After a fault, what it delayed is still being caught up with.
CALM_AFTER_SECONDS = 6.0
# Tasks that wait for nobody, so that a late start is the scheduler's doing.
PROMPT = ("quick", "misfire")


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, in milliseconds."""

    count: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None

    @staticmethod
    def of(seconds: list[float]) -> "Times":
        """The summary of so many measurements."""
        if not seconds:
            return Times(0, None, None, None)
        ordered = sorted(round(each * 1_000, 1) for each in seconds)
        p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
        return Times(len(ordered), p50, p99, ordered[-1])


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `late` is the start of prompt tasks after their instant, in calm phases."""

    seed: int
    seconds: float
    faults: dict[str, int]
    tasks: int
    requests: dict[str, int]
    executions: dict[str, int]
    starts: int
    retries: int
    recoveries: dict[str, int]
    skipped_by_reason: dict[str, int]
    lost: int
    dup_unexplained: int
    early: int
    late: Times
    worker_death_to_next_start: Times
    service_start_to_first_fire: Times
    store_back_to_next_dispatch: Times
    hints_lost_to_next_dispatch: Times
    findings: list[str]
    evidence: str


def reported(seed: int, evidence: Evidence, found: list[Finding]) -> Report:
    """The figures of a run and of what the checker found in it."""
    outcomes = Counter(str(each.outcome) for of in evidence.dump.attempts.values() for each in of)
    skips = Counter[str]()
    for each in (skip for of in evidence.dump.skips.values() for skip in of):
        skips[each.reason] += each.count
    times = [line["monotonic"] for line in evidence.nemesis]
    return Report(
        seed=seed,
        seconds=round(times[-1] - times[0], 1),
        faults=dict(Counter(fault.kind for fault in evidence.faults)),
        tasks=len(evidence.dump.tasks),
        requests=dict(Counter(line["what"] for line in evidence.requests)),
        executions=dict(Counter(each.state for each in evidence.dump.executions.values())),
        starts=sum(mark.what == "start" for mark in evidence.ledger),
        retries=outcomes["failed"] + outcomes["timeout"],
        recoveries={name: outcomes[name] for name in ("rescued", "handed_back")},
        skipped_by_reason=dict(skips),
        lost=sum(finding.text.startswith("lost") for finding in found),
        dup_unexplained=sum(finding.text.startswith("dup") for finding in found),
        early=sum(finding.text.startswith("early") for finding in found),
        late=Times.of(_lateness(evidence)),
        worker_death_to_next_start=Times.of(_restarts(evidence)),
        service_start_to_first_fire=Times.of(_first_fires(evidence)),
        store_back_to_next_dispatch=Times.of(_dispatched_again(evidence)),
        hints_lost_to_next_dispatch=Times.of(_dispatched_untold(evidence)),
        findings=[f"{finding.invariant}: {finding.text}" for finding in found],
        evidence=str(evidence.aftermath.folder),
    )


def written(folder: Path, report: Report) -> None:
    """Put the report where people look for it."""
    folder.mkdir(parents=True, exist_ok=True)
    document = asdict(report)
    (folder / "report.json").write_text(json.dumps(document, indent=2) + "\n")


def _lateness(evidence: Evidence) -> list[float]:
    """How long after the calendar had shown its instant each prompt execution began, where nothing was wrong."""
    found = []
    for mark in _first_starts(evidence):
        shown = [at for at in evidence.clock.moments(mark.scheduled_at) if at <= mark.monotonic]
        is_scheduled = evidence.dump.executions[mark.execution].kind == "auto" and mark.task.startswith(PROMPT)
        if is_scheduled and shown and _is_calm(evidence, shown[-1], mark.monotonic):
            found.append(mark.monotonic - shown[-1])
    return found


def _is_calm(evidence: Evidence, began: float, ended: float) -> bool:
    """True if no fault lies between the two instants or shortly before them."""
    # Set back, the clock owes nothing until it is where it has been.
    if evidence.clock.reached(began) > evidence.clock.wall(began):
        return False
    return not any(fault.began <= ended and began <= fault.ended + CALM_AFTER_SECONDS for fault in evidence.faults)


def _restarts(evidence: Evidence) -> list[float]:
    """From the death of the process that ran an execution to the next start of it."""
    found = []
    for execution_id in evidence.marks:
        starts = evidence.starts(execution_id)
        for earlier, later in pairwise(starts):
            death = evidence.deaths.get(earlier.pid)
            if death is not None and evidence.end_of(earlier) is None and death <= later.monotonic:
                found.append(later.monotonic - death)
    return found


def _first_fires(evidence: Evidence) -> list[float]:
    """From the start of each service but the first to the first execution that began after it."""
    births = [line for line in evidence.nemesis if line["what"] == "birth" and line["role"] == "service"]
    starts = [mark.monotonic for mark in _first_starts(evidence)]
    found = []
    for line in births[1:]:
        birth, death = line["monotonic"], evidence.deaths.get(line["pid"], float("inf"))
        found += [start - birth for start in starts if birth < start < death][:1]
    return found


def _dispatched_again(evidence: Evidence) -> list[float]:
    """From the end of each silence of the store to the first start of what was recorded after it.

    Of silences between which nothing was started, the last one counts; where all firing is held, nothing starts.
    """
    holds = [fault for fault in evidence.faults if fault.kind == Kind.HOLD]
    silences = [
        fault
        for fault in evidence.faults
        if fault.kind in SILENCING and not any(hold.touches(fault.ended) for hold in holds)
    ]
    until = [*(each.began for each in silences), float("inf")][1:]
    return _dispatched_after(evidence, [each.ended for each in silences], until)


def _dispatched_untold(evidence: Evidence) -> list[float]:
    """From the loss of what carries hints to the first start of what was recorded after it."""
    instants = [fault.began for fault in evidence.faults if fault.kind == Kind.KILL_HINTS]
    return _dispatched_after(evidence, instants, [float("inf")] * len(instants))


def _dispatched_after(evidence: Evidence, instants: list[float], until: list[float]) -> list[float]:
    starts, found = _first_starts(evidence), []
    for instant, end in zip(instants, until, strict=True):
        since = evidence.clock.wall(instant)
        later = [mark for mark in starts if evidence.dump.executions[mark.execution].created_at > since]
        found += [mark.monotonic - instant for mark in later[:1] if mark.monotonic < end]
    return found


def _first_starts(evidence: Evidence) -> list[Mark]:
    seen: set[str] = set()
    found = []
    for mark in evidence.ledger:
        if mark.what == "start" and mark.execution not in seen:
            seen.add(mark.execution)
            found.append(mark)
    return found
