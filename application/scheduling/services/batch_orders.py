"""What can be done to many tasks at once: the action, what goes with it, and what each task makes of it.

A batch leaves alone what is already as it is to become: a task that somebody paused keeps that pause with its reason.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from application.scheduling.drafts import body_from, define
from application.scheduling.services.edits import patched
from application.scheduling.services.errors import StaleVersionError
from domain.errors import InvalidScheduleError, InvalidTaskError
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.cron.zone import timezone_keys, zone
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation, delete, edit, pause, resume, undelete
from domain.scheduling.policy import Misfire
from domain.scheduling.runs import run_now
from domain.scheduling.task import Pause, ScheduledTask, TaskStatus, check_identifier


class BatchAction(StrEnum):
    """What a batch does to each of its tasks."""

    PAUSE = "pause"
    RESUME = "resume"
    RUN = "run"
    ADD_TAG = "add_tag"
    REMOVE_TAG = "remove_tag"
    SET_TIMEZONE = "set_timezone"
    DELETE = "delete"
    UNDELETE = "undelete"


RECORDED_AS: Mapping[BatchAction, ChangeAction] = {
    BatchAction.PAUSE: ChangeAction.PAUSE,
    BatchAction.RESUME: ChangeAction.RESUME,
    BatchAction.RUN: ChangeAction.RUN,
    BatchAction.ADD_TAG: ChangeAction.EDIT,
    BatchAction.REMOVE_TAG: ChangeAction.EDIT,
    BatchAction.SET_TIMEZONE: ChangeAction.EDIT,
    BatchAction.DELETE: ChangeAction.DELETE,
    BatchAction.UNDELETE: ChangeAction.UNDELETE,
}
INVERSES: Mapping[BatchAction, BatchAction] = {
    BatchAction.PAUSE: BatchAction.RESUME,
    BatchAction.ADD_TAG: BatchAction.REMOVE_TAG,
    BatchAction.REMOVE_TAG: BatchAction.ADD_TAG,
    BatchAction.DELETE: BatchAction.UNDELETE,
    BatchAction.UNDELETE: BatchAction.DELETE,
}
"""What takes an action back. Runs have begun, and each task had a pause of its own: nothing does."""
OF_TAGS = frozenset({BatchAction.ADD_TAG, BatchAction.REMOVE_TAG})
WITH_VALUE = OF_TAGS | {BatchAction.SET_TIMEZONE}
"""The actions that say nothing without a value: a tag, a time zone."""


@dataclass(frozen=True, slots=True)
class Order:
    """An action with what goes with it; raises InvalidTaskError for a `value` it cannot have.

    `value` is the tag or the time zone, `until` the end of a pause (None: somebody resumes), `missed` says what becomes
    of the occurrences that a pause has passed over. `if_versions` has those tasks to which it is done only if they are
    still at that version.
    """

    action: BatchAction
    value: str = ""
    until: datetime | None = None
    missed: Misfire = Misfire.SKIP
    if_versions: Mapping[TaskId, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.action in OF_TAGS:
            check_identifier("/value", self.value)
        elif self.action is BatchAction.SET_TIMEZONE:
            _check_zone(self.value)
        elif self.value:
            raise InvalidTaskError("this action has no value", code="unknown_field", pointer="/value")

    @property
    def is_about_deleted(self) -> bool:
        """True if it is for tasks that are deleted."""
        return self.action is BatchAction.UNDELETE

    def inverse(self, before: Iterable[ScheduledTask]) -> "Order | None":
        """What takes it back from tasks that were like this before; None: no one order does."""
        if self.action is BatchAction.SET_TIMEZONE:
            zones = {task.definition.timezone for task in before}
            return Order(self.action, zones.pop()) if len(zones) == 1 and zones <= timezone_keys() else None
        action = INVERSES.get(self.action)
        return None if action is None else Order(action, self.value)

    def decide(self, task: ScheduledTask, change: Change) -> Mutation | None:
        """What becomes of a task; None: it is as it is to become. Raises DomainError, StaleVersionError."""
        named = self.if_versions.get(task.id, task.version)
        if named != task.version:
            raise StaleVersionError(task.id, task.version, named=named)
        return _DECISIONS[self.action](self, task, change)


def _pause(order: Order, task: ScheduledTask, change: Change) -> Mutation | None:
    if task.status is TaskStatus.PAUSED:
        return None
    return pause(task, Pause(change.reason, change.actor, change.at, order.until), change)


def _resume(order: Order, task: ScheduledTask, change: Change) -> Mutation | None:
    return None if task.status is TaskStatus.ACTIVE else resume(task, change, missed=order.missed)


def _run(_order: Order, task: ScheduledTask, change: Change) -> Mutation:
    assert change.idempotency_key is not None, "a run is known by the key of its batch"
    return run_now(task, change, key=change.idempotency_key)


def _add_tag(order: Order, task: ScheduledTask, change: Change) -> Mutation | None:
    tags = task.definition.tags
    return None if order.value in tags else edit(task, replace(task.definition, tags=(*tags, order.value)), change)


def _remove_tag(order: Order, task: ScheduledTask, change: Change) -> Mutation | None:
    tags = task.definition.tags
    if order.value not in tags:
        return None
    kept = tuple(tag for tag in tags if tag != order.value)
    return edit(task, replace(task.definition, tags=kept), change)


def _set_timezone(order: Order, task: ScheduledTask, change: Change) -> Mutation | None:
    if task.definition.timezone == order.value:
        return None
    body = body_from(patched(task, {"timezone": order.value}))
    return edit(task, define(body, now=change.at, present=task.definition), change)


def _delete(_order: Order, task: ScheduledTask, change: Change) -> Mutation:
    return delete(task, change)


def _undelete(_order: Order, task: ScheduledTask, change: Change) -> Mutation:
    return undelete(task, change)


_DECISIONS: Mapping[BatchAction, Callable[[Order, ScheduledTask, Change], Mutation | None]] = {
    BatchAction.PAUSE: _pause,
    BatchAction.RESUME: _resume,
    BatchAction.RUN: _run,
    BatchAction.ADD_TAG: _add_tag,
    BatchAction.REMOVE_TAG: _remove_tag,
    BatchAction.SET_TIMEZONE: _set_timezone,
    BatchAction.DELETE: _delete,
    BatchAction.UNDELETE: _undelete,
}


def _check_zone(name: str) -> None:
    try:
        zone(name)
    except InvalidScheduleError as error:
        raise InvalidTaskError(error.detail, code=error.reason, pointer="/value", hint=error.hint) from None
