"""The admin on a real socket over the memory store, and a client that keeps what each answer was."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import ClientSession, web

from adapters.cron_reference.croniter_reference import CroniterReference
from adapters.memory import open_memory_store
from adapters.memory.stores import MemoryStores
from adapters.telemetry.exposition import Exposition
from adapters.telemetry.meter import Meter
from application.scheduling.services.advise import Advise
from application.scheduling.services.apply_file import ApplyFile
from application.scheduling.services.backfill_task import BackfillTask
from application.scheduling.services.batch_change import BatchChange
from application.scheduling.services.change_task import ChangeTask
from application.scheduling.services.explain import Explain
from application.scheduling.services.hold_firing import HoldFiring
from application.scheduling.services.inspect_audit import InspectAudit
from application.scheduling.services.inspect_history import InspectHistory
from application.scheduling.services.inspect_tasks import InspectTasks
from application.scheduling.services.inspect_team import InspectTeam
from application.scheduling.services.manage_tasks import ManageTasks
from application.scheduling.services.measure_store import MeasureStore
from application.scheduling.services.preview import Preview
from application.scheduling.services.redrive_execution import RedriveExecution
from application.scheduling.services.redrive_many import RedriveMany
from application.scheduling.services.restore_version import RestoreVersion
from application.scheduling.services.second_opinion import SecondOpinion
from application.scheduling.services.statistics import ReadStatistics
from application.scheduling.services.task_quota import TaskQuota
from application.scheduling.services.veil import VeiledHistory, VeiledTasks
from entrypoints.metrics import ProcessMetrics
from entrypoints.web.app import WebServices, WebSettings, create_app, create_runner
from entrypoints.web.doors.veil import is_veiled
from entrypoints.web.feed import ChangeFeed
from entrypoints.web.keys import SETTINGS, AccessServices
from tests.conformance.store_under_test import StoreUnderTest
from tests.integration.web.declared import check_declared
from tests.support.doors import Doors
from tests.support.manual_clock import ManualClock
from tests.support.plain_log import plain_log
from tests.support.recorders import CountingEntropy, RecordingObserver, RecordingWakeup

PREFIX = "/admin/scheduler"
TASKS = f"{PREFIX}/api/scheduled-tasks"
PAGE = f"{PREFIX}/scheduled-tasks"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LOOK_EVERY = timedelta(milliseconds=10)
HTML = {"Accept": "text/html,*/*;q=0.8"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def faults(self) -> list[tuple[str, str]]:
        """Pointer and code of each error of a problem."""
        return [(error.get("pointer", ""), error["code"]) for error in self.json["errors"]]


@dataclass(slots=True)
class Loops:
    """Whether the process says that its loops run, and what it knows against its store."""

    running: bool = True
    weakness: str | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The server, its clock and its store."""

    clock: ManualClock
    stores: MemoryStores
    store: StoreUnderTest
    loops: Loops
    app: web.Application
    url: str
    session: ClientSession
    doors: Doors
    quota: TaskQuota
    wakeup: RecordingWakeup = field(default_factory=RecordingWakeup)

    async def call(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Send a request, the body as JSON unless it is raw; redirects are not followed.

        Whatever the API answers has to be what its description declares.
        """
        if body is not None:
            raw, headers = json.dumps(body).encode(), {**JSON, **headers}
        async with self.session.request(method, path, data=raw, headers=headers, allow_redirects=False) as response:
            answer = Answer(response.status, response.headers.copy(), await response.text())
        if method != "HEAD":
            prefix = self.app[SETTINGS].prefix
            check_declared(prefix, method, response.url.path, answer.status, response.content_type, answer.text)
        return answer

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.call("GET", path, headers=headers)

    async def page(self, path: str) -> Answer:
        """Ask as a browser does."""
        return await self.call("GET", path, headers=HTML)

    async def form(self, path: str, fields: str = "", **headers: str) -> Answer:
        """Send a form as a browser does from one of our own pages."""
        shown = {**HTML, **FORM, "Sec-Fetch-Site": "same-origin", **headers}
        return await self.call("POST", path, raw=fields.encode(), headers=shown)

    async def create(self, name: str = "report", **fields: Any) -> dict[str, Any]:
        """Create a task by the API; the document of it."""
        answer = await self.call("POST", TASKS, a_body(name=name, **fields))
        assert answer.status == 201, answer.text
        document: dict[str, Any] = answer.json
        return document

    def kept(self) -> str:
        """Everything the store keeps, as text: two of them are equal if nothing was stored in between."""
        state = self.stores.state
        return repr((state.tasks, state.executions, state.changes_by_key))


def a_body(**fields: Any) -> dict[str, Any]:
    """The guide's minimal body, but for what the test says."""
    return {
        "name": "report",
        "task_type": "maintenance",
        "schedule_type": "cron",
        "schedule": "0 2 * * *",
        "timezone": "UTC",
        "payload": {},
        **fields,
    }


@asynccontextmanager
async def serving(settings: WebSettings, *, admin_token: str | None = None) -> AsyncIterator[Dashboard]:
    """Serve the dashboard on a free port of the loopback for as long as the context lasts."""
    clock, entropy, loops, wakeup = ManualClock(), CountingEntropy(1), Loops(), RecordingWakeup()
    async with open_memory_store(clock, CountingEntropy(2)) as stores:

        async def cut_off() -> None:
            stores.state.available = False

        async def spoil(task_id: str) -> None:
            stores.state.tasks[task_id].error = "spoilt by a test"  # type: ignore[index]

        async def mend(task_id: str) -> None:
            stores.state.tasks[task_id].error = None  # type: ignore[index]

        tasks, history = VeiledTasks(stores.tasks, is_veiled), VeiledHistory(stores.history, is_veiled)
        change_task = ChangeTask(
            stores.tasks, clock, wakeup, RecordingObserver(), quota := TaskQuota(stores.history, clock)
        )
        doors = Doors(stores.access, stores.trail, clock, entropy, admin_token)
        measure = MeasureStore(stores.tasks, stores.history, stores.figures, stores.membership, stores.holds, clock)
        metrics = ProcessMetrics(Exposition(Meter()), measure)
        services = WebServices(
            manage=(manage := ManageTasks(change_task, stores.executions, stores.membership, entropy)),
            inspect=InspectTasks(tasks, history, stores.figures, stores.membership, clock, stores.fault, stores.holds),
            statistics=(statistics := ReadStatistics(stores.figures, history, stores.membership, clock)),
            past=InspectHistory(history),
            explain=Explain(history, stores.membership, stores.holds, stores.trail),
            restore=RestoreVersion(change_task, stores.history, stores.membership),
            redrive=(redrive := RedriveExecution(change_task, stores.history, stores.membership)),
            redrive_many=RedriveMany(redrive),
            backfill=BackfillTask(change_task, stores.history, entropy),
            batch=BatchChange(change_task, stores.history, entropy),
            apply=ApplyFile(manage, stores.history),
            preview=Preview(clock),
            advise=Advise(statistics, SecondOpinion(CroniterReference())),
            access=AccessServices(
                identify=doors.identify,
                sign_in=doors.sign_in,
                set_up=doors.set_up,
                account=doors.account,
                users=doors.users,
                tokens=doors.tokens,
                refusals=doors.refusals,
                trail=doors.trail,
            ),
            audit=InspectAudit(history),
            team=InspectTeam(stores.membership, history),
            hold=HoldFiring(stores.holds, wakeup, doors.log),
            feed=ChangeFeed(stores.news, RecordingObserver(), look_every=LOOK_EVERY),
            clock=clock,
            entropy=entropy,
            ready=lambda: loops.running,
            weakness=lambda: loops.weakness,
            metrics=metrics.text,
        )
        app = create_app(services, settings)
        runner = create_runner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            url = f"http://{host}:{port}"
            store = StoreUnderTest(clock, stores, cut_off, spoil, mend)
            with plain_log():
                async with ClientSession(url) as session:
                    yield Dashboard(clock, stores, store, loops, app, url, session, doors, quota, wakeup)
        finally:
            await runner.cleanup()
