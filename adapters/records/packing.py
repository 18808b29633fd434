"""The packed parts of rows: policies, schedules and small records as JSON text, checked when they are read back.

Whoever reads may get any of UNREADABLE from a text that is not what this room wrote.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, assert_never

from application.scheduling.ports.execution_store import Progress
from domain.errors import DomainError
from domain.scheduling.execution import CancelRequest, ErrorReport
from domain.scheduling.identifiers import MICROSECOND, instant_of, microseconds
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.retry import Backoff, BackoffKind, RetryPolicy
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule, ScheduleType
from domain.scheduling.task import Pause, PauseMode, Quarantine, Skip, SkipReason

Row = Sequence[Any]
UNREADABLE = (DomainError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
CACHE_MAX = 4_096


# As json.dumps would, which makes an encoder for each value.
_ENCODER = json.JSONEncoder(separators=(",", ":"))


def packed(value: Any) -> str:
    """The one JSON text of a value, in ASCII whatever its strings hold."""
    return _ENCODER.encode(value)


# Tasks that are due together share most of their instants; making one anew is a quarter of reading a task.
at = lru_cache(CACHE_MAX)(instant_of)


def at_or_none(microseconds_: int | None) -> datetime | None:
    """The instant of a nullable column."""
    return None if microseconds_ is None else at(microseconds_)


def us_or_none(instant: datetime | None) -> int | None:
    """A nullable column's value for an instant."""
    return None if instant is None else microseconds(instant)


@lru_cache(CACHE_MAX)
def pack_schedule(schedule: Schedule) -> str:
    """A schedule as `[type, …]`."""
    match schedule:
        case CronSchedule(expression, timezone):
            return packed([ScheduleType.CRON, expression, timezone])
        case IntervalSchedule(interval, anchor):
            return packed([ScheduleType.INTERVAL, interval // MICROSECOND, microseconds(anchor)])
        case OneTimeSchedule(at):
            return packed([ScheduleType.ONE_TIME, microseconds(at)])
        case _:
            assert_never(schedule)


@lru_cache(CACHE_MAX)
def unpack_schedule(text: str) -> Schedule:
    """The schedule; raises one of UNREADABLE."""
    match json.loads(text):
        case [ScheduleType.CRON, str(expression), str(timezone)]:
            return CronSchedule(expression, timezone)
        case [ScheduleType.INTERVAL, int(interval), int(anchor)]:
            return IntervalSchedule(interval * MICROSECOND, instant_of(anchor))
        case [ScheduleType.ONE_TIME, int(at)]:
            return OneTimeSchedule(instant_of(at))
        case _:
            raise ValueError("its schedule is of no known kind")


@lru_cache(CACHE_MAX)
def pack_policy(policy: ExecutionPolicy) -> str:
    """A policy with every field spelled out, so that another default changes no stored task."""
    backoff = policy.retry.backoff
    return packed(
        {
            "misfire": policy.misfire,
            "grace": _us(policy.grace),
            "catch_up_max": policy.catch_up_max,
            "overlap": policy.overlap,
            "max_retries": policy.retry.max_retries,
            "backoff": [backoff.kind, _us(backoff.initial), _us(backoff.cap), [_us(each) for each in backoff.delays]],
            "timeout": _us(policy.timeout),
            "start_at": us_or_none(policy.start_at),
            "end_at": us_or_none(policy.end_at),
            "max_runs": policy.max_runs,
            "jitter": _us(policy.jitter),
            "fail_after": policy.fail_after,
        }
    )


@lru_cache(CACHE_MAX)
def unpack_policy(text: str) -> ExecutionPolicy:
    """The policy; raises one of UNREADABLE."""
    fields = json.loads(text)
    kind, initial, cap, delays = fields["backoff"]
    backoff = Backoff(
        BackoffKind(kind), initial * MICROSECOND, cap * MICROSECOND, tuple(each * MICROSECOND for each in delays)
    )
    grace = fields["grace"]
    return ExecutionPolicy(
        misfire=Misfire(fields["misfire"]),
        grace=None if grace is None else grace * MICROSECOND,
        catch_up_max=fields["catch_up_max"],
        overlap=Overlap(fields["overlap"]),
        retry=RetryPolicy(fields["max_retries"], backoff),
        timeout=fields["timeout"] * MICROSECOND,
        start_at=at_or_none(fields["start_at"]),
        end_at=at_or_none(fields["end_at"]),
        max_runs=fields["max_runs"],
        jitter=fields["jitter"] * MICROSECOND,
        fail_after=fields["fail_after"],
    )


@lru_cache(CACHE_MAX)
def unpack_tags(text: str) -> tuple[str, ...]:
    """Tags; raises one of UNREADABLE."""
    tags = json.loads(text)
    if not isinstance(tags, list) or not all(isinstance(each, str) for each in tags):
        raise ValueError("its tags are no list of names")
    return tuple(tags)


def pack_skip(skip: Skip | None) -> str | None:
    """A Skip within a task's row."""
    if skip is None:
        return None
    return packed(
        [skip.reason, microseconds(skip.first_at), microseconds(skip.last_at), skip.count, int(skip.at_least)]
    )


def unpack_skip(text: str | None) -> Skip | None:
    """The Skip; raises one of UNREADABLE."""
    if text is None:
        return None
    reason, first_at, last_at, count, at_least = json.loads(text)
    return Skip(SkipReason(reason), instant_of(first_at), instant_of(last_at), count, bool(at_least))


def pack_pause(pause: Pause | None) -> str | None:
    """A pause."""
    if pause is None:
        return None
    return packed([pause.reason, pause.actor, microseconds(pause.at), us_or_none(pause.until), pause.mode])


def unpack_pause(text: str | None) -> Pause | None:
    """The pause; raises one of UNREADABLE."""
    if text is None:
        return None
    reason, actor, at, until, mode = json.loads(text)
    return Pause(reason, actor, instant_of(at), at_or_none(until), PauseMode(mode))


def pack_quarantine(quarantine: Quarantine | None) -> str | None:
    """A quarantine."""
    return None if quarantine is None else packed([quarantine.error, microseconds(quarantine.look_at)])


def unpack_quarantine(text: str | None) -> Quarantine | None:
    """The quarantine; raises one of UNREADABLE."""
    if text is None:
        return None
    error, look_at = json.loads(text)
    return Quarantine(error, instant_of(look_at))


def pack_cancel(cancel: CancelRequest | None) -> str | None:
    """A request to stop."""
    return None if cancel is None else packed([microseconds(cancel.at), cancel.actor, cancel.reason])


def unpack_cancel(text: str | None) -> CancelRequest | None:
    """The request; raises one of UNREADABLE."""
    if text is None:
        return None
    at, actor, reason = json.loads(text)
    return CancelRequest(instant_of(at), actor, reason)


def pack_error(error: ErrorReport | None) -> str | None:
    """An error."""
    return None if error is None else packed([error.kind, error.text])


def unpack_error(text: str | None) -> ErrorReport | None:
    """The error; raises one of UNREADABLE."""
    return None if text is None else ErrorReport(*json.loads(text))


def pack_progress(progress: Progress | None) -> str | None:
    """How far an attempt has come."""
    return None if progress is None else packed([progress.done, progress.total, progress.note])


def unpack_progress(text: str | None) -> Progress | None:
    """The progress; raises one of UNREADABLE."""
    return None if text is None else Progress(*json.loads(text))


def _us(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // MICROSECOND
