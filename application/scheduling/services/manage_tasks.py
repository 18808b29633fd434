"""Changes by people and programs: create, replace, patch, pause, resume, delete, run now, cancel.

Each reads the task, lets the domain decide the change, and writes it only if the task is still as it was read; if
somebody came between, it reads and decides again, unless the caller named the version it knows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from application.scheduling.documents import task_document
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
from application.scheduling.processors import announced_spec, payload_faults
from application.scheduling.services.errors import (
    ExecutionNotFoundError,
    KeyReusedError,
    NameTakenError,
    StaleVersionError,
    TaskChangedError,
    TaskNotFoundError,
    TaskUnreadableError,
)
from domain.errors import InvalidInputError, InvalidTaskError
from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.mutation import Mutation, create, delete, edit, pause, resume, run_now
from domain.scheduling.policy import Misfire
from domain.scheduling.task import Definition, Delivery, Pause, PauseMode, ScheduledTask, TaskStatus

TRIES_MAX = 5


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
        mutation = await self._creation(body, by)
        if dry_run:
            return Done(mutation.after)
        answer = await self._mutate(mutation)
        return await self._done(answer, mutation.after.id)

    async def replace(
        self, task_id: TaskId, body: TaskBody, by: Author, *, if_version: int | None = None, dry_run: bool = False
    ) -> Done:
        """Another definition, what the body leaves out kept as it is."""
        if if_version is None:
            if_version = body.version

        announced = await self._announced()

        def decide(task: ScheduledTask, change: Change) -> Mutation:
            definition = define(body, now=change.at, present=task.definition)
            _check_delivery_and_payload(definition, announced)
            return _with_enabled(edit(task, definition, change), body.enabled, change)

        return await self._change(task_id, ChangeAction.EDIT, by, decide, if_version=if_version, dry_run=dry_run)

    async def patch(
        self, task_id: TaskId, patch: Mapping[str, Any], by: Author, *, if_version: int | None = None
    ) -> Done:
        """The task's document with a merge patch (RFC 7396) applied, then as `replace`."""
        task = await self._read(task_id)
        document = task_document(task)
        body = body_from(_merged({**document, "enabled": None, "version": if_version}, patch))
        # Decided on this very version: a merge with somebody else's edit in between would be a third thing.
        known = task.version if body.version is None else body.version
        return await self.replace(task_id, body, by, if_version=known)

    async def pause(
        self,
        task_id: TaskId,
        by: Author,
        *,
        until: datetime | None = None,
        mode: PauseMode = PauseMode.DRAIN,
    ) -> Done:
        """Paused until somebody resumes it, or until an instant; pausing again changes reason and end."""

        def decide(task: ScheduledTask, change: Change) -> Mutation:
            return pause(task, Pause(by.reason, by.actor, change.at, until, mode), change)

        return await self._change(task_id, ChangeAction.PAUSE, by, decide)

    async def resume(self, task_id: TaskId, by: Author, *, missed: Misfire = Misfire.SKIP) -> Done:
        """Active again; an active task stays as it is. Raises TaskStateError (`exhausted`, `completed`)."""

        def decide(task: ScheduledTask, change: Change) -> Mutation | None:
            return None if task.status is TaskStatus.ACTIVE else resume(task, change, missed=missed)

        return await self._change(task_id, ChangeAction.RESUME, by, decide)

    async def delete(self, task_id: TaskId, by: Author, *, if_version: int | None = None) -> None:
        """Gone, its open work ended or asked to."""
        await self._change(task_id, ChangeAction.DELETE, by, delete, if_version=if_version)

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
                _check_delivery_and_payload(replace(task.definition, payload_json=text), announced)
            return run_now(task, change, key=key, payload_json=text, allow_overlap=allow_overlap)

        done = await self._change(task_id, ChangeAction.RUN, by, decide)
        self.wakeup.workers()
        return done

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
        _check_delivery_and_payload(definition, announced)
        task_id = TaskId(self.entropy.identifier())
        mutation = create(task_id, definition, change, run_if_past=body.if_past == "run_now")
        return _with_enabled(mutation, body.enabled, change)

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
        if (earlier := await self._replayed(by)) is not None:
            return earlier
        for _ in range(TRIES_MAX):
            task = await self._read(task_id)
            if if_version is not None and task.version != if_version:
                raise StaleVersionError(task_id, task.version)
            mutation = decide(task, self._recorded(action, by))
            if mutation is None or dry_run:
                return Done(task if mutation is None else mutation.after)
            answer = await self._mutate(mutation)
            if not isinstance(answer, Moved):
                return await self._done(answer, task_id)
        raise TaskChangedError(task_id, (await self._read(task_id)).version)

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
            if mutation.cancel_open:
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
        task = await self.tasks.get(task_id)
        if task is None:
            raise TaskNotFoundError(task_id)
        if isinstance(task, Unreadable):
            raise TaskUnreadableError(task_id, task.error)
        return task

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


def _with_enabled(mutation: Mutation, enabled: bool | None, change: Change) -> Mutation:
    """The mutation, and with it the pause or resume that writing `enabled` asks for."""
    status = mutation.after.status
    if enabled is None or enabled == (status in (TaskStatus.ACTIVE, TaskStatus.COMPLETED)):
        return mutation
    if enabled:
        return mutation.then(resume(mutation.after, change))
    if status is TaskStatus.COMPLETED:
        raise InvalidTaskError("a completed task cannot be disabled", code="contradiction", pointer="/enabled")
    if status is TaskStatus.ACTIVE:
        return mutation.then(pause(mutation.after, Pause(change.reason, change.actor, change.at), change))
    return mutation


def _check_delivery_and_payload(definition: Definition, announced: Sequence[HandlerSpec]) -> None:
    if definition.delivery is Delivery.EXTERNAL:
        raise InvalidTaskError(
            "external delivery needs Redis, which this server does not use",
            code="needs_redis",
            pointer="/delivery",
            hint="leave delivery out, or run with REDIS_URL",
        )
    spec = announced_spec(announced, definition.task_type, definition.handler_name)
    if spec is not None and (faults := payload_faults(spec, definition.payload_json)):
        raise InvalidInputError(faults)


def _merged(target: Any, patch: Any) -> Any:
    """RFC 7396: null removes, objects merge, anything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
