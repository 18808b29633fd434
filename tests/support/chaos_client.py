"""People and programs that use the API all through a run, and write down what they asked and what they were told.

Each request carries an Idempotency-Key. An answer below 500 is final; anything else (a refused or broken connection,
silence, a store that is not there) leaves it unknown whether the request was carried out, and it is asked again with
the same key until there is an answer or the run is over.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp

from tests.support.chaos_control import MICROSECONDS
from tests.support.chaos_ground import Ground
from tests.support.chaos_ledger import REQUESTS, append
from tests.support.chaos_load import SCHEDULES, Body, a_poison, a_task, another_task, iso, tasks
from tests.support.service import API

TRY_SECONDS = 3.0
PAUSE_SECONDS = 0.1
# As much as one machine can run every second or two, beside the faults.
KNOWN_MAX = 60
QUIESCE = "the run is over"
# Their schedules must stay as they are: the oracle does not count what a task still may run.
KEPT = frozenset({"limited", "poison"})
_BROKEN = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Request:
    """One wish; asked again, it is the same to the byte."""

    kind: str
    method: str
    path: str
    key: str
    body: Body | None = None
    if_version: int | None = None
    task_id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back in the end."""

    status: int
    body: Any
    replayed: bool


@dataclass(slots=True)
class Client:
    """One user; `known` (id to name) is shared by all of a run.

    It asks one scheduler until that does not answer, and then another: `door` counts them through.
    """

    ground: Ground
    random: Random
    name: str
    door: int
    known: dict[str, str]
    over: asyncio.Event
    _count: int = 0
    _done: list[Request] = field(default_factory=list)

    async def settle_in(self, *, with_poison: bool) -> None:
        """Create what there is from the beginning."""
        for body in tasks(self.ground.folder):
            await self._create(body)
        if with_poison:
            await self._create(a_poison(self.ground.folder, self._now()))

    async def live(self, *, pause: float) -> None:
        """Wish after wish until the run is over."""
        while not self.over.is_set():
            await self._wish()
            await asyncio.sleep(self.random.uniform(0, 2 * pause))

    async def put_to_rest(self, task_id: str) -> None:
        """Pause a task for good."""
        await self._on(task_id, "pause", "POST", "/pause", {"reason": QUIESCE, "until": None})

    async def _wish(self) -> None:
        wish = self.random.choices(_WISHES, _WEIGHTS)[0]
        await wish(self, self.random.choice(list(self.known)))

    async def _create_another(self, task_id: str) -> None:
        if len(self.known) >= KNOWN_MAX:
            await self._delete(task_id)
            return
        await self._create(another_task(self.ground.folder, self._new_key(), self.random, self._now()))

    async def _edit(self, task_id: str) -> None:
        payload = {"folder": str(self.ground.folder), "seconds": self.random.choice((0.0, 0.2, 1.2))}
        await self._on(task_id, "edit", "PATCH", "", {"payload": payload})

    async def _reschedule(self, task_id: str) -> None:
        if self.known[task_id] not in KEPT:
            schedule_type, text, timezone = self.random.choice(SCHEDULES)
            patch = {"schedule_type": schedule_type, "schedule": text, "timezone": timezone}
            await self._on(task_id, "edit", "PATCH", "", patch)

    async def _pause(self, task_id: str) -> None:
        body = {"reason": self._new_key(), "mode": self.random.choice(("drain", "now"))}
        until = {"until": iso(self._now() + 2)} if self.random.random() < 0.7 else {}
        await self._on(task_id, "pause", "POST", "/pause", {**body, **until})

    async def _resume(self, task_id: str) -> None:
        missed = self.random.choice(("skip", "latest", "all"))
        await self._on(task_id, "resume", "POST", "/resume", {"missed": missed})

    async def _run(self, task_id: str) -> None:
        await self._on(task_id, "run", "POST", "/run", {})

    async def _run_beside(self, task_id: str) -> None:
        await self._on(task_id, "run beside", "POST", "/run", {"overlap": "allow"})

    async def _delete(self, _task_id: str) -> None:
        """One of those that it has created itself."""
        if own := [each for each, name in self.known.items() if name.startswith(self.name)]:
            task_id = self.random.choice(own)
            del self.known[task_id]
            await self._on(task_id, "delete", "DELETE", "", None)

    async def _create(self, body: Body) -> None:
        answer = await self.ask(Request("create", "POST", "/scheduled-tasks", self._new_key(), body))
        if answer is not None and answer.status == 201:
            self.known[answer.body["id"]] = body["name"]

    async def _on(
        self, task_id: str, kind: str, method: str, path: str, body: Body | None, if_version: int | None = None
    ) -> Answer | None:
        path = f"/scheduled-tasks/{task_id}{path}"
        return await self.ask(Request(kind, method, path, self._new_key(), body, if_version, task_id))

    async def _contest(self, task_id: str) -> None:
        """Two edits of one version at once, of which one may win."""
        found = await self._try("GET", f"/scheduled-tasks/{task_id}", {}, None)
        if found is None or found.status != 200:
            return
        version = found.body["version"]
        async with asyncio.TaskGroup() as both:
            for _ in range(2):
                body = {"tags": [self._new_key()]}
                both.create_task(self._on(task_id, "edit", "PATCH", "", body, version))

    async def _repeat(self, _task_id: str) -> None:
        if self._done:
            await self.ask(self.random.choice(self._done))

    async def _misuse(self, _task_id: str) -> None:
        """The key of an earlier request for another one."""
        if self._done:
            key = self.random.choice(self._done).key
            body = a_task(self.ground.folder, f"{key} misused", SCHEDULES[0])
            await self.ask(Request("misuse", "POST", "/scheduled-tasks", key, body))

    async def ask(self, request: Request) -> Answer | None:
        """Ask until there is an answer; None if the run ended without one."""
        journal = self.ground.folder / REQUESTS
        facts = {"kind": request.kind, "key": request.key, "task": request.task_id, "if_version": request.if_version}
        append(journal, what="invoke", **facts)
        headers = {"Idempotency-Key": request.key}
        if request.if_version is not None:
            headers["If-Match"] = f'"{request.if_version}"'
        while (answer := await self._try(request.method, request.path, headers, request.body)) is None:
            if self.over.is_set():
                append(journal, what="unknown", **facts)
                return None
            await asyncio.sleep(PAUSE_SECONDS)
        append(journal, what="answer", status=answer.status, replayed=answer.replayed, **facts, **_named(answer))
        if answer.status < 400 and request.kind != "misuse":
            self._done.append(request)
        return answer

    async def _try(self, method: str, path: str, headers: dict[str, str], body: Body | None) -> Answer | None:
        service = self.ground.schedulers[self.door % len(self.ground.schedulers)]
        assert service.session is not None
        limit = aiohttp.ClientTimeout(total=TRY_SECONDS)
        url = f"{service.address}{API}{path}"
        try:
            async with service.session.request(method, url, json=body, headers=headers, timeout=limit) as response:
                content = await response.json() if response.content_type.endswith("json") else None
                replayed = response.headers.get("Idempotency-Replayed") == "true"
        except _BROKEN:
            self.door += 1
            return None
        return Answer(response.status, content, replayed) if response.status < 500 else None

    def _new_key(self) -> str:
        self._count += 1
        return f"{self.name}-{self._count}"

    def _now(self) -> int:
        return self.ground.controls.wall() // MICROSECONDS


_OFTEN: dict[Callable[[Client, str], Awaitable[None]], int] = {
    Client._create_another: 4,
    Client._edit: 3,
    Client._reschedule: 3,
    Client._pause: 3,
    Client._resume: 6,
    Client._run: 6,
    Client._run_beside: 2,
    Client._delete: 2,
    Client._contest: 2,
    Client._repeat: 3,
    Client._misuse: 1,
}
_WISHES, _WEIGHTS = tuple(_OFTEN), tuple(_OFTEN.values())


def _named(answer: Answer) -> dict[str, Any]:
    """What an answer names: a task (and its version) or an execution; a refusal its code."""
    body = answer.body if isinstance(answer.body, dict) else {}
    if answer.status >= 400:
        return {"code": body.get("code")}
    return {"id": body.get("execution_id") or body.get("id"), "version": body.get("version")}
