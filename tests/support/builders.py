"""Values for tests: each builder's arguments are what the test is about, all the rest is ordinary."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.execution import ErrorReport, Execution, ExecutionState, automatic
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation, create
from domain.scheduling.outcome import Failed
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.retry import GiveUp, RetryAt
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule
from domain.scheduling.task import Definition, Delivery, OpenExecution, Pause, PauseMode, ScheduledTask, TaskStatus
from tests.support.manual_clock import NOON

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EVERY_MINUTE = IntervalSchedule(MINUTE)
HOURLY = CronSchedule("0 * * * *")
ORDINARY = ExecutionPolicy()


def schedule_text(schedule: Schedule) -> str:
    """The schedule as a person would write it."""
    match schedule:
        case CronSchedule():
            return schedule.expression
        case IntervalSchedule():
            return schedule.text
        case OneTimeSchedule():
            return schedule.at.isoformat()


def a_definition(
    name: str = "report",
    *,
    schedule: Schedule = EVERY_MINUTE,
    policy: ExecutionPolicy = ORDINARY,
    task_type: str = "mail",
    payload_json: str = "{}",
    handler: str | None = None,
    tags: tuple[str, ...] = (),
    description: str = "",
    delivery: Delivery = Delivery.MANAGED,
) -> Definition:
    """What a person says of a task: an ordinary one runs every minute."""
    return Definition(
        name=name,
        task_type=task_type,
        schedule=schedule,
        schedule_text=schedule_text(schedule),
        timezone=schedule.timezone if isinstance(schedule, CronSchedule) else "UTC",
        payload_json=payload_json,
        policy=policy,
        handler=handler,
        tags=tags,
        description=description,
        delivery=delivery,
    )


def a_change(
    action: ChangeAction = ChangeAction.EDIT,
    *,
    at: datetime = NOON,
    actor: str = "ana",
    via: Via = Via.API,
    reason: str = "",
    key: str | None = None,
    body_hash: str = "",
) -> Change:
    """A change ana asked for."""
    return Change(action, actor, via, at, reason=reason, idempotency_key=key, body_hash=body_hash)


def a_creation(
    definition: Definition | None = None,
    *,
    at: datetime = NOON,
    task_id: str | None = None,
    key: str | None = None,
    body_hash: str = "",
    run_if_past: bool = False,
) -> Mutation:
    """The creation of a task; its id is made from its name unless one is given."""
    definition = definition or a_definition()
    change = a_change(ChangeAction.CREATE, at=at, key=key, body_hash=body_hash)
    return create(TaskId(task_id or f"id-{definition.name}"), definition, change, run_if_past=run_if_past)


def a_pause(*, at: datetime = NOON, until: datetime | None = None, mode: PauseMode = PauseMode.DRAIN) -> Pause:
    """A pause by ana."""
    return Pause(reason="maintenance", actor="ana", at=at, until=until, mode=mode)


def a_task(
    name: str = "report",
    *,
    schedule: Schedule = EVERY_MINUTE,
    policy: ExecutionPolicy = ORDINARY,
    at: datetime = NOON,
    status: TaskStatus = TaskStatus.ACTIVE,
    paused: bool = False,
    deleted: bool = False,
    open_: tuple[OpenExecution, ...] = (),
    delivery: Delivery = Delivery.MANAGED,
) -> ScheduledTask:
    """A task as it is after its creation `at` an instant, but for what the test says."""
    definition = a_definition(name, schedule=schedule, policy=policy, delivery=delivery)
    task = a_creation(definition, at=at, run_if_past=True).after
    if paused:
        task = replace(task, status=TaskStatus.PAUSED, pause=a_pause(at=at))
    elif status is not TaskStatus.ACTIVE:
        task = replace(task, status=status)
    return replace(task, open=open_, open_seq=len(open_), deleted_at=at if deleted else None)


def an_execution(
    task: ScheduledTask | None = None,
    *,
    nominal_at: datetime = NOON,
    state: ExecutionState = ExecutionState.PENDING,
) -> Execution:
    """The execution of one occurrence of a task."""
    task = task or a_task()
    return automatic(task.id, task.version, nominal_at=nominal_at, run_at=nominal_at, at=nominal_at, state=state)


def an_open_execution(execution: Execution) -> OpenExecution:
    """What its task knows of an execution."""
    return OpenExecution(execution.id, execution.kind, execution.state)


def a_failure(*, retry_at: datetime | None = None, text: str = "it broke", timed_out: bool = False) -> Failed:
    """A failed attempt, the last one unless it is to be tried again at an instant."""
    then = GiveUp() if retry_at is None else RetryAt(retry_at)
    return Failed(ErrorReport("RuntimeError", text), then, timed_out=timed_out)
