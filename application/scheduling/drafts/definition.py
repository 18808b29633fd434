"""What a body means: the Definition it stands for, with what it leaves out kept or filled in."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, TypeVar

from application.scheduling import json_text
from application.scheduling.drafts.faults import Faults
from application.scheduling.drafts.shapes import BackoffBody, TaskBody
from domain.errors import DomainError, InvalidTaskError, MalformedJsonError
from domain.scheduling.cron.zone import zone
from domain.scheduling.names import normal
from domain.scheduling.policy import TIMEOUT_DEFAULT, ExecutionPolicy, Misfire, Overlap
from domain.scheduling.retry import Backoff, BackoffKind, RetryPolicy
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule, ScheduleType
from domain.scheduling.task import Definition, Delivery

Judged = TypeVar("Judged", ExecutionPolicy, RetryPolicy, Backoff)

REMEMBERED_MAX = 1_024
_CHECKED = ("name", "task_type", "handler", "description", "tags", "payload_json")
_SOUND = Definition("sound", "sound", IntervalSchedule(timedelta(days=1)), "1d")


@dataclass(frozen=True, slots=True)
class HandlerDefaults:
    """What fills the gaps of a task that is created: the handler's own values before the settings'."""

    max_retries: int = 3
    timeout: timedelta = TIMEOUT_DEFAULT


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
    # In a zone that is unknown the schedule is still right or wrong.
    zoned = faults.or_else(None, lambda: _in_known_zone(body)) or body.model_copy(update={"timezone": "UTC"})
    instead: Schedule = OneTimeSchedule(now)
    schedule = faults.or_else(instead, lambda: schedule_from(zoned, now=now, present=present))
    policy = _policy(body, present, defaults or HandlerDefaults(), faults)
    definition = _definition(body, schedule, payload, policy, present)
    new = definition if present is None else _without_old_names(present, definition)
    try:
        new.check()
    except DomainError:
        for name in _CHECKED:
            # One at a time: checked as a whole, a definition names only the first of its faults.
            faults.or_else(None, replace(_SOUND, **{name: getattr(new, name)}).check)
    faults.throw()
    return definition


def schedule_from(body: TaskBody, *, now: datetime, present: Definition | None = None) -> Schedule:
    """The schedule a body stands for.

    An interval without an anchor keeps the one it has as long as it is the same; else it begins with `now`.
    """
    match ScheduleType(body.schedule_type):
        case ScheduleType.CRON:
            return CronSchedule(body.schedule, body.timezone)
        case ScheduleType.INTERVAL:
            was = present.schedule if present else None
            # A whole second, as people say it: every instant of the schedule will look like this one.
            parsed = IntervalSchedule.parse(body.schedule, anchor=body.anchor or now.replace(microsecond=0))
            if body.anchor is None and isinstance(was, IntervalSchedule) and was.interval == parsed.interval:
                return was
            return parsed
        case ScheduleType.ONE_TIME:
            return OneTimeSchedule.parse(body.schedule, body.timezone)


def payload_text(payload: Mapping[str, Any] | str | None) -> str:
    """The text of a payload given as an object or, as the guide allows, as the JSON text of one.

    Raises InvalidTaskError for anything else, and for JSON that `json_text.read` refuses.
    """
    if payload is None:
        return "{}"
    try:
        # An object is read back as well: it may come from Python, where more is possible than in JSON.
        value = json_text.read(payload if isinstance(payload, str) else json_text.write(dict(payload)))
    except MalformedJsonError as error:
        raise _bad_payload(error.detail, error.reason, error.position) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise _bad_payload(f"not JSON: {error}", MalformedJsonError.code) from None
    if not isinstance(value, dict):
        raise _bad_payload("a payload is a JSON object", "wrong_type")
    return json_text.write(value)


def _bad_payload(detail: str, code: str, position: int | None = None) -> InvalidTaskError:
    return InvalidTaskError(detail, code=code, pointer="/payload", position=position)


def _in_known_zone(body: TaskBody) -> TaskBody:
    zone(body.timezone)
    return body


def _definition(
    body: TaskBody, schedule: Schedule, payload: str, policy: ExecutionPolicy, present: Definition | None
) -> Definition:
    definition = Definition(
        name=_named(body.name, present),
        task_type=body.task_type,
        schedule=schedule,
        schedule_text=body.schedule.strip(),
        timezone=body.timezone,
        payload_json=payload,
        policy=policy,
        handler=body.handler,
        tags=tuple(body.tags or ()),
        description=body.description or "",
        delivery=Delivery(body.delivery or Delivery.MANAGED),
    )
    return definition if present is None else _keeping(present, definition, body)


def _named(name: str, present: Definition | None) -> str:
    """The name in its one spelling; a task that was named before there was one keeps its own."""
    return name if present is not None and name == present.name else normal(name)


def _without_old_names(present: Definition, definition: Definition) -> Definition:
    """The definition without the names that the task has borne, and run, all along: they passed what was asked then."""
    if definition.name == present.name:
        definition = replace(definition, name=_SOUND.name)
    return replace(definition, handler=None) if definition.handler == present.handler_name else definition


def _keeping(present: Definition, definition: Definition, body: TaskBody) -> Definition:
    """The new definition with what its body leaves out as it was."""
    kept: dict[str, Any] = {
        name: getattr(present, name)
        for name in ("tags", "description", "delivery", "handler")
        if getattr(body, name) is None
    }
    if body.handler is None and present.handler is None and present.name != definition.name:
        # Renaming a task must not change what it runs.
        kept["handler"] = present.name
    return replace(definition, **kept)


def _policy(body: TaskBody, present: Definition | None, defaults: HandlerDefaults, faults: Faults) -> ExecutionPolicy:
    was = present.policy if present else None
    retries = body.max_retries
    if retries is None:
        retries = was.retry.max_retries if was else defaults.max_retries
    if body.policy is None and was is not None:
        return replace(was, retry=_judged(was.retry, {"max_retries": retries}, faults))
    # A one-time occurrence that met an open execution would be lost for good.
    overlap = Overlap.QUEUE_ONE if body.schedule_type == "one_time" else Overlap.SKIP
    if body.policy is None:
        return faults.or_else(ExecutionPolicy(), lambda: _left_to_us(retries, overlap, defaults.timeout))
    given = body.policy
    retry = _judged(RetryPolicy(backoff=_backoff(given.backoff, faults)), {"max_retries": retries}, faults)
    wanted = {
        "grace": given.grace,
        "catch_up_max": given.catch_up_max,
        "timeout": given.timeout if given.timeout is not None else was.timeout if was else defaults.timeout,
        "start_at": given.start_at,
        "end_at": given.end_at,
        "max_runs": given.max_runs,
        "jitter": given.jitter,
        "fail_after": given.fail_after,
    }
    overlap = Overlap(given.overlap) if given.overlap else overlap
    return _judged(ExecutionPolicy(Misfire(given.misfire), overlap=overlap, retry=retry), wanted, faults)


@lru_cache(REMEMBERED_MAX)
def _left_to_us(max_retries: int, overlap: Overlap, timeout: timedelta) -> ExecutionPolicy:
    """The policy of a task whose author has nothing to say about it, as most have not; what `PolicyBody()` says."""
    return ExecutionPolicy(overlap=overlap, retry=RetryPolicy(max_retries), timeout=timeout)


def _backoff(body: BackoffBody, faults: Faults) -> Backoff:
    backoff = _judged(Backoff(), {"initial": body.initial, "cap": body.cap}, faults)
    return faults.or_else(backoff, partial(replace, backoff, kind=BackoffKind(body.kind), delays=tuple(body.delays)))


def _judged(whole: Judged, wanted: Mapping[str, Any], faults: Faults) -> Judged:
    """`whole` with the wanted values; if they are not sound, each is judged alone: no fault may hide another."""
    with suppress(DomainError):
        return replace(whole, **wanted)
    sound: dict[str, Any] = {}
    for name, value in wanted.items():
        one = {name: value}
        if faults.or_else(None, partial(replace, whole, **one)) is not None:
            sound |= one
    return faults.or_else(whole, partial(replace, whole, **sound))
