"""What lists need of every task, held in this process, because a server without queries can search and sort nothing.

Every question begins by catching up with the journal, one round trip where nothing has changed, so answers are as of
their questions. Where the journal does not reach back (many changes since the last question, another server), all
tasks are read anew: states in slices that keep the server for about a millisecond each, and of the definitions, which
never change, only those of unknown versions. Whoever asks for no list pays for none of this.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.redis.codec import version_key
from adapters.redis.keys import key
from adapters.redis.mirrored import NO_FACE, VERSION, Face, MirroredTask, face_of, state_of
from adapters.redis.news import Place, told_behind
from adapters.redis.server import Server
from application.scheduling.ports.errors import PortError, StoreRefusedError, StoreUnavailableError

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
    # Of the last catching up: all it was to answer share it, or they would wait for the server one after the other.
    _failure: PortError | None = field(default=None, init=False)

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
                self._failure = await self._catch_up()
                self._answered = asked
            if self._failure is not None:
                raise self._failure.with_traceback(None)
            return tuple(self._tasks.values())

    async def _catch_up(self) -> PortError | None:
        try:
            await self._come_up()
            self._bound(len(self._tasks))
        except PortError as error:
            return error
        return None

    async def _come_up(self) -> None:
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
        start = await told_behind(self.server, None)
        if start.generation != self._generation:
            # What another server had lost may have been given the same version again.
            self._tasks, self._generation = {}, start.generation
        self._bound(await self.server.command("HLEN", key("tasks")))
        tasks: dict[str, MirroredTask] = {}
        cursor = b"0"
        while True:
            cursor, flat = await self.server.command("HSCAN", key("tasks"), cursor, "COUNT", SLICE)
            tasks |= await self._read([each.decode(errors="replace") for each in flat[::2]], flat[1::2])
            if cursor == b"0":
                break
        self._tasks, self._place = tasks, start.newest

    async def _read(self, ids: Sequence[str], states: Sequence[bytes]) -> dict[str, MirroredTask]:
        """The tasks of these states; those that are gone or cannot be read are left out."""
        read = {task_id: state_of(state) for task_id, state in zip(ids, states, strict=True)}
        found = {task_id: state for task_id, state in read.items() if state is not None}
        faces = await self._faces({task_id: state[VERSION] for task_id, state in found.items()})
        return {task_id: MirroredTask._make((task_id, *state, faces[task_id])) for task_id, state in found.items()}

    async def _faces(self, versions: Mapping[str, int]) -> dict[str, Face]:
        faces: dict[str, Face] = {}
        for task_id, version in versions.items():
            known = self._tasks.get(task_id)
            if known is not None and known.version == version and known.face is not NO_FACE:
                faces[task_id] = known.face
        unknown = [task_id for task_id in versions if task_id not in faces]
        if unknown:
            names = [version_key(task_id, versions[task_id]) for task_id in unknown]
            records = await self.server.command("HMGET", key("definitions"), *names)
            faces.update(zip(unknown, map(face_of, records), strict=True))
        return faces

    def _bound(self, count: int) -> None:
        if count > TASKS_MAX:
            self._tasks, self._place = {}, None
            raise StoreRefusedError(
                f"lists are made of at most {TASKS_MAX:,} tasks in Redis, and this store has {count:,}"
            )
