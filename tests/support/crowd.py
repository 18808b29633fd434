"""Many callers at once, who wait for as long as it pleases them, and what becomes of their calls."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

from application.scheduling.ports.errors import StoreUnavailableError


@dataclass(slots=True)
class Crowd:
    """Callers who each ask `calls_each` times, by their number and the turn, for one of `patience_seconds` at most.

    An error of what is asked that is not the store's ends them all.
    """

    ask_once: Callable[[int, int], Awaitable[None]]
    calls_each: int
    patience_seconds: Sequence[float]
    answered: int = 0
    failed: int = 0
    cancelled: int = 0

    async def ask(self, number: int) -> None:
        """All that one caller asks; the same number draws the same patience in every run."""
        dice = Random(f"caller {number}")
        for turn in range(self.calls_each):
            try:
                async with asyncio.timeout(dice.uniform(0, dice.choice(self.patience_seconds))):
                    await self.ask_once(number, turn)
                self.answered += 1
            except StoreUnavailableError:
                self.failed += 1
            except TimeoutError:
                self.cancelled += 1
