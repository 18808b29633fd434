"""The use cases that change tasks: create, replace, patch, pause, resume, delete, undelete, run now, cancel."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Literal

from application.scheduling.deliveries import Deliveries
from application.scheduling.drafts import HandlerDefaults, TaskBody, body_from, define, payload_text
from application.scheduling.ports.clock import Entropy
from application.scheduling.ports.execution_store import CancelAnswer, ExecutionStore
from application.scheduling.ports.membership import HandlerSpec, Membership
from application.scheduling.processors import announced_spec
from application.scheduling.services.change_task import Author, ChangeTask, Done
from application.scheduling.services.edits import (
    Announcements,
    announced_by,
    check_runnable,
    patched,
    runnable,
    with_enabled,
)
from application.scheduling.services.errors import (
    DeletedTaskNotFoundError,
    ExecutionNotFoundError,
    StaleVersionError,
    TaskNotFoundError,
)
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.events import TaskChanged
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.mutation import Mutation, create, delete, edit, pause, resume, undelete
from domain.scheduling.policy import Misfire
from domain.scheduling.runs import run_now
from domain.scheduling.task import Pause, PauseMode, ScheduledTask, TaskStatus


class Kept(Enum):
    """Stands for what a request leaves as it is, where None says something of its own."""

    KEPT = "kept"


KEPT: Literal[Kept.KEPT] = Kept.KEPT


@dataclass(frozen=True, slots=True)
class ManageTasks:
    """The use cases that change tasks. All of them may raise StoreUnavailableError."""

    change_task: ChangeTask
    executions: ExecutionStore
    membership: Membership
    entropy: Entropy
    defaults: HandlerDefaults = field(default_factory=HandlerDefaults)
    deliveries: Deliveries = field(default_factory=Deliveries)
    announcements: Announcements = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "announcements", Announcements(self.membership, self.change_task.clock))

    async def create(self, body: TaskBody, by: Author, *, dry_run: bool = False) -> Done:
        """A new task. Raises InvalidInputError, NameTakenError, KeyReusedError."""
        announced = await self.announcements.recent()
        defaults = self.defaults_for(announced_spec(announced, body.task_type, body.handler or body.name))
        task_id = TaskId(self.entropy.identifier())

        def decide(change: Change) -> Mutation:
            change = _with_reason(change, body)
            definition = define(body, now=change.at, defaults=defaults)
            definition = runnable(definition, announced, self.deliveries)
            mutation = create(task_id, definition, change, run_if_past=body.if_past == "run_now")
            return with_enabled(mutation, body.enabled, change)

        return await self.change_task.create(by, decide, dry_run=dry_run)

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
        until: datetime | Kept | None = KEPT,
        mode: PauseMode | Kept = KEPT,
        if_version: int | None = None,
    ) -> Done:
        """Paused until somebody resumes it (`until` None), or until an instant; mode `now` also ends what is open.

        Of a task that is paused already, only what is given changes: whose pause it is goes with the reason.
        """

        def decide(task: ScheduledTask, change: Change) -> Mutation | None:
            if task.status is TaskStatus.PAUSED and not by.reason and until is KEPT and mode is KEPT:
                return None
            wanted = _paused_anew(task.pause, Pause(by.reason, by.actor, change.at), until, mode)
            mutation = pause(task, wanted, change)
            # A mode that is only kept has ended what was open then, and asks for no more.
            return replace(mutation, cancel_open=mode is PauseMode.NOW)

        return await self.change_task.carry_out(task_id, ChangeAction.PAUSE, by, decide, if_version=if_version)

    async def resume(
        self, task_id: TaskId, by: Author, *, missed: Misfire = Misfire.SKIP, if_version: int | None = None
    ) -> Done:
        """Active again; an active task stays as it is. Raises TaskStateError (`exhausted`, `completed`)."""

        def decide(task: ScheduledTask, change: Change) -> Mutation | None:
            return None if task.status is TaskStatus.ACTIVE else resume(task, change, missed=missed)

        return await self.change_task.carry_out(task_id, ChangeAction.RESUME, by, decide, if_version=if_version)

    async def delete(self, task_id: TaskId, by: Author, *, if_version: int | None = None) -> None:
        """Gone, its open work ended or asked to. Repeated with its idempotency key, it is done already."""
        try:
            await self.change_task.carry_out(task_id, ChangeAction.DELETE, by, delete, if_version=if_version)
        except TaskNotFoundError:
            if not await self.change_task.was_done(by):
                raise

    async def undelete(self, task_id: TaskId, by: Author) -> Done:
        """Back as it was, what it owed meanwhile passed over; for as long as deleted tasks are kept.

        Raises DeletedTaskNotFoundError, NameTakenError.
        """
        tasks = self.change_task.tasks
        try:
            return await self.change_task.carry_out(task_id, ChangeAction.UNDELETE, by, undelete, read=tasks.deleted)
        except TaskNotFoundError:
            if await self.change_task.was_done(by):
                raise
            raise DeletedTaskNotFoundError(task_id) from None

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
        announced = await announced_by(self.membership)

        def decide(task: ScheduledTask, change: Change) -> Mutation:
            if text is not None:
                overridden = replace(task.definition, payload_json=text)
                overridden.check()
                check_runnable(overridden, announced)
            return run_now(task, change, key=key, payload_json=text, allow_overlap=allow_overlap)

        return await self.change_task.carry_out(task_id, ChangeAction.RUN, by, decide)

    async def cancel(self, execution_id: ExecutionId, by: Author) -> CancelAnswer:
        """End an execution, or ask it to stop if it runs; asked again, it stays as it is.

        Raises ExecutionNotFoundError, KeyReusedError, KeyInFlightError.
        """
        change = self.change_task.recorded(ChangeAction.CANCEL, by)
        async with self.change_task.alone_with_key(by):
            answer = await self.executions.cancel(execution_id, change)
        if answer is None:
            raise ExecutionNotFoundError(execution_id)
        if answer.task_id is not None:
            self.change_task.observer.observe(
                TaskChanged(
                    task_id=answer.task_id,
                    task_name=answer.task_name,
                    version=None,
                    action=change.action,
                    actor=change.actor,
                    via=change.via,
                    reason=change.reason,
                    execution_id=execution_id,
                )
            )
        self.change_task.wakeup.workers()
        return answer

    async def _edit(
        self,
        task_id: TaskId,
        body_for: Callable[[ScheduledTask], TaskBody],
        by: Author,
        *,
        if_version: int | None,
        dry_run: bool = False,
    ) -> Done:
        announced = await announced_by(self.membership)

        def decide(task: ScheduledTask, change: Change) -> Mutation:
            body = body_for(task)
            if body.version not in (None, task.version):
                raise StaleVersionError(task_id, task.version, named=body.version)
            change = _with_reason(change, body)
            definition = define(body, now=change.at, present=task.definition)
            definition = runnable(definition, announced, self.deliveries)
            return with_enabled(edit(task, definition, change), body.enabled, change)

        return await self.change_task.carry_out(
            task_id, ChangeAction.EDIT, by, decide, if_version=if_version, dry_run=dry_run
        )

    def defaults_for(self, spec: HandlerSpec | None) -> HandlerDefaults:
        """What fills the gaps of a task that is created for this handler; None: nobody has announced it."""
        own = spec.defaults if spec else {}
        seconds = own.get("timeout_seconds")
        return HandlerDefaults(
            max_retries=own.get("max_retries", self.defaults.max_retries),
            timeout=self.defaults.timeout if seconds is None else timedelta(seconds=seconds),
        )


def _with_reason(change: Change, body: TaskBody) -> Change:
    """The change for the reason its author gave or, if there is none, for the one that stands in the body."""
    return replace(change, reason=body.reason) if body.reason and not change.reason else change


def _paused_anew(was: Pause | None, now: Pause, until: datetime | Kept | None, mode: PauseMode | Kept) -> Pause:
    """The pause that follows from one that is there, if any, and from what is given for it."""
    kept = was or now
    whose = now if now.reason else kept
    return replace(
        whose,
        at=kept.at,
        until=kept.until if isinstance(until, Kept) else until,
        mode=kept.mode if isinstance(mode, Kept) else mode,
    )
