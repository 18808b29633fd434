"""Batches of changes that have nothing to do with each other: one is decided while another is written."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Generic, TypeVar

from application.scheduling.ports.errors import PortError

LANES: Final = 2
"""So many batches at a time: while the server writes one, the next is decided."""

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")


async def side_by_side(
    batches: Sequence[Batch], carry_out: Callable[[Batch], Awaitable[Sequence[Answer]]]
) -> list[Answer]:
    """The answers to all batches, in the order of these, which are carried out in any.

    Raises the first PortError; what was begun before it is carried out, and no more is begun.
    """
    return await _Lanes(carry_out, deque(enumerate(batches))).answers()


@dataclass(frozen=True, slots=True)
class _Lanes(Generic[Batch, Answer]):
    carry_out: Callable[[Batch], Awaitable[Sequence[Answer]]]
    waiting: deque[tuple[int, Batch]]
    answered: dict[int, Sequence[Answer]] = field(default_factory=dict)

    async def answers(self) -> list[Answer]:
        count = len(self.waiting)
        async with asyncio.TaskGroup() as group:
            lanes = [group.create_task(self._some()) for _ in range(LANES)]
        for lane in lanes:
            if (error := lane.result()) is not None:
                raise error
        return list(chain.from_iterable(self.answered[place] for place in range(count)))

    async def _some(self) -> PortError | None:
        """Take batch after batch; an error, which the group would wrap, is answered, and nothing more is begun."""
        try:
            while self.waiting:
                place, batch = self.waiting.popleft()
                self.answered[place] = await self.carry_out(batch)
        except PortError as error:
            self.waiting.clear()
            return error
        return None
