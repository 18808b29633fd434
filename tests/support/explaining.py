"""Asking a store why a task did, or did not, run."""

from datetime import datetime

from application.scheduling.explanations import Explanation, Finding
from application.scheduling.iso_text import instant
from application.scheduling.ports.history import Retention
from application.scheduling.services.explain import Explain
from domain.scheduling.asked_time import AskedTime
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest


async def explained(
    store: StoreUnderTest, task: ScheduledTask, at: datetime | str, *, retention: Retention | None = None
) -> Explanation:
    """The answer for a time, as people write it, or for the second of an instant."""
    text = at if isinstance(at, str) else instant(at)
    assert text is not None
    explain = Explain(store.history, store.membership, store.holds, store.trail, retention or Retention())
    return await explain.at(task.id, AskedTime.parse(text))


async def found(store: StoreUnderTest, task: ScheduledTask, at: datetime | str) -> Finding:
    """The one thing that is told of a time."""
    (finding,) = (await explained(store, task, at)).findings
    return finding


def says(finding: Finding, *texts: str) -> bool:
    """True if each of the texts stands in what is told; an AssertionError tells what does not."""
    whole = " ".join(finding.sentences)
    missing = [text for text in texts if text not in whole]
    assert not missing, (missing, whole)
    return True
