"""Waiting in tests without sleeping: for a few turns of the loop, or until something holds."""

import asyncio
from collections.abc import Callable


async def turns(count: int = 20) -> None:
    """Let everything else in the loop go on for so many of its turns."""
    for _ in range(count):
        await asyncio.sleep(0)


async def eventually(holds: Callable[[], object], *, within: float = 5.0) -> None:
    """Return as soon as something holds that other tasks or threads bring about; fail after so many real seconds."""
    async with asyncio.timeout(within):
        # What is waited for may happen in a thread, which sets no event.
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
