"""Changes by people and programs: create, replace, patch, pause, resume, delete, run now, cancel.

Each reads the task, lets the domain decide the change, and writes it only if the task is still as it was read; if
somebody came between, it reads and decides again, unless the caller named the version it knows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from application.scheduling.drafts import HandlerDefaults, TaskBody, body_from, define, payload_text
from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.ports.execution_store import CancelAnswer, ExecutionStore
from application.scheduling.ports.membership import HandlerSpec, Membership
from application.scheduling.ports.task_store import (
    Applied,
    KeyReused,
    Moved,
    MutateAnswer,
    NameTaken,
    Replayed,
    TaskStore,
    Unreadable,
)
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.processors import announced_spec
from application.scheduling.services.edits import check_runnable, patched, with_enabled
from application.scheduling.services.errors import (
    ExecutionNotFoundError,
    KeyReusedError,
    NameTakenError,
    StaleVersionError,
    TaskChangedError,
    TaskNotFoundError,
    TaskUnreadableError,
)
from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.mutation import Mutation, create, delete, edit, pause, resume, run_now
from domain.scheduling.policy import Misfire
from domain.scheduling.task import Pause, PauseMode, ScheduledTask, TaskStatus

TRIES_MAX = 20


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
    """The task after the change; `replayed` says that an earlier request with the same key had done it."""

    task: ScheduledTask
    replayed: bool = False
    execution_id: ExecutionId | None = None


Decide = Callable[[ScheduledTask, Change], Mutation | None]


@dataclass(frozen=True, slots=True)
class ManageTasks:
    """The use cases that change tasks. All of them may raise StoreUnavailableError."""

    tasks: TaskStore
    executions: ExecutionStore
    membership: Membership
    clock: Clock
    entropy: Entropy
    wakeup: Wakeup
    defaults: HandlerDefaults = field(default_factory=HandlerDefaults)

    async def create(self, body: TaskBody, by: Author, *, dry_run: bool = False) -> Done:
        """A new task. Raises InvalidInputError, NameTakenError, KeyReusedError."""
        # First of all: a request that was carried out is answered so, also when it would be refused by now.
        if (earlier := await self._replayed(by)) is not None:
            return earlier
        mutation = await self._creation(body, by)
        if dry_run:
            return await self._tried(mutation)
        answer = await self._mutate(mutation)
        return await self._done(answer, mutation.after.id)

    async def replace(
        self, task_id: TaskId, body: TaskBody, by: Author, *, if_version: int | None = None, dry_run: bool = False
    ) -> Done:
        """Another definition, what the body leaves out kept as it is."""
        return await self._edit(task_id, lambda _task: body, by, if_version=if_version, dry_run=dry_run)

    async def patch(
        self, task_id: TaskId, patch: Mapping[str, Any], by: Author, *, if_version: int | None = None
    ) -> Done:
        """The task's document with a merge patch (RFC 7396) applied, then as `replace`."""
        return await self._edit(task_id, lambda task: body_from(patched(task, patch)), by, if_version=if_version)

    async def pause(
        self,
        task_id: TaskId,
        by: Author,
        *,
        until: datetime | None = None,
        mode: PauseMode = PauseMode.DRAIN,
    ) -> Done:
        """Paused until somebody resumes it, or until an instant; pausing again changes what it says, if anything."""

        def decide(task: ScheduledTask, change: Change) -> Mutation | None:
            says_nothing = not by.reason and until is None and mode is PauseMode.DRAIN
            if task.status is TaskStatus.PAUSED and says_nothing:
                return None
            return pause(task, Pause(by.reason, by.actor, change.at, until, mode), change)

        return await self._change(task_id, ChangeAction.PAUSE, by, decide)

    async def resume(self, task_id: TaskId, by: Author, *, missed: Misfire = Misfire.SKIP) -> Done:
        """Active again; an active task stays as it is. Raises TaskStateError (`exhausted`, `completed`)."""

        def decide(task: ScheduledTask, change: Change) -> Mutation | None:
            return None if task.status is TaskStatus.ACTIVE else resume(task, change, missed=missed)

        return await self._change(task_id, ChangeAction.RESUME, by, decide)

    async def delete(self, task_id: TaskId, by: Author, *, if_version: int | None = None) -> None:
        """Gone, its open work ended or asked to. Repeated with its idempotency key, it is done already."""
        try:
            await self._change(task_id, ChangeAction.DELETE, by, delete, if_version=if_version)
        except TaskNotFoundError:
            if by.idempotency_key is None or await self.tasks.replay(by.idempotency_key, by.body_hash) is None:
                raise

    async def run_now(
        self,
        task_id: TaskId,
        by: Author,
        *,
        payload: Mapping[str, Any] | str | None = None,
        allow_overlap: bool = False,
    ) -> Done:
        """A manual execution at once, with another payload if one is given; the schedule stays untouched.

        Raises TaskStateError (`already_running`), InvalidTaskError (`invalid_payload`). The same idempotency key
        answers with the same execution.
        """
        text = None if payload is None else payload_text(payload)
        key = by.idempotency_key or self.entropy.identifier()
        announced = await self._announced()

        def decide(task: ScheduledTask, change: Change) -> Mutation:
            if text is not None:
                overridden = replace(task.definition, payload_json=text)
                overridden.check()
                check_runnable(overridden, announced)
            return run_now(task, change, key=key, payload_json=text, allow_overlap=allow_overlap)

        return await self._change(task_id, ChangeAction.RUN, by, decide)

    async def cancel(self, execution_id: ExecutionId, by: Author) -> CancelAnswer:
        """End an execution, or ask it to stop if it runs. Raises ExecutionNotFoundError."""
        answer = await self.executions.cancel(execution_id, self._recorded(ChangeAction.CANCEL, by))
        if answer is None:
            raise ExecutionNotFoundError(execution_id)
        self.wakeup.workers()
        return answer

    async def _creation(self, body: TaskBody, by: Author) -> Mutation:
        change = self._recorded(ChangeAction.CREATE, by)
        announced = await self._announced()
        defaults = self._defaults(announced_spec(announced, body.task_type, body.handler or body.name))
        definition = define(body, now=change.at, defaults=defaults)
        check_runnable(definition, announced)
        task_id = TaskId(self.entropy.identifier())
        mutation = create(task_id, definition, change, run_if_past=body.if_past == "run_now")
        return with_enabled(mutation, body.enabled, change)

    async def _edit(
        self,
        task_id: TaskId,
        body_for: Callable[[ScheduledTask], TaskBody],
        by: Author,
        *,
        if_version: int | None,
        dry_run: bool = False,
    ) -> Done:
        announced = await self._announced()

        def decide(task: ScheduledTask, change: Change) -> Mutation:
            body = body_for(task)
            if body.version not in (None, task.version):
                raise StaleVersionError(task_id, task.version)
            definition = define(body, now=change.at, present=task.definition)
            check_runnable(definition, announced)
            return with_enabled(edit(task, definition, change), body.enabled, change)

        return await self._change(task_id, ChangeAction.EDIT, by, decide, if_version=if_version, dry_run=dry_run)

    async def _change(
        self,
        task_id: TaskId,
        action: ChangeAction,
        by: Author,
        decide: Decide,
        *,
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> Done:
        """Read, decide, write, and again from the start when somebody came between."""
        for _ in range(TRIES_MAX):
            found = await self.tasks.get(task_id)
            # After the reading: what this key has done before, by now or long ago, must not be refused or done again.
            if (earlier := await self._replayed(by)) is not None:
                return earlier
            task = _readable(task_id, found)
            if if_version is not None and task.version != if_version:
                raise StaleVersionError(task_id, task.version)
            mutation = decide(task, self._recorded(action, by))
            if mutation is None:
                return Done(task)
            if dry_run:
                return await self._tried(mutation)
            answer = await self._mutate(mutation)
            if not isinstance(answer, Moved):
                return await self._done(answer, task_id)
        raise TaskChangedError(task_id, (await self._read(task_id)).version)

    async def _tried(self, mutation: Mutation) -> Done:
        """What would be answered, with nothing stored. Raises NameTakenError."""
        holder = await self.tasks.find(mutation.after.definition.name)
        if isinstance(holder, ScheduledTask) and holder.id != mutation.after.id:
            raise NameTakenError(mutation.after.definition.name, holder.id)
        return Done(mutation.after)

    async def _replayed(self, by: Author) -> Done | None:
        if by.idempotency_key is None:
            return None
        answer = await self.tasks.replay(by.idempotency_key, by.body_hash)
        return None if answer is None else await self._done(answer, TaskId(""))

    async def _mutate(self, mutation: Mutation) -> MutateAnswer:
        (answer,) = await self.tasks.mutate([mutation])
        if isinstance(answer, Applied):
            self.wakeup.scheduler()
            self.wakeup.changed([answer.task.id])
            if mutation.cancel_open or mutation.run is not None or mutation.firing is not None:
                self.wakeup.workers()
        if isinstance(answer, NameTaken):
            raise NameTakenError(mutation.after.definition.name, answer.by)
        return answer

    async def _done(self, answer: MutateAnswer, task_id: TaskId) -> Done:
        match answer:
            case Applied(task, execution_id):
                return Done(task, execution_id=execution_id)
            case Replayed(task_id=replayed_id, execution_id=execution_id):
                return Done(await self._read(replayed_id), replayed=True, execution_id=execution_id)
            case KeyReused():
                raise KeyReusedError("this idempotency key was used for another request")
            case _:
                raise TaskChangedError(task_id, 0)

    async def _read(self, task_id: TaskId) -> ScheduledTask:
        return _readable(task_id, await self.tasks.get(task_id))

    def _recorded(self, action: ChangeAction, by: Author) -> Change:
        return Change(action, by.actor, by.via, self.clock.now(), by.reason, by.idempotency_key, by.body_hash)

    async def _announced(self) -> tuple[HandlerSpec, ...]:
        return tuple(spec for member in await self.membership.members() for spec in member.handlers)

    def _defaults(self, spec: HandlerSpec | None) -> HandlerDefaults:
        own = spec.defaults if spec else {}
        seconds = own.get("timeout_seconds")
        return HandlerDefaults(
            max_retries=own.get("max_retries", self.defaults.max_retries),
            timeout=self.defaults.timeout if seconds is None else timedelta(seconds=seconds),
        )


def _readable(task_id: TaskId, found: ScheduledTask | Unreadable | None) -> ScheduledTask:
    if found is None:
        raise TaskNotFoundError(task_id)
    if isinstance(found, Unreadable):
        raise TaskUnreadableError(task_id, found.error)
    return found
