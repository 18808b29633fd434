"""How every change of a task is made: read, decide, write, and again from the start when somebody came between.

A change is written only if the task is still as it was read. What its idempotency key has done before is answered
again, by now or long ago, whatever has become of the task since.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from weakref import WeakValueDictionary

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.observer import Observer
from application.scheduling.ports.task_store import (
    Applied,
    KeyReused,
    Moved,
    MutateAnswer,
    NameTaken,
    Replayed,
    TaskStore,
    TooEarly,
    Unreadable,
)
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.services.change_events import changed_event
from application.scheduling.services.errors import (
    KeyInFlightError,
    KeyReusedError,
    NameTakenError,
    StaleVersionError,
    TaskChangedError,
    TaskNotFoundError,
    TaskUnreadableError,
)
from application.scheduling.services.task_quota import TaskQuota
from domain.errors import SchedulerError
from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.mutation import Compared, Mutation
from domain.scheduling.task import ScheduledTask

TRIES_MAX = 20
IN_FLIGHT_WAIT_MAX = timedelta(seconds=5)
EARLY_WAIT_MAX = timedelta(milliseconds=50)
CLOCK_AHEAD = "the clock of this machine is ahead of the store's"


@dataclass(frozen=True, slots=True)
class Author:
    """Who asks for a change, which way, why, and under which idempotency key."""

    actor: str
    via: Via
    reason: str = ""
    idempotency_key: str | None = None
    body_hash: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The task after the change; `replayed` says that an earlier request with the same key had done it.

    `unchanged` says that there was nothing to do: the task was as it was to become.
    """

    task: ScheduledTask
    replayed: bool = False
    execution_id: ExecutionId | None = None
    unchanged: bool = False


Decide = Callable[[ScheduledTask, Change], Mutation | None]
Read = Callable[[TaskId], Awaitable[ScheduledTask | Unreadable | None]]
Earlier = Callable[[], Awaitable[Done | None]]


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked for, and how to find what it is asked of and whether it was done before."""

    task_id: TaskId
    action: ChangeAction
    by: Author
    decide: Decide
    read: Read
    earlier: Earlier


@dataclass(frozen=True, slots=True)
class ChangeTask:
    """The loop in which the use cases that change tasks are carried out.

    Besides what `decide` raises: KeyReusedError, KeyInFlightError, NameTakenError, TaskChangedError if others always
    came first, TooManyTasksError beyond `quota` (None: there is none), and StoreUnavailableError.
    """

    tasks: TaskStore
    clock: Clock
    wakeup: Wakeup
    observer: Observer
    quota: TaskQuota | None = None
    # A lock lives for as long as some request of its key holds it or waits for it.
    in_flight: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def create(self, by: Author, decide: Callable[[Change], Mutation], *, dry_run: bool = False) -> Done:
        """Carry out a creation; with `dry_run`, only say what would be."""
        async with self._alone(by):
            # First of all: a request that was carried out is answered so, also when it would be refused by now.
            if (done := await self.replayed(by)) is not None:
                return done
            for _ in range(TRIES_MAX):
                mutation = decide(self.recorded(ChangeAction.CREATE, by))
                await self.check_room()
                if dry_run:
                    return await self._tried(mutation)
                answer = await self._mutate(mutation)
                if not isinstance(answer, TooEarly):
                    return await self._done(answer, mutation.after.id)
        raise StoreUnavailableError(CLOCK_AHEAD)

    async def carry_out(
        self,
        task_id: TaskId,
        action: ChangeAction,
        by: Author,
        decide: Decide,
        *,
        read: Read | None = None,
        earlier: Earlier | None = None,
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> Done:
        """Carry out what is decided on the task as `read` finds it (None: one that is not deleted).

        `earlier` finds what was done for this request before (None: by the author's key). Raises TaskNotFoundError,
        TaskUnreadableError, and StaleVersionError if it is not at `if_version`.
        """
        request = _Request(task_id, action, by, decide, read or self.tasks.get, earlier or partial(self.replayed, by))
        async with self._alone(by):
            answer: MutateAnswer = Moved()
            for _ in range(TRIES_MAX):
                decided = await self._decided(request, if_version)
                if isinstance(decided, Done):
                    return decided
                if dry_run:
                    return await self._tried(decided)
                answer = await self._mutate(decided)
                if not isinstance(answer, Moved | TooEarly):
                    return replace(await self._done(answer, task_id), unchanged=decided.changes_nothing)
        if isinstance(answer, TooEarly):
            raise StoreUnavailableError(CLOCK_AHEAD)
        raise TaskChangedError(task_id, _readable(task_id, await request.read(task_id)).version)

    async def _decided(self, request: _Request, if_version: int | None) -> Done | Mutation:
        """What is to be written, or what was done for this request before, by now or long ago."""
        found = await request.read(request.task_id)
        # After the reading: what was done before must neither be refused nor done again.
        if (done := await request.earlier()) is not None:
            return done
        try:
            task = _readable(request.task_id, found)
            if if_version is not None and task.version != if_version:
                raise StaleVersionError(task.id, task.version, named=if_version)
            change = self.recorded(request.action, request.by)
            mutation = request.decide(task, change)
            if request.action is ChangeAction.UNDELETE:
                await self.check_room()
        except SchedulerError:
            # Somewhere else the same request, sent twice, may have been carried out since we looked.
            if (done := await request.earlier()) is not None:
                return done
            raise
        if mutation is None and request.by.idempotency_key is None:
            return Done(task, unchanged=True)
        # What changes nothing goes on record under its key all the same: repeated, it must change nothing again.
        return mutation or Mutation(change, task, task, frozenset({Compared.STATUS}))

    @asynccontextmanager
    async def alone_with_key(self, by: Author) -> AsyncIterator[None]:
        """Let something that is harmless when repeated be done under the author's key, and by nobody else meanwhile.

        Raises KeyReusedError if another request was carried out under it, and KeyInFlightError.
        """
        async with self._alone(by):
            if by.idempotency_key is not None:
                _check_own(await self.tasks.replay(by.idempotency_key, by.body_hash))
            yield

    @asynccontextmanager
    async def _alone(self, by: Author) -> AsyncIterator[None]:
        """Let no two requests with one key be carried out at once: the second is answered what the first did.

        Raises KeyInFlightError if the first takes longer than IN_FLIGHT_WAIT_MAX.
        """
        key = by.idempotency_key
        if key is None:
            yield
            return
        turn = self.in_flight.setdefault(key, asyncio.Lock())
        try:
            async with asyncio.timeout(IN_FLIGHT_WAIT_MAX.total_seconds()):
                await turn.acquire()
        except TimeoutError:
            raise KeyInFlightError("a request with this idempotency key is still being carried out") from None
        try:
            yield
        finally:
            turn.release()

    async def replayed(self, by: Author) -> Done | None:
        """What the author's idempotency key was answered with; None if it is new. Raises KeyReusedError."""
        if by.idempotency_key is None:
            return None
        answer = await self.tasks.replay(by.idempotency_key, by.body_hash)
        return None if answer is None else await self._done(answer, TaskId(""))

    async def answered(self, task_id: TaskId, execution_id: ExecutionId | None) -> Done:
        """The answer to a request that was carried out before. Raises TaskNotFoundError, TaskUnreadableError."""
        task = _readable(task_id, await self.tasks.get(task_id))
        return Done(task, replayed=True, execution_id=execution_id)

    async def was_done(self, by: Author) -> bool:
        """True if something was done under the author's idempotency key, whatever has become of it."""
        key = by.idempotency_key
        return key is not None and await self.tasks.replay(key, by.body_hash) is not None

    def recorded(self, action: ChangeAction, by: Author) -> Change:
        """The change as it is to go on record, if it is made now."""
        return Change(action, by.actor, by.via, self.clock.now(), by.reason, by.idempotency_key, by.body_hash)

    async def check_room(self, more: int = 1) -> None:
        """Let so many more tasks be. Raises TooManyTasksError."""
        if self.quota is not None:
            await self.quota.check(more)

    async def _tried(self, mutation: Mutation) -> Done:
        """What would be answered, with nothing stored. Raises NameTakenError."""
        holder = await self.tasks.find(mutation.after.definition.name)
        if isinstance(holder, ScheduledTask) and holder.id != mutation.after.id:
            raise NameTakenError(mutation.after.definition.name, holder.id)
        return Done(mutation.after, unchanged=mutation.changes_nothing)

    async def _mutate(self, mutation: Mutation) -> MutateAnswer:
        (answer,) = await self.tasks.mutate([mutation])
        if isinstance(answer, Applied):
            self.tell([(mutation, answer)])
        if isinstance(answer, NameTaken):
            raise NameTakenError(mutation.after.definition.name, answer.by)
        if isinstance(answer, TooEarly):
            # Our clock was set back since, or is ahead of the store's: either way it is asked again.
            await asyncio.sleep(min(answer.by, EARLY_WAIT_MAX).total_seconds())
        return answer

    def tell(self, applied: Sequence[tuple[Mutation, Applied]]) -> None:
        """Let the observer hear of changes that were made, and scheduler and workers look again."""
        for mutation, answer in applied:
            # What is only remembered under its key has changed nothing, and a service that sets itself up is no news.
            if not mutation.changes_nothing and mutation.change.via is not Via.SYSTEM:
                self.observer.observe(changed_event(mutation, answer))
        if applied:
            self.wakeup.scheduler()
            self.wakeup.changed([answer.task.id for _, answer in applied])
        if any(mutation.cancel_open or mutation.runs or mutation.firing is not None for mutation, _ in applied):
            self.wakeup.workers()

    async def _done(self, answer: MutateAnswer, task_id: TaskId) -> Done:
        match answer:
            case Applied(task, execution_id):
                return Done(task, execution_id=execution_id)
            case Replayed(task_id=replayed_id, execution_id=execution_id):
                return await self.answered(replayed_id, execution_id)
            case _:
                _check_own(answer)
                raise TaskChangedError(task_id, 0)


def _check_own(answer: MutateAnswer | None) -> None:
    if isinstance(answer, KeyReused):
        raise KeyReusedError("this idempotency key was used for another request")


def _readable(task_id: TaskId, found: ScheduledTask | Unreadable | None) -> ScheduledTask:
    if found is None:
        raise TaskNotFoundError(task_id)
    if isinstance(found, Unreadable):
        raise TaskUnreadableError(task_id, found.error)
    return found
