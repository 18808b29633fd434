"""How an attempt ended, as the worker that held it reports."""

from dataclasses import dataclass
from datetime import timedelta

from domain.scheduling.execution import ErrorReport
from domain.scheduling.retry import GiveUp, RetryAt


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The handler returned; `result_json` is its summary, bounded."""

    result_json: str | None = None


@dataclass(frozen=True, slots=True)
class Continued:
    """The handler did a part and asks to go on after a while; recorded as success with a continuation."""

    after: timedelta
    result_json: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler raised, or ran out of time (`timed_out`); `then` is what its retry policy says."""

    error: ErrorReport
    then: RetryAt | GiveUp
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class Stopped:
    """The handler ended because its cancellation was asked."""


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The worker is leaving and did not finish; somebody else starts over, no attempt used."""


@dataclass(frozen=True, slots=True)
class UnknownHandler:
    """This worker has no such handler; another may."""


Outcome = Succeeded | Continued | Failed | Stopped | HandedBack | UnknownHandler
