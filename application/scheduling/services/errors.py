"""What a use case can refuse, besides broken rules of the domain and silent stores."""

from domain.errors import DomainError, InvalidTaskError, SchedulerError
from domain.scheduling.identifiers import ExecutionId, TaskId

UNDECIDABLE = (DomainError, ArithmeticError, ValueError)
"""What deciding a broken task may raise (a zone that is gone, an instant out of range): it is quarantined for that."""


_SHOWN_MAX = 64


class ServiceError(SchedulerError):
    """A use case could not be carried out on the state it met; nothing was changed. `hint` is what would help."""

    code = "refused"
    hint: str | None = None


class TaskNotFoundError(ServiceError):
    """There is no such task, or it is deleted."""

    code = "task_not_found"

    def __init__(self, task_id: str, detail: str = "there is no task {!r}") -> None:
        super().__init__(detail.format(task_id[:_SHOWN_MAX]))
        self.task_id = task_id


class DeletedTaskNotFoundError(TaskNotFoundError):
    """No task of this id is deleted and still kept."""

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id, "no deleted task has the id {!r}")


class VersionNotFoundError(ServiceError):
    """There is no such version of the task, or its definition is not kept any more."""

    code = "version_not_found"

    def __init__(self, task_id: TaskId, version: int) -> None:
        super().__init__(f"version {version} of the task is not on record")
        self.task_id = task_id
        self.version = version


class ExecutionNotFoundError(ServiceError):
    """There is no such execution, or its record is older than those kept."""

    code = "execution_not_found"

    def __init__(self, execution_id: ExecutionId) -> None:
        super().__init__(f"there is no execution {execution_id[:_SHOWN_MAX]!r}")
        self.execution_id = execution_id


class TaskChangedError(ServiceError):
    """Somebody else changed the task: read it again and decide anew. `version` is the present one."""

    code = "task_changed"

    def __init__(self, task_id: TaskId, version: int, detail: str | None = None) -> None:
        super().__init__(detail or f"the task was changed meanwhile and is at version {version} now")
        self.task_id = task_id
        self.version = version


class StaleVersionError(TaskChangedError):
    """The version the caller named is not the present one."""

    code = "stale_version"

    def __init__(self, task_id: TaskId, version: int, *, named: int) -> None:
        super().__init__(task_id, version, f"you named version {named}, and the task is at version {version}")


class NameTakenError(ServiceError):
    """Another task bears this name."""

    code = "name_taken"

    def __init__(self, name: str, by: TaskId) -> None:
        super().__init__(f"another task is named {name!r}")
        self.name = name
        self.by = by
        self.hint = f"take another name, or rename or delete that one, {by}"


class TooManyTasksError(InvalidTaskError):
    """There would be more tasks than there may be."""

    code = "too_many_tasks"

    def __init__(self, present: int, more: int, tasks_max: int) -> None:
        wanted = "one more" if more == 1 else f"{more:,} more"
        super().__init__(
            f"there is no room for {wanted}: there are {present:,} of at most {tasks_max:,} tasks",
            hint="delete some that are not needed, or have SCHEDULER_TASKS_MAX raised",
        )


class KeyReusedError(ServiceError):
    """The idempotency key was used for another request."""

    code = "idempotency_key_reused"


class KeyInFlightError(ServiceError):
    """Another request with this idempotency key is being carried out: ask again in a moment."""

    code = "idempotency_key_in_flight"


class TaskUnreadableError(ServiceError):
    """The task's row cannot be read; it is quarantined, and other tasks go on."""

    code = "task_unreadable"

    def __init__(self, task_id: TaskId, error: str) -> None:
        super().__init__(f"the task's record cannot be read: {error}")
        self.task_id = task_id
