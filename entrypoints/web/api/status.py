"""How the scheduler is: statistics, health for people, liveness and readiness for whoever starts processes."""

from collections.abc import Mapping

from aiohttp import web

from application.scheduling.documents import Document, execution_document, held_document, next_run_at
from application.scheduling.iso_text import duration, instant
from application.scheduling.ports.errors import PortError
from application.scheduling.ports.figures import TypeFigures
from application.scheduling.ports.history import TaskFilter, TaskOrder
from application.scheduling.ports.membership import Member
from application.scheduling.services.inspect_tasks import RECENT_MAX
from application.scheduling.services.statistics import ALMOST_ALL, USUAL, Attention
from domain.scheduling.execution import ExecutionState
from domain.scheduling.task import ScheduledTask, TaskStatus
from entrypoints.web.answers import figures_answer, json_answer
from entrypoints.web.api.documents import (
    AttentionDocument,
    HealthDocument,
    MemberDocument,
    RecentTaskDocument,
    StatisticsDocument,
    TypeFiguresDocument,
    UpcomingTaskDocument,
)
from entrypoints.web.contract.operations import Answer, ok, operation
from entrypoints.web.keys import SERVICES
from entrypoints.web.requests.parameters import Query


@operation("Tell the figures", ok(StatisticsDocument, "The figures as of now."))
async def statistics(request: web.Request) -> web.Response:
    """The figures: the guide's names first, then ours."""
    services = request.app[SERVICES]
    found = await services.statistics.statistics()
    last = await services.inspect.list(TaskFilter(), order=TaskOrder.LAST_RUN_AT, descending=True, limit=RECENT_MAX)
    by_status = {status: found.counts.tasks_by_status.get(status, 0) for status in TaskStatus}
    document: StatisticsDocument = {
        "total_tasks": sum(by_status.values()),
        "active_tasks": by_status[TaskStatus.ACTIVE],
        "paused_tasks": by_status[TaskStatus.PAUSED],
        "completed_tasks": by_status[TaskStatus.COMPLETED],
        "failed_tasks": by_status[TaskStatus.FAILED],
        "tasks_by_type": dict(found.counts.tasks_by_type),
        "upcoming_tasks": [_upcoming(view.task) for view in found.upcoming],
        "recent_executions": [_recent(view.task) for view in last.views if view.task.last_run_at is not None],
        "open_executions": _by_state(found.counts.open_by_state),
        "finished_24h": _by_state(found.counts.finished_24h),
        "attention": _attention(found.attention),
        "types_7d": [_type_figures(each) for each in found.types],
        "executions": [execution_document(each) for each in found.recent.executions],
        "members": [member_document(each) for each in found.members],
    }
    return json_answer(document)


@operation(
    "Tell whether the work gets done",
    ok(HealthDocument, "It does."),
    Answer(503, "It does not, and `problems` says why.", HealthDocument),
)
async def health(request: web.Request) -> web.Response:
    """Whether the work gets done; 503 while it does not."""
    services = request.app[SERVICES]
    found = await services.inspect.health()
    document: HealthDocument = {
        "status": "unhealthy" if found.problems else "healthy",
        "problems": [each.told for each in found.problems],
        "schedulers": found.schedulers,
        "workers": found.workers,
        "overdue_since": instant(found.overdue_since),
        "durability": services.weakness(),
        "held": held_document(found.held),
        "time": instant(services.clock.now()),
    }
    return json_answer(document, status=503 if found.problems else 200)


async def metrics(request: web.Request) -> web.Response:
    """The figures of this process, and of the whole store, for Prometheus."""
    Query(request)
    return figures_answer(await request.app[SERVICES].metrics())


async def live(request: web.Request) -> web.Response:
    """This process answers."""
    return json_answer({"status": "live", "time": instant(request.app[SERVICES].clock.now())})


async def ready(request: web.Request) -> web.Response:
    """The loops of this process run and its store answers; 503 and the reasons if not."""
    services = request.app[SERVICES]
    problems = [] if services.ready() else ["not all loops of this process are running"]
    try:
        await services.inspect.health()
    except PortError:
        problems.append("the store does not answer")
    document: Document = {"status": "not ready" if problems else "ready", "problems": problems}
    return json_answer(document, status=503 if problems else 200)


def _attention(found: Attention) -> AttentionDocument:
    return {
        "failing": found.failing,
        "late": found.late,
        "dead_letters": found.dead_letters,
        "oldest_pending_at": instant(found.oldest_pending_at),
    }


def _type_figures(found: TypeFigures) -> TypeFiguresDocument:
    return {
        "task_type": found.task_type,
        "ended": _by_state(found.by_state),
        "p50_at_most": duration(found.durations.at_most(USUAL)),
        "p95_at_most": duration(found.durations.at_most(ALMOST_ALL)),
    }


def _upcoming(task: ScheduledTask) -> UpcomingTaskDocument:
    return {
        "id": task.id,
        "name": task.definition.name,
        "type": task.definition.task_type,
        "next_run": instant(next_run_at(task)),
    }


def _recent(task: ScheduledTask) -> RecentTaskDocument:
    return {
        "id": task.id,
        "name": task.definition.name,
        "type": task.definition.task_type,
        "last_run": instant(task.last_run_at),
        "status": task.status,
        "run_count": task.run_count,
    }


def _by_state(counts: Mapping[ExecutionState, int]) -> dict[ExecutionState, int]:
    return {state: counts[state] for state in ExecutionState if counts.get(state)}


def member_document(member: Member) -> MemberDocument:
    """A process of the scheduler."""
    return {
        "node_id": member.node_id,
        "roles": sorted(member.roles),
        "host": member.host,
        "pid": member.pid,
        "started_at": instant(member.started_at),
        "concurrency": member.concurrency,
        "handlers": [{"task_type": each.task_type, "name": each.name} for each in member.handlers],
    }
