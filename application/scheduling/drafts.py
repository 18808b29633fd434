"""Tasks as people write them: the flat JSON of the API, the forms and the files, read into a Definition.

The shapes are pydantic models, so that the API's description and its behaviour are one; the meaning (schedules, zones,
ranges) is judged by the domain alone. All faults of a body are told together.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from application.scheduling import json_text
from domain.errors import DomainError, InvalidInputError, InvalidScheduleError, InvalidTaskError, MalformedJsonError
from domain.scheduling.cron.zone import zone
from domain.scheduling.policy import TIMEOUT_DEFAULT, ExecutionPolicy, Misfire, Overlap
from domain.scheduling.retry import Backoff, BackoffKind, RetryPolicy
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule, ScheduleType
from domain.scheduling.task import Definition, Delivery

READ_ONLY = frozenset(
    {"id", "status", "created_at", "updated_at", "last_run_at", "next_run_at", "run_count", "error_count", "last_error"}
    | {"warnings", "pause", "decided_until", "open_executions", "anchor"}
)
T = TypeVar("T")
_SHORT_DURATION = re.compile(r"(\d{1,9})(s|m|h|d|w)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _duration(value: object) -> object:
    """ISO 8601 (`PT15M`) or one number with its unit (`15m`); nothing else is a duration."""
    if not isinstance(value, str) or len(value) > 50:
        raise ValueError("a duration is a text such as PT15M or 15m")
    if match := _SHORT_DURATION.fullmatch(value):
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
    if not value.startswith("P"):
        raise ValueError("a duration is a text such as PT15M or 15m")
    return value


def _instant(value: object) -> object:
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\dT", value, re.ASCII):
        raise ValueError("an instant is a text such as 2026-12-24T18:00:00Z")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(strict=False)]
Instant = Annotated[datetime, BeforeValidator(_instant), Field(strict=False)]
_STRICT = ConfigDict(extra="forbid", strict=True)


class BackoffBody(BaseModel):
    """The wait before each retry."""

    model_config = _STRICT
    kind: Literal["fixed", "linear", "exponential", "list"] = "exponential"
    initial: Duration = timedelta(seconds=30)
    cap: Duration = timedelta(minutes=30)
    delays: list[Duration] = Field(default_factory=list)

    def domain(self) -> Backoff:
        """The value it stands for. Raises InvalidPolicyError."""
        return Backoff(BackoffKind(self.kind), self.initial, self.cap, tuple(self.delays))


class PolicyBody(BaseModel):
    """How a task wants to be run; whatever is left out has its default."""

    model_config = _STRICT
    misfire: Literal["skip", "latest", "earliest", "all"] = "latest"
    grace: Duration | None = None
    catch_up_max: int = 100
    overlap: Literal["skip", "queue_one", "cancel_previous", "allow"] | None = None
    backoff: BackoffBody = Field(default_factory=BackoffBody)
    timeout: Duration | None = None
    start_at: Instant | None = None
    end_at: Instant | None = None
    max_runs: int | None = None
    jitter: Duration = timedelta(0)
    fail_after: int | None = 3


class TaskBody(BaseModel):
    """A task as the API takes it; what only the server says (id, status, counters …) may stand in it and is ignored."""

    model_config = _STRICT
    name: str
    task_type: str
    schedule_type: Literal["cron", "interval", "one_time"]
    schedule: str
    timezone: str = "UTC"
    payload: dict[str, Any] | str | None = None
    max_retries: int | None = None
    policy: PolicyBody | None = None
    handler: str | None = None
    tags: list[str] | None = None
    description: str | None = None
    delivery: Literal["managed", "external"] | None = None
    enabled: bool | None = None
    version: int | None = None
    if_past: Literal["refuse", "run_now"] = "refuse"


@dataclass(frozen=True, slots=True)
class HandlerDefaults:
    """What fills the gaps of a task that is created: the handler's own values before the settings'."""

    max_retries: int = 3
    timeout: timedelta = TIMEOUT_DEFAULT


def body_from(document: object) -> TaskBody:
    """A body from parsed JSON. Raises InvalidInputError with every field at fault."""
    if not isinstance(document, Mapping):
        raise InvalidInputError((DomainError("a task is a JSON object", code="wrong_type"),))
    given = {name: value for name, value in document.items() if name not in READ_ONLY}
    try:
        return TaskBody.model_validate(given)
    except ValidationError as error:
        raise InvalidInputError(faults_of(error)) from None


def faults_of(error: ValidationError, prefix: str = "") -> tuple[DomainError, ...]:
    """Pydantic's findings as faults with JSON pointers."""
    codes = {"extra_forbidden": "unknown_field", "missing": "required", "value_error": "invalid_value"}
    faults = []
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        pointer = prefix + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in found["loc"])
        code = codes.get(found["type"], "wrong_type" if found["type"].endswith("_type") else "invalid_value")
        detail = {"unknown_field": "there is no such field", "required": "this field is missing"}.get(code)
        faults.append(DomainError(detail or found["msg"].removeprefix("Value error, "), code=code, pointer=pointer))
    return tuple(faults)


def define(
    body: TaskBody,
    *,
    now: datetime,
    present: Definition | None = None,
    defaults: HandlerDefaults | None = None,
) -> Definition:
    """The definition a body stands for; `present` keeps what the body leaves out, `defaults` fills what is new.

    Raises InvalidInputError with every field at fault.
    """
    faults = Faults()
    payload = faults.or_else("{}", lambda: payload_text(body.payload))
    faults.or_else(None, lambda: zone(body.timezone))
    schedule = faults.or_else(None, lambda: schedule_from(body, now=now, present=present))
    policy = faults.or_else(ExecutionPolicy(), lambda: _policy(body, present, defaults or HandlerDefaults()))
    # Judged with any schedule at all, so that a name at fault is told beside a schedule at fault.
    definition = _definition(body, schedule or OneTimeSchedule(now), payload, policy, present)
    faults.or_else(None, definition.check)
    faults.throw()
    return definition


class Faults:
    """Collects what is wrong, so that one answer tells all of it."""

    def __init__(self) -> None:
        self._found: list[DomainError] = []

    def or_else(self, instead: T, judge: Callable[[], T]) -> T:
        """The value, or `instead` if judging it raised a DomainError, which is kept."""
        try:
            return judge()
        except InvalidInputError as several:
            self._found.extend(several.faults)
        except DomainError as fault:
            self._found.append(fault)
        return instead

    def extend(self, faults: Iterable[DomainError]) -> None:
        """Keep these too."""
        self._found.extend(faults)

    def throw(self) -> None:
        """Raise InvalidInputError if anything was found."""
        if self._found:
            raise InvalidInputError(tuple(self._found))


def schedule_from(body: TaskBody, *, now: datetime, present: Definition | None = None) -> Schedule:
    """The schedule a body stands for; an interval keeps its anchor while its text stays the same."""
    match ScheduleType(body.schedule_type):
        case ScheduleType.CRON:
            return CronSchedule(body.schedule, body.timezone)
        case ScheduleType.INTERVAL:
            was = present.schedule if present else None
            parsed = IntervalSchedule.parse(body.schedule, anchor=now)
            if isinstance(was, IntervalSchedule) and was.interval == parsed.interval:
                return was
            return parsed
        case ScheduleType.ONE_TIME:
            return OneTimeSchedule.parse(body.schedule, body.timezone)


def payload_text(payload: Mapping[str, Any] | str | None) -> str:
    """The text of a payload given as an object or, as the guide allows, as the JSON text of one."""
    if payload is None:
        return "{}"
    if isinstance(payload, str):
        try:
            payload = json_text.read(payload)
        except MalformedJsonError as error:
            raise InvalidTaskError(
                error.detail, code=error.reason, pointer="/payload", position=error.position
            ) from None
    if not isinstance(payload, Mapping):
        raise InvalidTaskError("a payload is a JSON object", code="wrong_type", pointer="/payload")
    return json_text.write(payload)


def _definition(
    body: TaskBody, schedule: Schedule, payload: str, policy: ExecutionPolicy, present: Definition | None
) -> Definition:
    handler = body.handler if body.handler is not None else present.handler if present else None
    if present is not None and body.handler is None and present.handler is None and present.name != body.name:
        # Renaming a task must not change what it runs.
        handler = present.name
    return Definition(
        name=body.name,
        task_type=body.task_type,
        schedule=schedule,
        schedule_text=body.schedule.strip(),
        timezone=body.timezone,
        payload_json=payload,
        policy=policy,
        handler=handler,
        tags=tuple(body.tags) if body.tags is not None else present.tags if present else (),
        description=body.description if body.description is not None else present.description if present else "",
        delivery=Delivery(body.delivery) if body.delivery else present.delivery if present else Delivery.MANAGED,
    )


def _policy(body: TaskBody, present: Definition | None, defaults: HandlerDefaults) -> ExecutionPolicy:
    given = body.policy
    if given is None and present is not None:
        retries = present.policy.retry.max_retries if body.max_retries is None else body.max_retries
        return replace(present.policy, retry=replace(present.policy.retry, max_retries=retries))
    given = given or PolicyBody()
    present_retries = present.policy.retry.max_retries if present else defaults.max_retries
    present_timeout = present.policy.timeout if present else defaults.timeout
    one_time = ScheduleType(body.schedule_type) is ScheduleType.ONE_TIME
    return ExecutionPolicy(
        misfire=Misfire(given.misfire),
        grace=given.grace,
        catch_up_max=given.catch_up_max,
        # A one-time occurrence that met an open execution would be lost for good.
        overlap=Overlap(given.overlap or ("queue_one" if one_time else "skip")),
        retry=RetryPolicy(present_retries if body.max_retries is None else body.max_retries, given.backoff.domain()),
        timeout=given.timeout or present_timeout,
        start_at=None if given.start_at is None else _utc("/policy/start_at", given.start_at),
        end_at=None if given.end_at is None else _utc("/policy/end_at", given.end_at),
        max_runs=given.max_runs,
        jitter=given.jitter,
        fail_after=given.fail_after,
    )


def _utc(pointer: str, instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise InvalidScheduleError(
            "an instant needs its offset", code="no_offset", pointer=pointer, hint="2026-12-24T18:00:00Z or …+01:00"
        )
    if not 1970 <= instant.year < 2200:
        raise InvalidScheduleError("an instant lies in the years 1970 to 2199", code="out_of_range", pointer=pointer)
    return instant.astimezone(UTC)
