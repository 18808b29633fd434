"""What lists need of a task, made of its records in the store: small, as there may be TASKS_MAX of them.

Instants stay whole microseconds, and texts that many tasks share are kept once. Tuples, because ten thousand of them
are made while somebody waits for a page.
"""

from collections.abc import Sequence
from operator import itemgetter
from sys import intern
from typing import Any, NamedTuple

from adapters.records.packing import UNREADABLE
from adapters.records.pages import caseless
from adapters.records.tasks import BIRTH_FIELDS, DEFINITION_FIELDS, search_text
from adapters.redis.codec import unpack
from domain.scheduling.task import Delivery, TaskStatus

_STATE_FIELDS = (
    *("version", "status", "task_type", "schedule_type", "created_at", "updated_at", "next_nominal_at"),
    *("next_run_at", "look_at", "auto_runs", "error_count", "last_run_at", "last_state", "quarantine", "deleted_at"),
)
_FACE_FIELDS = ("name", "description", "handler", "tags", "delivery", "timezone", "schedule", "policy")
VERSION = _STATE_FIELDS.index("version")
_of_state = itemgetter(*(BIRTH_FIELDS.index(name) for name in _STATE_FIELDS))
_of_definition = itemgetter(*(DEFINITION_FIELDS.index(name) for name in _FACE_FIELDS))
_STATUSES = {str(each): intern(str(each)) for each in TaskStatus}


class Face(NamedTuple):
    """The part that only another version changes; `schedule`, `policy` and `tags` are packed."""

    name: str
    sort_name: str
    search_text: str
    handler_name: str
    is_managed: bool
    tags: str
    timezone: str
    schedule: str
    policy: str


NO_FACE = Face("", "", "", "", is_managed=False, tags="", timezone="", schedule="", policy="")
"""Stands where the definition cannot be read."""


class MirroredTask(NamedTuple):
    """A task as its state tells it, and its face; `status`, `schedule_type` and `last_state` are plain texts."""

    id: str
    version: int
    status: str
    task_type: str
    schedule_type: str
    created_at: int
    updated_at: int
    next_nominal_at: int | None
    next_run_at: int | None
    look_at: int | None
    auto_runs: int
    error_count: int
    last_run_at: int | None
    last_state: str | None
    is_quarantined: bool
    is_deleted: bool
    face: Face


def face_of(definition: bytes | None) -> Face:
    """The face that a definition's record tells; NO_FACE if it cannot be read."""
    try:
        name, description, handler, tags, delivery, timezone, schedule, policy = _of_definition(
            unpack(definition or b"")
        )
        sort_name = caseless(name)
        return Face(
            name,
            name if sort_name == name else sort_name,
            search_text(name, description, handler),
            handler or name,
            delivery == Delivery.MANAGED,
            intern(tags),
            intern(timezone),
            intern(schedule),
            intern(policy),
        )
    except UNREADABLE:
        return NO_FACE


def state_of(state: bytes | None) -> Sequence[Any] | None:
    """The fields of a MirroredTask between id and face; None: there is no such task, or its record cannot be read."""
    if not state:
        return None
    try:
        version, status, task_type, schedule_type, *others = _of_state(unpack(state))
        created_at, updated_at, nominal_at, run_at, look_at, *others, quarantine, deleted_at = others
        # Instants that are equal, as most of these are, take their place once.
        instants = (
            created_at,
            _same(updated_at, created_at),
            _same(nominal_at, run_at),
            run_at,
            _same(look_at, run_at),
        )
        texts = _STATUSES[status], intern(task_type), intern(schedule_type)
        return (version, *texts, *instants, *others, quarantine is not None, deleted_at is not None)
    except UNREADABLE:
        return None


def _same(instant: int | None, other: int | None) -> int | None:
    return other if instant == other else instant
