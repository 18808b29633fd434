"""Some days in the life of a busy scheduler, lived on a clock of its own: what pictures and page tests look at.

The services are the production ones; only the handlers are told here, by how long they take and how they end, so that
every run shows the same. It stops on the Saturday before Europe's clocks go forward.
"""

import asyncio
import heapq
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from dependency_injector import providers

from adapters.memory import open_memory_store
from application.scheduling.drafts import body_from
from application.scheduling.ports.execution_store import Beat, Claim, LogLine, Progress, Settlement
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.ports.membership import HandlerSpec, Member
from application.scheduling.services.change_task import Author
from domain.scheduling.change import Via
from domain.scheduling.execution import ErrorReport
from domain.scheduling.identifiers import ClaimToken, NodeId, TaskId
from domain.scheduling.outcome import Failed, Outcome, Succeeded
from domain.scheduling.sharing import EVERYTHING
from entrypoints.admin import ServiceState, serve_admin
from entrypoints.container import Container
from entrypoints.metrics import ProcessMetrics
from entrypoints.settings import Settings
from tests.support.manual_clock import ManualClock
from tests.support.plain_log import plain_log
from tests.support.recorders import CountingEntropy, RecordingObserver, RecordingWakeup

# While the scheduler's machine was off.
OUTAGE = (datetime(2026, 3, 28, 9, 5, tzinfo=UTC), datetime(2026, 3, 28, 10, 21, tzinfo=UTC))
END = datetime(2026, 3, 28, 14, 37, 12, tzinfo=UTC)
BUCKET_FULL = datetime(2026, 3, 28, 4, 0, tzinfo=UTC)
STEPS_MAX = 50_000
WORKER = NodeId("fig-2-4c1d9a52")
ANA, BEN = Author("ana", Via.PAGE), Author("ben", Via.API)
TRACEBACK = """Traceback (most recent call last):
  File "shop/exports.py", line 41, in export_accounts
    await bucket.upload(archive)
  File "shop/buckets.py", line 18, in upload
    raise BucketFullError(self.name, self.size)
shop.buckets.BucketFullError: bucket "accounts" is full (50 GiB of 50 GiB)"""


@dataclass(frozen=True, slots=True)
class Job:
    """A task as people made it, and what its handler does: seconds it takes, and how often it fails."""

    name: str
    task_type: str
    schedule_type: str
    schedule: str
    about: str
    timezone: str = "UTC"
    payload: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    seconds: float = 2.0
    fails_one_in: int = 0
    max_retries: int = 3

    def body(self) -> dict[str, Any]:
        """What the API would be sent."""
        return {
            "name": self.name,
            "task_type": self.task_type,
            "schedule_type": self.schedule_type,
            "schedule": self.schedule,
            "timezone": self.timezone,
            "payload": self.payload,
            "description": self.about,
            "tags": list(self.tags),
            "max_retries": self.max_retries,
        }


JOBS = (
    Job("close_day", "billing", "cron", "30 2 * * *", "Closes the books of the day.", "Europe/Berlin",
        {"mode": "delta", "currencies": ["EUR", "USD"]}, ("money",), 312),
    Job("send_digest", "mail", "cron", "0 7 * * 1-5", "The morning digest of every community.", "America/New_York",
        {"template": "digest"}, ("people",), 48),
    Job("sync_instances", "federation", "interval", "15m", "Asks every known instance how it is.",
        tags=("federation",), seconds=21, fails_one_in=9),
    Job("rebuild_search", "search", "interval", "2h", "Builds the search index anew.", "Europe/Berlin",
        {"shards": 4}, seconds=640),
    Job("export_accounts", "exports", "cron", "20 */3 * * *", "Writes the archive of accounts to the bucket.",
        payload={"bucket": "accounts"}, tags=("money",), seconds=9, fails_one_in=1, max_retries=1),
    Job("warm_caches", "web", "cron", "*/10 6-22 * * *", "Fetches the front pages before people do.",
        "Europe/Berlin", seconds=3, fails_one_in=40),
    Job("announce_release", "mail", "one_time", "2026-04-01T09:00", "Tells everybody that version 3 is here.",
        "America/New_York", {"template": "release-3"}, ("people",)),
    Job("archive_federation_logs", "maintenance", "cron", "15 1 * * 0", "Moves old federation logs to the archive."),
)  # fmt: skip
SCHEMA = {
    "type": "object",
    "properties": {
        "mode": {"type": "string", "enum": ["delta", "full"], "default": "full", "title": "Mode"},
        "currencies": {"type": "array", "items": {"type": "string"}, "title": "Currencies"},
    },
    "required": ["mode"],
}
SPECS = (
    HandlerSpec("billing", "close_day", "Closes the books of the day.", SCHEMA, {"timeout_seconds": 600}),
    *(HandlerSpec(task_type, None) for task_type in ("mail", "federation", "search", "exports", "web", "maintenance")),
)


@dataclass(slots=True)
class Demo:
    """The life so far: what runs, and when it ends."""

    container: Container
    clock: ManualClock
    address: str = ""
    ids: dict[str, TaskId] = field(default_factory=dict)
    _ends: list[tuple[datetime, str, Claim]] = field(default_factory=list)
    _claims: int = 0

    async def filled(self, path: str, **others: str) -> str:
        """The path with names in place of its placeholders, all of things that exist; `others` before these."""
        history = self.container.stores().history
        newest = await history.executions(ExecutionFilter(self.ids["close_day"]), limit=1, cursor=None)
        dead = await history.executions(ExecutionFilter(self.ids["export_accounts"]), limit=1, cursor=None)
        names = {
            "task_id": self.ids["close_day"],
            "failed": self.ids["export_accounts"],
            "paused": self.ids["archive_federation_logs"],
            "execution_id": newest.executions[0].execution.id,
            "dead": dead.executions[0].execution.id,
            "kind": "invalid_input",
            "version": "1",
            "between": "1..2",
            "name": "ana",
            "token_id": "1",
        }
        return path.format_map({**names, **others})

    async def live(self) -> None:
        """Let the days pass."""
        manage, dispatch = self.container.manage_tasks(), self.container.dispatch_due()
        await self._announce()
        await self.container.seed_defaults().run_once()
        for job in JOBS:
            self.ids[job.name] = (await manage.create(body_from(job.body()), ANA)).task.id
        for _ in range(STEPS_MAX):
            is_off = OUTAGE[0] <= self.clock.now() < OUTAGE[1]
            next_at = OUTAGE[1] if is_off else await dispatch.run_once(EVERYTHING)
            await self._claim()
            then = min(each for each in (next_at, self._ends[0][0] if self._ends else None, END) if each is not None)
            if then >= END:
                break
            self.clock.advance_to(then)
            await self._settle_ended()
        else:
            raise AssertionError(f"the days have more than {STEPS_MAX} steps")
        self.clock.advance_to(END)
        await self._what_people_do()
        await self._announce()

    async def _what_people_do(self) -> None:
        manage, paused = self.container.manage_tasks(), self.ids["archive_federation_logs"]
        until = END + timedelta(days=2)
        await manage.patch(self.ids["close_day"], {"max_retries": 5}, Author("ana", Via.PAGE, "the bank is slow"))
        await manage.pause(paused, Author("ben", Via.API, "the bucket moves to another region"), until=until)
        await manage.run_now(self.ids["close_day"], ANA, payload={"mode": "full"})
        await self._claim()
        running = [claim for _, _, claim in self._ends if claim.definition.name == "close_day"]
        self.clock.advance(timedelta(seconds=73))
        beats = [
            Beat(each.execution.id, each.token, Progress(1_942, 3_100, "invoices"), _log(each)) for each in running
        ]
        await self.container.stores().executions.heartbeat(WORKER, beats)

    async def _announce(self) -> None:
        now, membership = self.clock.now(), self.container.stores().membership
        for node_id, roles, handlers in (
            (WORKER, {"worker"}, SPECS),
            (NodeId("fig-1-09b2"), {"scheduler", "admin"}, ()),
        ):
            await membership.announce(
                Member(node_id, frozenset(roles), "fig", 4711, now, handlers, 5 if handlers else 0)
            )

    async def _claim(self) -> None:
        tokens = [ClaimToken(f"{self._claims + number:032x}") for number in range(5)]
        self._claims += 5
        for claim in await self.container.stores().executions.claim(WORKER, tokens):
            heapq.heappush(self._ends, (self.clock.now() + _length(claim), claim.token, claim))

    async def _settle_ended(self) -> None:
        while self._ends and self._ends[0][0] <= self.clock.now():
            claim = heapq.heappop(self._ends)[2]
            settlement = Settlement(claim.execution.id, claim.token, _outcome(claim, self.clock.now()), log=_log(claim))
            await self.container.stores().executions.settle([settlement])


def _job(claim: Claim) -> Job:
    known = {job.name: job for job in JOBS}
    name = claim.definition.name
    return known.get(name) or Job(name, claim.definition.task_type, "cron", claim.definition.schedule_text, "")


def _chance(claim: Claim) -> int:
    return crc32(f"{claim.execution.id}/{claim.execution.starts}".encode())


def _length(claim: Claim) -> timedelta:
    """About what its handler takes, between three quarters and five quarters of it."""
    return timedelta(seconds=_job(claim).seconds * (0.75 + _chance(claim) % 1_000 / 2_000))


def _outcome(claim: Claim, now: datetime) -> Outcome:
    job, execution = _job(claim), claim.execution
    full = job.name == "export_accounts"
    if job.fails_one_in and _chance(claim) % job.fails_one_in == 0 and (now >= BUCKET_FULL or not full):
        error = ErrorReport("BucketFullError", TRACEBACK) if full else ErrorReport("TimeoutError", "no answer in 10 s")
        retry = claim.definition.policy.retry
        return Failed(error, retry.decide(execution.id, attempts_used=execution.attempts_used + 1, failed_at=now))
    return Succeeded(json.dumps({"done": 40 + _chance(claim) % 60, "skipped": _chance(claim) % 3}))


def _log(claim: Claim) -> tuple[LogLine, ...]:
    at = claim.execution.available_at
    return (
        LogLine(at + timedelta(milliseconds=40), "INFO", f"started, attempt {claim.execution.starts}"),
        LogLine(at + timedelta(milliseconds=910), "WARNING", "the bank answers slowly, going on with the next invoice"),
        LogLine(at + timedelta(milliseconds=1_730), "INFO", "closed account=1094 invoices=17"),
    )


@asynccontextmanager
async def a_demo(*, days: int = 8, **environment: Any) -> AsyncIterator[Demo]:
    """The dashboard of those days on a free port of the loopback, for as long as the context lasts."""
    clock = ManualClock((END - timedelta(days=days)).replace(minute=0, second=0))
    settings = Settings(scheduler_port=0, **environment)
    async with AsyncExitStack() as leaving:
        stores = await leaving.enter_async_context(open_memory_store(clock, CountingEntropy(1)))
        container = Container(
            settings=settings,
            stores=stores,
            wakeup=RecordingWakeup(),
            clock=providers.Object(clock),
            entropy=providers.Object(CountingEntropy(2)),
            observer=providers.Object(RecordingObserver()),
        )
        leaving.enter_context(plain_log())
        demo = Demo(container, clock)
        await demo.live()
        state = ServiceState(lambda: True, lambda: None, ProcessMetrics(container.telling(), container.measure_store()))
        address = await leaving.enter_async_context(serve_admin(settings, container, state))
        demo.address = address.removesuffix("/admin/scheduler/")
        yield demo


async def _serve() -> None:
    async with a_demo() as demo:
        print(f"{demo.address}/admin/scheduler/")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
