"""The judge of a chaos run: every promise that can be read off what it left, and that the harness left nothing."""

from collections.abc import Iterator

from tests.support.chaos_check_executions import check_executions
from tests.support.chaos_check_requests import check_requests
from tests.support.chaos_check_timeline import check_timeline
from tests.support.chaos_evidence import Evidence, Finding
from tests.support.chaos_run import Aftermath

# About thrice of what a process holds under this load.
DESCRIPTORS_MAX = 128
RESIDENT_MAX_KB = 400_000


def findings(evidence: Evidence) -> list[Finding]:
    """All broken promises that the evidence shows."""
    return [
        *check_timeline(evidence),
        *check_executions(evidence),
        *check_requests(evidence),
        *_fell(evidence),
    ]


def _fell(evidence: Evidence) -> Iterator[Finding]:
    """Whatever befalls the store and the clock, the service waits for better times and does not end."""
    armed = {line["pid"] for line in evidence.nemesis if line["what"] == "death" and "commit" in line["because"]}
    for line in evidence.nemesis:
        if line["what"] == "fall" and line["pid"] not in armed:
            yield Finding("exit", f"the service ended by itself with code {line['code']}")


def findings_of_the_house(aftermath: Aftermath) -> Iterator[Finding]:
    """Leaks (I22), an unsound store, an end in disorder, and what the harness itself left behind (F40)."""
    if not aftermath.is_sound:
        yield Finding("file", "the store finds what it keeps damaged")
    if any(aftermath.codes):
        yield Finding("exit", f"told to stop, the service ended with {aftermath.codes}")
    if aftermath.left_over:
        yield Finding("F40", f"processes were left behind: {aftermath.left_over}")
    for pid, life in aftermath.lives.items():
        if life.descriptors_most > DESCRIPTORS_MAX or life.resident_most_kb > RESIDENT_MAX_KB:
            yield Finding("I22", f"{pid} came to hold {life}")
