"""A run led and judged: its report and drawing where people look for them, and a failure that can be looked into."""

from tests.support.chaos_checker import findings, findings_of_the_house
from tests.support.chaos_evidence import gathered
from tests.support.chaos_ground import Opening
from tests.support.chaos_report import Report, reported, written
from tests.support.chaos_run import Story, evidence_of, unleash
from tests.support.chaos_timeline import write_timeline

SHOWN_MAX = 20


class BrokenPromiseError(AssertionError):
    """Chaos broke a promise; the text tells which, where the evidence lies, and how to run it again."""


async def tried(name: str, opening: Opening, seed: int, story: Story) -> Report:
    """Lead a run and judge it; `name` is that of its folder of evidence. Raises BrokenPromiseError."""
    folder = evidence_of(name)
    again = f"seed {seed}; evidence in {folder}; run again: pytest tests/chaos --chaos-seed {seed}"
    try:
        aftermath = await unleash(opening, folder, seed, story)
    except BaseException as error:
        error.add_note(again)
        raise
    evidence = gathered(aftermath)
    found = [*findings(evidence), *findings_of_the_house(aftermath)]
    report = reported(seed, evidence, found)
    for place in (folder, folder.parent):
        written(place, report)
        write_timeline(place / "timeline.svg", evidence, report)
    if found:
        shown = "\n".join(report.findings[:SHOWN_MAX])
        raise BrokenPromiseError(f"{len(found)} broken promises:\n{shown}\n{again}")
    return report


def is_worth_its_name(report: Report) -> None:
    """Fail if a run was not a busy and a troubled one."""
    assert report.starts > 50
    assert report.recoveries["rescued"] > 0
    assert report.retries > 0
    assert sum(report.skipped_by_reason.values()) > 0
    assert report.requests["answer"] > 50
