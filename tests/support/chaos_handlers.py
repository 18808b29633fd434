"""Handlers for chaos: each writes when it starts and ends to a ledger outside the store, whatever happens to it."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel

from application.scheduling.processors import Processors, Run
from domain.scheduling.identifiers import microseconds
from tests.support.chaos_control import Controls
from tests.support.chaos_ledger import LEDGER, append

TYPE = "chaos"
TICK_SECONDS = 0.05
processors = Processors()


class Chore(BaseModel):
    """The folder of the run, how long to be busy, and how many attempts are to fail before one succeeds."""

    folder: str
    seconds: float = 0.0
    failures: int = 0


class OrderedFailureError(Exception):
    """What a handler was told to fail with."""


@lru_cache(maxsize=1)
def _controls(folder: str) -> Controls:
    return Controls(Path(folder))


def note(chore: Chore, what: str, run: Run, outcome: str = "") -> None:
    """One line of the ledger."""
    append(
        Path(chore.folder) / LEDGER,
        what=what,
        execution=run.execution_id,
        task=run.task_name,
        scheduled_at=microseconds(run.scheduled_at),
        attempt=run.attempt,
        fence=run.fence,
        pid=os.getpid(),
        wall=_controls(chore.folder).wall(),
        outcome=outcome,
    )


@contextmanager
def noted(chore: Chore, run: Run) -> Iterator[None]:
    """Start and end of the block, on record; that it was stopped or failed, too."""
    note(chore, "start", run)
    outcome = "stopped"
    try:
        yield
        outcome = "done"
    except Exception:
        outcome = "failed"
        raise
    finally:
        note(chore, "end", run, outcome)


@processors.task(TYPE, "wait")
async def wait(chore: Chore, run: Run) -> None:
    """Is busy without hindering anybody, and fails as often as it was told to."""
    with noted(chore, run):
        run.progress(run.attempt)
        await asyncio.sleep(chore.seconds)
        if run.attempt <= chore.failures:
            raise OrderedFailureError(f"attempt {run.attempt}")


@processors.task(TYPE, "block")
async def block(chore: Chore, run: Run) -> None:
    """Blocks the event loop, as careless code does."""
    with noted(chore, run):
        time.sleep(chore.seconds)  # noqa: TID251, ASYNC251 - the fault under test


@processors.task(TYPE, "thread")
def thread(chore: Chore, run: Run) -> None:
    """A plain function, which runs in a thread and stops when it is asked to."""
    with noted(chore, run):
        give_up_at = time.monotonic() + chore.seconds
        while time.monotonic() < give_up_at:
            run.checkpoint()
            time.sleep(TICK_SECONDS)  # noqa: TID251 - a plain function may block


@processors.task(TYPE, "poison")
async def poison(chore: Chore, run: Run) -> None:
    """Ends the process it runs in."""
    note(chore, "start", run)
    note(chore, "crash", run)
    os.kill(os.getpid(), signal.SIGKILL)
