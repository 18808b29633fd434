"""Handlers for tests of the whole service; each writes what it does to a ledger outside the store."""

import asyncio
import json
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from application.scheduling.processors import Processors, Run, RunCancelledError, Summary

processors = Processors()


class Chore(BaseModel):
    """Where to write, and how long to be busy."""

    ledger: str
    seconds: float = 0.0


def note(ledger: str, what: str, run: Run) -> None:
    """One line, appended in one write, so that lines of several processes never mix."""
    line = json.dumps(
        {
            "what": what,
            "execution": run.execution_id,
            "task": run.task_name,
            "attempt": run.attempt,
            "fence": run.fence,
            "pid": os.getpid(),
            "scheduled_at": run.scheduled_at.timestamp(),
            "at": time.time(),  # noqa: TID251 - the ledger is outside the system it watches
        }
    )
    descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (line + "\n").encode())
    finally:
        os.close(descriptor)


def entries(ledger: Path, what: str) -> list[dict[str, Any]]:
    """What the ledger says of one kind of event."""
    if not ledger.exists():
        return []
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    return [line for line in lines if line["what"] == what]


@processors.task("chores", "wait")
async def wait(payload: Chore, run: Run) -> Summary:
    """Is busy for a while without hindering anybody."""
    note(payload.ledger, "start", run)
    run.log.info("waiting", seconds=payload.seconds)
    try:
        await asyncio.sleep(payload.seconds)
    except asyncio.CancelledError:
        note(payload.ledger, "stopped", run)
        raise
    note(payload.ledger, "end", run)
    return Summary({"waited": payload.seconds})


@processors.task("chores", "block")
async def block(payload: Chore, run: Run) -> None:
    """Blocks the event loop, as careless code does."""
    note(payload.ledger, "start", run)
    time.sleep(payload.seconds)  # noqa: TID251, ASYNC251 - the fault under test
    note(payload.ledger, "end", run)


@processors.task("chores", "thread")
def thread(payload: Chore, run: Run) -> None:
    """A plain function, which runs in a thread."""
    note(payload.ledger, "start", run)
    time.sleep(payload.seconds)  # noqa: TID251 - a plain function may block
    note(payload.ledger, "end", run)


@processors.task("chores", "poll")
def poll(payload: Chore, run: Run) -> None:
    """A plain function that minds being stopped."""
    note(payload.ledger, "start", run)
    until = time.monotonic() + payload.seconds
    try:
        while time.monotonic() < until:
            run.checkpoint()
            time.sleep(0.02)  # noqa: TID251 - a plain function may block
    except RunCancelledError:
        note(payload.ledger, "stopped", run)
        raise
    note(payload.ledger, "end", run)


@processors.task("chores", "kill")
async def kill(payload: Chore, run: Run) -> None:
    """Ends the process it runs in after a while, as a fault in an extension does."""
    note(payload.ledger, "start", run)
    await asyncio.sleep(payload.seconds)
    os._exit(99)


@processors.task("chores", "nasty")
async def nasty(payload: Chore, run: Run) -> None:
    """Cleans up for longer than its grace when it is stopped, and, cut off in that, in a way that holds the loop."""
    note(payload.ledger, "start", run)
    try:
        await asyncio.sleep(payload.seconds)
    except asyncio.CancelledError:
        try:
            await asyncio.sleep(payload.seconds)
        finally:
            time.sleep(payload.seconds)  # noqa: TID251, ASYNC251 - the fault under test


@processors.task("chores", "stubborn")
async def stubborn(payload: Chore, run: Run) -> None:
    """Ignores being stopped, and hinders nobody."""
    note(payload.ledger, "start", run)
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(payload.seconds)


@processors.task("chores", "nothing")
async def nothing(payload: dict[str, Any], run: Run) -> None:
    """Does nothing, for measuring what is around it."""


@processors.task("chores", "blink")
async def blink(payload: Chore, run: Run) -> None:
    """Is over as soon as it is begun."""
    note(payload.ledger, "end", run)


@processors.task("chores", "daemon")
def daemon(payload: Chore, run: Run) -> None:
    """Starts a program that outlives it, as the shell does, which keeps every descriptor it may; notes its id."""
    os.system(f"sleep {payload.seconds} </dev/null >/dev/null 2>&1 & echo $! >>{payload.ledger}")


@processors.task("chores", "terminate")
def terminate(payload: Chore, run: Run) -> Summary:
    """Starts a program and asks it to end."""
    with subprocess.Popen(["sleep", str(payload.seconds)]) as program:
        program.terminate()
        return Summary({"ended_by": -program.wait()})
