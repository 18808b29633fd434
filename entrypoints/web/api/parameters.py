"""The query parameters of the API, each declared once for clients and handlers alike."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from application.scheduling.ports.history import TaskFilter, TaskOrder
from application.scheduling.services.inspect_tasks import LATE_AFTER
from application.scheduling.services.preview import COUNT_MAX
from domain.scheduling.execution import ExecutionState
from domain.scheduling.schedule import ScheduleType
from domain.scheduling.task import TaskStatus
from entrypoints.web.requests.instants import instant_in
from entrypoints.web.requests.parameters import CURSOR_MAX, LIMIT_DEFAULT, LIMIT_MAX, TEXT_MAX, Choice, Parameter, Query

PRINTABLE = r"^[^\u0000-\u001F\u007F]*$"
COUNT_DEFAULT = 10
LINES_MAX = 1_000
LINES_KNOWN_MAX = 999_999
BACKFILL_CHARACTERS_MAX = 300
"""A backfill is named by an idempotency key, and that by a prefix and what its author chose."""


def text(name: str, description: str, *, characters_max: int = TEXT_MAX) -> Parameter[str | None]:
    """A text without control characters; None if it is left out."""
    schema = {"type": "string", "maxLength": characters_max, "pattern": PRINTABLE}
    return Parameter(name, description, schema, lambda query: query.text(name, characters_max=characters_max))


def instant(name: str, description: str) -> Parameter[datetime | None]:
    """An instant as people write them, in UTC unless it has an offset; None if it is left out."""
    asked = text(name, description)

    def read(query: Query) -> datetime | None:
        said = asked.read(query)
        return None if said is None else instant_in(name, said, "UTC")

    return Parameter(name, description, asked.schema, read)


def number(name: str, description: str, *, default: int, most: int, least: int = 1) -> Parameter[int]:
    """A whole number from `least` to `most`."""
    schema = {"type": "integer", "minimum": least, "maximum": most, "default": default}
    return Parameter(
        name, description, schema, lambda query: query.number(name, default=default, most=most, least=least)
    )


def flag(name: str, description: str) -> Parameter[bool]:
    """`true` or `false`; false if it is left out."""
    return Parameter(name, description, {"type": "boolean", "default": False}, lambda query: query.flag(name))


def choice(name: str, description: str, kind: type[Choice]) -> Parameter[Choice | None]:
    """One of the values of an enumeration; None if it is left out."""
    return Parameter(name, description, _values(kind), lambda query: query.choice(name, kind))


def choices(name: str, description: str, kind: type[Choice]) -> Parameter[frozenset[Choice]]:
    """Any of the values of an enumeration, commas between them; none if it is left out."""
    schema = {"type": "array", "items": _values(kind)}
    return Parameter(name, description, schema, lambda query: query.choices(name, kind))


def _values(kind: type[StrEnum]) -> Mapping[str, Any]:
    return {"type": "string", "enum": [each.value for each in kind]}


LIMIT = number("limit", "How many there are on a page at most.", default=LIMIT_DEFAULT, most=LIMIT_MAX)
CURSOR = text(
    "cursor",
    "Where the page begins: `next_cursor` of the answer before, with the same filters and the same order.",
    characters_max=CURSOR_MAX,
)
DRY_RUN = flag("dry_run", "Tells what would come of it, with the same faults, and stores nothing.")
AFTER = number(
    "after",
    "How many lines are known already: the answer begins behind them. It is `next` of the answer before.",
    default=0,
    most=LINES_KNOWN_MAX,
    least=0,
)
LINES = number("limit", "How many lines to tell at most.", default=LINES_MAX, most=LINES_MAX)
COUNT = number("count", "How many occurrences to tell.", default=COUNT_DEFAULT, most=COUNT_MAX)
STATE = choices("state", "Only executions in one of these states.", ExecutionState)
OF_TASK = text("task", "Only those of the task with this id.")
BACKFILL = text(
    "backfill",
    "Only those of the backfill of this name, which its answer has told.",
    characters_max=BACKFILL_CHARACTERS_MAX,
)

_ORDERS = [f"{sign}{order}" for order in TaskOrder for sign in ("", "-")]
SORT: Parameter[tuple[TaskOrder, bool]] = Parameter(
    "sort",
    "By what the list is sorted; a minus in front turns it round. Tasks that will not run come last either way.",
    {"type": "string", "enum": _ORDERS, "default": TaskOrder.NAME.value},
    Query.task_order,
)
TASK_FILTER: tuple[Parameter[Any], ...] = (
    text("q", "Only tasks with this text in name, description or handler, in capitals or not."),
    choice("status", "Only tasks of this status.", TaskStatus),
    choice("schedule_type", "Only tasks with this type of schedule.", ScheduleType),
    text("task_type", "Only tasks of this type."),
    text("tag", "Only tasks with this tag."),
    flag("failing", "Only tasks whose last execution died, or that have had no success since one did."),
    flag("late", "Only tasks that nobody has looked at although their run was due some seconds ago."),
    flag("deleted", "The deleted tasks that can come back, instead of the living ones."),
)
"""By what tasks are asked for, in an address of the API or of a page; the filter of a batch has the same."""


def tasks_asked_for(said: Mapping[str, Any], now: datetime) -> TaskFilter:
    """What conditions named as in TASK_FILTER stand for; what is left out asks for nothing."""
    return TaskFilter(
        text=said.get("q") or None,
        status=said.get("status"),
        schedule_type=said.get("schedule_type"),
        task_type=said.get("task_type") or None,
        tag=said.get("tag") or None,
        deleted=said.get("deleted", False),
        failing=said.get("failing", False),
        late_before=now - LATE_AFTER if said.get("late") else None,
    )


def tasks_of(query: Query, now: datetime) -> TaskFilter:
    """The tasks an address asks for, as of now."""
    return tasks_asked_for({each.name: query[each] for each in TASK_FILTER}, now)
