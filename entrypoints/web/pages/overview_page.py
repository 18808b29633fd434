"""The first page: whether the work gets done and what to do if not, what comes within the hour, what ran last."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web
from markupsafe import Markup

from application.scheduling.explanations.words import counted
from application.scheduling.ports.figures import COUNT_MAX
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.services.coming_hour import ComingHour
from application.scheduling.services.inspect_tasks import RECENT_MAX, Health, Trouble
from application.scheduling.services.statistics import Overview
from domain.scheduling.execution import ExecutionState
from domain.scheduling.task import TaskStatus
from entrypoints.web.charts.charts import Bar, Tone
from entrypoints.web.doors.origins import own_origin
from entrypoints.web.keys import HOLD, SERVICES, under_prefix
from entrypoints.web.rendering import render
from entrypoints.web.requests.parameters import Query
from entrypoints.web.viewer import common_zone_of
from entrypoints.web.words.wording import moment

MINUTE = timedelta(minutes=1)
TICKS = ("now", "+15 min", "+30 min", "+45 min", "+60 min")
HEIGHT_LEAST = 0.2
WORKERS = ("/workers", "To the workers")
ADVICE: Mapping[Trouble, tuple[str, tuple[str, str] | None]] = {
    Trouble.UNFIT_STORE: ("Mend it now: what it forgets is lost for good.", None),
    Trouble.NO_SCHEDULER: (
        "Start one: what becomes due is not decided until then; it will be, once one is back.",
        None,
    ),
    Trouble.NO_WORKER: ("Start one: what is due waits for it, and is not lost.", None),
    Trouble.NOBODY_CLAIMS: ("Code that does not stop ends with a restart of the service.", WORKERS),
    Trouble.NO_HANDLER: ("Deploy it, or name another one in the task.", WORKERS),
    Trouble.UNDELIVERED: (
        "They are sent when its REDIS_URL is set and answers; the log of the schedulers says what is wrong with it.",
        None,
    ),
    Trouble.OVERDUE: ("The late tasks are listed here. The scheduler may be overloaded, or its store slow.", None),
}
"""What to do about what keeps the work from being done, and where to look."""


@dataclass(frozen=True, slots=True)
class Advised:
    """A problem of health in words, what to do about it, and the page to look at with its name."""

    problem: str
    advice: str
    page: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that deserves a look: what it counts, which class it wears, and the list behind it."""

    count: str
    words: str
    tone: str
    path: str


async def to_overview(request: web.Request) -> web.StreamResponse:
    """The shorter addresses lead to the first page."""
    raise web.HTTPFound(under_prefix(request, "/"))


async def overview(request: web.Request) -> web.Response:
    """How things are, as of now."""
    Query(request)
    services = request.app[SERVICES]
    found = await services.statistics.overview()
    health = await services.inspect.health()
    return render(
        request,
        "overview.html",
        {
            "found": found,
            "health": health,
            "troubles": list(_troubles(health, common_zone_of(request))),
            "tiles": list(_tiles(found, is_held=request.get(HOLD) is not None)),
            "pending": found.counts.open_by_state.get(ExecutionState.PENDING, 0),
            "bars": ribbon_of(found.coming),
            "ticks": TICKS,
            "is_empty": not sum(found.counts.tasks_by_status.values()),
            "recent": await services.inspect.executions(ExecutionFilter(), limit=RECENT_MAX),
            "zone": common_zone_of(request),
            "server": own_origin(request),
        },
    )


def _troubles(health: Health, timezone: str) -> Iterator[Advised]:
    for each in health.problems:
        told = each.told
        if each.trouble is Trouble.OVERDUE and health.overdue_since is not None:
            since = moment(health.overdue_since, timezone)
            told = Markup("a task is due since {} and was not dispatched").format(since)
        yield Advised(told, *ADVICE[each.trouble])


def ribbon_of(coming: ComingHour) -> list[Bar]:
    """A bar for each minute of the hour, as high as there are runs in it."""
    most = max(coming.minutes)
    return [
        Bar(
            max(count / most, HEIGHT_LEAST) if count else 0.0,
            Tone.GOOD,
            f"{coming.since + place * MINUTE:%H:%M} UTC: {counted(count, 'run')}",
        )
        for place, count in enumerate(coming.minutes)
    ]


def _tiles(found: Overview, *, is_held: bool) -> Iterator[Tile]:
    attention, statuses = found.attention, found.counts.tasks_by_status
    paused, stopped = statuses.get(TaskStatus.PAUSED, 0), statuses.get(TaskStatus.FAILED, 0)
    dead = f"{'at least ' if attention.dead_letters >= COUNT_MAX else ''}{attention.dead_letters:,}"
    numbers: Sequence[tuple[int, str, str, str, str]] = (
        (attention.failing, f"{attention.failing:,}", "Failing", "bad", "/scheduled-tasks?failing=true"),
        (attention.late, f"{attention.late:,}", "Late", "warn" if is_held else "bad", "/scheduled-tasks?late=true"),
        (stopped, f"{stopped:,}", "Stopped", "bad", "/scheduled-tasks?status=failed"),
        (attention.dead_letters, dead, "Dead letters", "warn", "/dead-letters"),
        (paused, f"{paused:,}", "Paused", "warn", "/scheduled-tasks?status=paused"),
        (1, f"{statuses.get(TaskStatus.ACTIVE, 0):,}", "Active", "good", "/scheduled-tasks?status=active"),
    )
    for number, told, words, tone, path in numbers:
        yield Tile(told, words, tone if number else "all", path)
