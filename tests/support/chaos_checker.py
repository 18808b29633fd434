"""The judge of a chaos run: every promise that can be read off what it left, and that the harness left nothing."""

from collections.abc import Iterator

from tests.support.chaos_check_executions import check_executions
from tests.support.chaos_check_requests import check_requests
from tests.support.chaos_check_timeline import check_timeline
from tests.support.chaos_dump import is_whole
from tests.support.chaos_evidence import Evidence, Finding
from tests.support.chaos_run import STORE, Aftermath

DESCRIPTORS_MORE_MAX = 24
RESIDENT_MORE_KB_MAX = 60_000


def findings(evidence: Evidence) -> list[Finding]:
    """All broken promises that the evidence shows."""
    return [*check_timeline(evidence), *check_executions(evidence), *check_requests(evidence)]


def findings_of_the_house(aftermath: Aftermath) -> Iterator[Finding]:
    """Leaks (I22), an unsound file, an end in disorder, and what the harness itself left behind (F40)."""
    if not is_whole(aftermath.folder / STORE):
        yield Finding("file", "SQLite finds the store's file damaged")
    if any(aftermath.codes):
        yield Finding("exit", f"told to stop, the service ended with {aftermath.codes}")
    if aftermath.left_over:
        yield Finding("F40", f"processes were left behind: {aftermath.left_over}")
    for pid, life in aftermath.lives.items():
        if life.first is None or life.last is None:
            continue
        descriptors, resident = (last - first for first, last in zip(life.first, life.last, strict=True))
        if descriptors > DESCRIPTORS_MORE_MAX or resident > RESIDENT_MORE_KB_MAX:
            yield Finding("I22", f"{life.role} {pid} grew from {life.first} to {life.last} (descriptors, kB)")
