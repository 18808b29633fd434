"""What lists need of every task, held in this process, because a server without queries can search and sort nothing.

Every question begins by catching up with the journal, one round trip where nothing has changed, so answers are as of
their questions. Where the journal does not reach back (many changes since the last question, another server), all
tasks are read anew: states in slices that keep the server for about a millisecond each, and of the definitions, which
never change, only those of unknown versions. Whoever asks for no list pays for none of this.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from adapters.redis.keys import key
from adapters.redis.mirrored import MirroredTask, faceless
from adapters.redis.news import BEGINNING, Place, told_behind
from adapters.redis.server import Server
from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError

TASKS_MAX = 200_000
"""Of so many tasks, the deleted ones included, lists can be made: about 200 MB."""
SLICE = 1_000
ROUNDS_MAX = 3
"""How often a question begins to read all tasks anew before it gives up."""


@dataclass(slots=True)
class Mirror:
    """The tasks of one store."""

    server: Server
    _tasks: dict[str, MirroredTask] = field(default_factory=dict, init=False)
    # Everything up to here is in it, if it was of this generation; None: all of it is to be read anew.
    _place: Place | None = field(default=None, init=False)
    _generation: int = field(default=0, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _asked: int = field(default=0, init=False)
    _answered: int = field(default=0, init=False)

    async def tasks(self) -> Sequence[MirroredTask]:
        """All tasks as of now, in no order, deleted ones included.

        Raises StoreRefusedError for more than TASKS_MAX, StoreUnavailableError also if they change too fast.
        """
        self._asked += 1
        mine = self._asked
        async with self._lock:
            # A catching up that began after this question came answers it, too.
            if self._answered < mine:
                asked = self._asked
                await self._catch_up()
                self._answered = asked
            return tuple(self._tasks.values())

    async def _catch_up(self) -> None:
        for _ in range(ROUNDS_MAX):
            if await self._follow():
                return
            await self._read_anew()
        if not await self._follow():
            raise StoreUnavailableError("the tasks change faster than a list of them can be read")

    async def _follow(self) -> bool:
        """Read what the journal tells up to this moment; False if it does not reach back to where the mirror stands."""
        place, until = self._place, None
        while place is not None and (until is None or place.number < until):
            told = await told_behind(self.server, place, limit=SLICE, with_states=True)
            if not told.is_known or told.generation != self._generation:
                place = self._place = None
                break
            changed = await self._read(told.tasks, told.states)
            for task_id in told.tasks:
                self._tasks.pop(task_id, None)
            self._tasks.update(changed)
            place = self._place = told.reached
            until = told.newest.number if until is None else until
        return place is not None

    async def _read_anew(self) -> None:
        # The place comes first: what changes while the tasks are read is told behind it.
        start = await told_behind(self.server, BEGINNING, limit=0)
        if start.generation != self._generation:
            # What another server had lost may have been given the same version again.
            self._tasks, self._generation = {}, start.generation
        await self._check_size()
        tasks: dict[str, MirroredTask] = {}
        cursor = b"0"
        while True:
            cursor, flat = await self.server.command("HSCAN", key("tasks"), cursor, "COUNT", SLICE)
            tasks |= await self._read([each.decode(errors="replace") for each in flat[::2]], flat[1::2])
            if cursor == b"0":
                break
        self._tasks, self._place = tasks, start.newest

    async def _check_size(self) -> None:
        count = await self.server.command("HLEN", key("tasks"))
        if count > TASKS_MAX:
            raise StoreRefusedError(
                f"lists are made of at most {TASKS_MAX:,} tasks in Redis, and this store has {count:,}"
            )

    async def _read(self, ids: Iterable[str], states: Iterable[bytes]) -> dict[str, MirroredTask]:
        """The tasks of these states; those that are gone or cannot be read are left out."""
        read = ((task_id, faceless(state)) for task_id, state in zip(ids, states, strict=True))
        found = {task_id: task for task_id, task in read if task is not None}
        known = {task_id: self._tasks.get(task_id) for task_id in found}
        faces = {
            task_id: before.face
            for task_id, before in known.items()
            if before is not None and before.version == found[task_id].version
        }
        faces |= await self._faces({task_id: task for task_id, task in found.items() if task_id not in faces})
        return {task_id: task._replace(face=faces[task_id]) for task_id, task in found.items()}
