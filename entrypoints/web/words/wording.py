"""How pages say things: instants, durations, states, policies, what did not run and why.

Pure functions over the domain's values, so that each sentence is tested without a page.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from markupsafe import Markup

from application.scheduling import json_text
from application.scheduling.explanations.words import counted, sentence, span
from application.scheduling.iso_text import instant
from domain.errors import InvalidTimezoneError
from domain.scheduling.cron.zone import zone
from domain.scheduling.execution import (
    ISOLATED_AFTER,
    OPEN_STATES,
    AttemptOutcome,
    Execution,
    ExecutionKind,
    ExecutionState,
)
from domain.scheduling.policy import Misfire
from domain.scheduling.resuming import Resumption
from domain.scheduling.task import Pause, ScheduledTask, Skip, SkipReason

STATES = {
    ExecutionState.WAITING: "waiting its turn",
    ExecutionState.PENDING: "waiting for a worker",
    ExecutionState.RUNNING: "running",
    ExecutionState.RETRY_WAIT: "waiting to be tried again",
    ExecutionState.SUCCEEDED: "succeeded",
    ExecutionState.DEAD: "failed for good",
    ExecutionState.CANCELLED: "cancelled",
    ExecutionState.DELIVERED: "delivered",
}
KINDS = {
    ExecutionKind.AUTO: "scheduled",
    ExecutionKind.MANUAL: "run by hand",
    ExecutionKind.CONTINUATION: "continuation",
    ExecutionKind.BACKFILL: "backfill",
}
OUTCOMES = {
    AttemptOutcome.SUCCEEDED: "succeeded",
    AttemptOutcome.FAILED: "failed",
    AttemptOutcome.TIMEOUT: "timed out",
    AttemptOutcome.CANCELLED: "stopped on request",
    AttemptOutcome.RESCUED: "its worker died: taken over and started again",
    AttemptOutcome.HANDED_BACK: "handed back by a worker that shut down",
    AttemptOutcome.UNKNOWN_HANDLER: "put back: this worker has no such handler",
}
SKIP_REASONS = {
    SkipReason.GRACE: "found later than the grace allows",
    SkipReason.MISFIRE: "misfire: found late",
    SkipReason.OVERLAP: "overlap: another execution was open, or a newer occurrence took its place",
    SkipReason.EDITED: "edited: the schedule was changed",
    SkipReason.DELETED: "the task was deleted",
    SkipReason.PAUSED: "the task was paused",
    SkipReason.FAILED: "the task had been stopped after failures",
}
WARNINGS = {
    "no_worker": "No living worker runs tasks of this type: executions wait until one does. Start a worker that has it,"
    " or correct the type.",
    "no_handler": "No living worker has a handler for this task: executions are put back until one does. Deploy the"
    " handler, or name another one in the task.",
    "all_needs_allow": "Catching up on all missed runs needs overlap “allow”; with another most are passed over.",
    "quarantined": "This task cannot be decided at present. It is looked at again every few minutes.",
}
RESUMPTIONS = {
    Misfire.SKIP: "Run none of them",
    Misfire.LATEST: "Run the latest one",
    Misfire.EARLIEST: "Run the earliest one",
    Misfire.ALL: "Run all of them",
}


def moment(at: datetime, timezone: str = "UTC", *, seconds: bool = False) -> Markup:
    """An instant as `<time>`: the wall clock of a zone with its abbreviation, the exact instant as attribute.

    Where there is no room, lines end between the day and the clock, nowhere else.
    """
    local = at.astimezone(_zone(timezone))
    clock = "%H:%M:%S %Z" if seconds or local.second else "%H:%M %Z"
    return Markup('<time datetime="{}"><span>{}</span> <span>{}</span></time>').format(
        instant(at), local.strftime("%a %Y-%m-%d"), local.strftime(clock)
    )


def wall_time(at: datetime, timezone: str) -> str:
    """What the wall clock of a zone shows at an instant, as a form's field holds it: to the second, if it has any."""
    local = at.astimezone(_zone(timezone))
    return local.strftime("%Y-%m-%dT%H:%M:%S" if local.second else "%Y-%m-%dT%H:%M")


def distance(at: datetime, now: datetime) -> str:
    """How far an instant is from now: `in 2 h 5 min`, `3 min ago`."""
    if abs(at - now) < timedelta(seconds=1):
        return "now"
    return f"in {span(at - now)}" if at > now else f"{span(now - at)} ago"


def waited(execution: Execution) -> timedelta | None:
    """From the instant it was to run until its last start; None: it was never started."""
    return None if execution.started_at is None else max(execution.started_at - execution.scheduled_at, timedelta(0))


def took(execution: Execution, now: datetime) -> timedelta | None:
    """From its last start to its end, or until now while it runs."""
    if execution.started_at is None:
        return None
    running = execution.state is ExecutionState.RUNNING
    end = now if running else execution.finished_at
    return None if end is None else max(end - execution.started_at, timedelta(0))


def attempts(execution: Execution) -> int:
    """How many attempts it took so far; starts that were rescued or put back do not count."""
    return execution.attempts_used + (execution.state in (ExecutionState.RUNNING, ExecutionState.SUCCEEDED))


def result_of(task: ScheduledTask) -> tuple[str, str]:
    """How the runs of a task go, as a tone (`open`, `bad`, `good`, `none`) and words."""
    if task.open:
        count = len(task.open)
        return "open", "an execution is open" if count == 1 else f"{count} executions are open"
    if task.error_count > 1:
        return "bad", f"{task.error_count} runs in a row failed"
    match task.last_state:
        case None:
            return "none", "never ran"
        case ExecutionState.SUCCEEDED:
            return "good", "succeeded"
        case ExecutionState.DELIVERED:
            return "good", "delivered"
        case ExecutionState.DEAD:
            return "bad", "the last run failed"
        case _:
            return "none", "the last run was cancelled"


def pause_words(pause: Pause, timezone: str) -> Markup:
    """Who paused it, until when and why."""
    words = Markup("by {}").format(pause.actor)
    if pause.until is not None:
        words += Markup(" until {}").format(moment(pause.until, timezone))
    return words + Markup(": {}").format(pause.reason) if pause.reason else words


def skip_reason(skip: Skip) -> str:
    """Why occurrences were passed over."""
    return SKIP_REASONS[skip.reason]


def resumption_words(choice: Resumption) -> str:
    """A way of resuming, and what it would do now."""
    words = RESUMPTIONS[choice.missed]
    if choice.refusal is not None:
        return f"{words} – not now: {choice.refusal.detail}"
    passed = f"{'at least ' if choice.at_least else ''}{counted(choice.skipped, 'occurrence')} passed over"
    started = counted(choice.runs, "execution") + (" starts" if choice.runs == 1 else " start")
    return f"{words} ({started}, {passed})"


OPEN_ASKED = ",".join(state for state in ExecutionState if state in OPEN_STATES)
"""What an address says that asks for the executions that are open."""


def rescue_words(count: int) -> str:
    """That it was taken over, how often, and what came of it."""
    alone = ", since then alone in its process" if count >= ISOLATED_AFTER else ""
    return f"taken over from a dead worker: started again{f' {count} times' if count > 1 else ''}{alone}"


def warning_words(code: str) -> str:
    """What a warning's code means."""
    return WARNINGS.get(code, code)


def label(word: StrEnum) -> str:
    """A state, kind, reason or outcome for people."""
    tables: tuple[Mapping[Any, str], ...] = (STATES, KINDS, OUTCOMES, SKIP_REASONS)
    for table in tables:
        if type(word) is type(next(iter(table))):
            return table[word]
    return word.value.replace("_", " ")


def pretty(text: str) -> str:
    """JSON text laid out for reading."""
    return json.dumps(json_text.read(text), ensure_ascii=False, indent=2)


def capitalize_first(text: str) -> str:
    """The text as a sentence begins: names and units further on keep their letters."""
    return text[:1].upper() + text[1:]


def _zone(timezone: str) -> Any:
    try:
        return zone(timezone)
    except InvalidTimezoneError:
        # A zone that new data no longer have: the task is quarantined, and its page must open all the same.
        return UTC


FILTERS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        moment,
        wall_time,
        distance,
        span,
        waited,
        took,
        attempts,
        result_of,
        pause_words,
        skip_reason,
        resumption_words,
        sentence,
        rescue_words,
        warning_words,
        label,
        pretty,
        capitalize_first,
    )
}
