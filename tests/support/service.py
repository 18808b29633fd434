"""The real service as a user starts it, for tests that look at it from outside."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.exposition import Samples, samples_of
from tests.support.repository import ROOT

START_SECONDS = 30.0
API = "/admin/scheduler/api"


async def eventually(question: Callable[[], Any], *, within: float = 20.0) -> Any:
    """The first truthy answer of `question` (which may be async); AssertionError if there is none in time."""
    answer: Any = None
    try:
        async with asyncio.timeout(within):
            while True:
                answer = question()
                if asyncio.iscoroutine(answer):
                    answer = await answer
                if answer:
                    return answer
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {within} s: {question}; last answer {answer!r}") from None


def started(pid: int) -> int:
    """When a process started, in ticks since the machine did (proc(5)); 0 if it is gone meanwhile."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except FileNotFoundError:
        return 0


@dataclass(slots=True)
class Service:
    """One run of the service in a folder of its own; `token` is what its dashboard is asked with."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    program: str = "entrypoints.scheduler"
    token: str | None = None
    ready_within: float = START_SECONDS
    process: asyncio.subprocess.Process | None = None
    address: str = ""
    session: aiohttp.ClientSession | None = None

    async def launch(self, *options: str) -> None:
        """Start it, and wait for nothing."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SCHEDULER_")},  # noqa: TID251
            "PYTHONPATH": str(ROOT),
            "SCHEDULER_STORE_PATH": str(self.folder / "scheduler.db"),
            "SCHEDULER_CONTENT_PATH": str(self.folder / "content.db"),
            "SCHEDULER_LOG_FORMAT": "human",
            "SCHEDULER_PROCESSORS": "tests.support.chores:processors",
            **self.environment,
        }
        log = (self.folder / "service.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self.program,
            "--port",
            "0",
            *options,
            cwd=ROOT,
            env=environment,
            stderr=log,
        )
        log.close()

    async def start(self) -> None:
        """Start it and wait until it says it is ready, and its dashboard, if it has one, says the same."""
        offset = len(self.log().encode())
        await self.launch()
        greeting = await eventually(lambda: self._greeting(offset), within=self.ready_within)
        if "dashboard at " in greeting:
            self.address = greeting.split("dashboard at ")[1].split("/admin")[0]
            self.session = self.session or aiohttp.ClientSession(headers=self._headers())
            await eventually(lambda: self.call("GET", "/../../../health/ready", expect=None), within=self.ready_within)

    async def stop(self) -> int:
        """SIGTERM, and its exit code."""
        return await self._ended_by(signal.SIGTERM)

    async def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        assert self.process is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            raise

    async def kill(self) -> None:
        """SIGKILL for the service alone; what becomes of its child is what the test looks at."""
        await self._ended_by(signal.SIGKILL)

    def worker_pid(self) -> int | None:
        """The process id of the worker child that claims: the youngest."""
        return max(self.worker_pids(), key=started, default=None)

    def worker_pids(self) -> tuple[int, ...]:
        """The process ids of the worker children: several while one hands over to the next."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return tuple(map(int, children))

    async def call(self, method: str, path: str, body: Any = None, *, expect: int | None = 200) -> Any:
        """The JSON of an answer of the API; `expect` None: None instead of an answer that is not 200."""
        assert self.session is not None
        async with self.session.request(method, f"{self.address}{API}{path}", json=body) as response:
            if expect is None and response.status != 200:
                return None
            assert response.status == (expect or 200), await response.text()
            return await response.json() if response.content_type.endswith("json") else await response.text()

    async def page(self, path: str) -> str:
        """The HTML of a page."""
        assert self.session is not None
        async with self.session.get(f"{self.address}/admin/scheduler{path}") as response:
            assert response.status == 200, await response.text()
            return await response.text()

    async def figures(self) -> Samples:
        """What its dashboard tells Prometheus."""
        assert self.session is not None
        async with self.session.get(f"{self.address}/metrics") as response:
            assert response.status == 200, await response.text()
            return samples_of(await response.text())

    async def create(self, name: str, **fields: Any) -> str:
        """A task of type chores; its id."""
        body = {"name": name, "task_type": "chores", "schedule_type": "interval", "schedule": "365d", **fields}
        return str((await self.call("POST", "/scheduled-tasks", body, expect=201))["id"])

    async def run_now(self, task_id: str) -> str:
        """A run; the id of the execution."""
        answer = await self.call("POST", f"/scheduled-tasks/{task_id}/run", {}, expect=202)
        return str(answer["execution_id"])

    async def finished(self, execution_id: str, *, within: float = 20.0) -> dict[str, Any]:
        """The execution once it is in a final state."""

        async def look() -> Any:
            found = await self.call("GET", f"/executions/{execution_id}")
            return found if found["finished_at"] else None

        return dict(await eventually(look, within=within))

    def log(self) -> str:
        """Everything it has logged."""
        log = self.folder / "service.log"
        return log.read_text() if log.exists() else ""

    async def _ended_by(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(60):
            return await self.process.wait()

    def _headers(self) -> dict[str, str]:
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    def _greeting(self, offset: int) -> str | None:
        """The line by which it says that it is ready, behind so many bytes of its log."""
        assert self.process is not None
        assert self.process.returncode is None, self.log()
        with (self.folder / "service.log").open("rb") as log:
            log.seek(offset)
            lines = log.read().decode().splitlines()
        return next((line for line in lines if "Ready: tasks in " in line), None)


@asynccontextmanager
async def running(folder: Path, **environment: str) -> AsyncIterator[Service]:
    """The service for as long as the context lasts; whatever is left of it is ended afterwards."""
    service = Service(folder, environment)
    try:
        await service.start()
        yield service
    finally:
        if service.session is not None:
            await service.session.close()
        if service.process is not None and service.process.returncode is None:
            await service.stop()
