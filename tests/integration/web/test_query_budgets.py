"""No page and no answer asks the store more questions the more there is: each has its budget."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession
from sqlalchemy import event

from adapters.sql.store import SqlStore, open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.ports.history import ExecutionFilter, TaskFilter, TaskOrder
from application.scheduling.ports.membership import Member
from application.scheduling.ports.task_store import Applied
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import NodeId
from domain.scheduling.mutation import delete, edit
from entrypoints.admin import ServiceState, serve_admin
from entrypoints.container import Container
from entrypoints.hints import Hints
from entrypoints.metrics import ProcessMetrics
from entrypoints.settings import Settings
from entrypoints.web.doors.access import Permission
from entrypoints.web.routes import ROUTES
from tests.integration.web.dashboard import PREFIX
from tests.support.builders import a_change, a_creation, a_definition
from tests.support.stock import stock

BUDGET = 25
FEW, MANY = 3, 50
RUNS = 60
# One never ends; the others are about people, of whom a service without a login knows none.
LEFT_OUT = {"/events", "/account", "/users", "/api/users", "/api/users/{name}/sessions", "/api/tokens"}
# What an address needs behind its path, and how a name in it is to be filled in.
QUERIES = {
    "/api/scheduled-tasks/{task_id}/explain": "?at=2024-01-15T12:00:00Z",
    "/dead-letters/redrive": "?{dead}",
    "/scheduled-tasks/batch": "?action=pause&scope=page",
}
NAMES = {"version": "1", "between": "1..2", "name": "live.js", "kind": "not_found"}
# Questions about many tasks at once, beside the one above.
QUESTIONS = {
    f"/scheduled-tasks/batch?action={action}&scope=all" for action in ("resume", "run", "delete", "undelete")
} | {"/dead-letters/redriven?started={dead_ids}"}
ADDRESSES = sorted(
    {
        route.path + QUERIES.get(route.path, "")
        for route in ROUTES
        if route.method == "GET" and route.permission is not Permission.PUBLIC and route.path not in LEFT_OUT
    }
    | QUESTIONS
)
AT_ROOT = {route.path for route in ROUTES if route.at_root and route.permission is not Permission.PUBLIC}

Spent = dict[str, tuple[int, int]]


@contextmanager
def _counted(store: SqlStore) -> Iterator[Counter[str]]:
    """How many statements are sent meanwhile, by their first word."""
    sent: Counter[str] = Counter()

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        sent[statement.split(maxsplit=1)[0]] += 1

    engines = [each.sync_engine for each in (store.database.writer, store.database.reader, store.database.browser)]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield sent
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


@asynccontextmanager
async def _served(path: Path) -> AsyncIterator[tuple[SqlStore, ClientSession, str]]:
    async with open_sqlite_store(path, SystemClock(), SystemEntropy()) as store:
        container = Container(
            settings=Settings(scheduler_port=0, scheduler_store_path=path), stores=store, wakeup=Hints()
        )
        state = ServiceState(lambda: True, lambda: None, ProcessMetrics(container.telling(), container.measure_store()))
        async with serve_admin(container.settings(), container, state) as base, ClientSession() as session:
            yield store, session, base.removesuffix(f"{PREFIX}/")


async def _names(store: SqlStore) -> dict[str, str]:
    """What stands for the names in an address: a task of two versions without open work, its dead, and all dead."""
    page = await store.history.tasks(TaskFilter(), order=TaskOrder.NAME, descending=False, limit=FEW, cursor=None)
    task = next(each for each in page.tasks if not each.open)
    described = replace(task.definition, description="otherwise")
    await store.tasks.mutate([edit(task, described, a_change(at=SystemClock().now()))])
    dead = ExecutionFilter(task.id, frozenset({ExecutionState.DEAD}))
    (found,) = (await store.history.executions(dead, limit=1, cursor=None)).executions
    all_dead = ExecutionFilter(states=frozenset({ExecutionState.DEAD}))
    ids = [each.execution.id for each in (await store.history.executions(all_dead, limit=50, cursor=None)).executions]
    named = {"dead": "&".join(f"ids={each}" for each in ids), "dead_ids": ",".join(ids)}
    return {**NAMES, **named, "task_id": task.id, "execution_id": found.execution.id}


async def _leave_deleted(store: SqlStore, count: int) -> None:
    """Tasks that can be brought back."""
    clock, entropy = SystemClock(), SystemEntropy()
    gone = [
        a_creation(a_definition(f"gone {number}"), at=clock.now(), task_id=entropy.identifier())
        for number in range(count)
    ]
    await store.tasks.mutate(gone)
    change = a_change(ChangeAction.DELETE, at=clock.now())
    assert all(
        isinstance(each, Applied) for each in await store.tasks.mutate([delete(one.after, change) for one in gone])
    )


async def _spent(path: Path, tasks: int) -> Spent:
    """For each address the status of its answer and how many statements that took."""
    await stock(path, tasks=tasks, runs=RUNS)
    found: Spent = {}
    async with _served(path) as (store, session, base):
        member = Member(NodeId("node"), frozenset({"scheduler", "worker"}), "host", 1, SystemClock().now(), (), 5)
        await store.membership.announce(member)
        await _leave_deleted(store, tasks)
        names = await _names(store)
        for address in ADDRESSES:
            with _counted(store) as sent:
                where = address if address in AT_ROOT else f"{PREFIX}{address}"
                async with session.get(base + where.format(**names), allow_redirects=False) as answer:
                    await answer.read()
            found[address] = (answer.status, sent["SELECT"] + sent["INSERT"] + sent["UPDATE"] + sent["DELETE"])
    return found


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Spent, Spent]:
    folder = tmp_path_factory.mktemp("stores")
    return asyncio.run(_spent(folder / "few.db", FEW)), asyncio.run(_spent(folder / "many.db", MANY))


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_asks_as_much_of_many_tasks_as_of_few(address: str, spent: tuple[Spent, Spent]) -> None:
    (few_status, few), (many_status, many) = (each[address] for each in spent)

    assert few_status == many_status < 400
    assert few == many <= BUDGET


def test_the_list_of_addresses_is_no_empty_promise() -> None:
    assert {"/scheduled-tasks", "/scheduled-tasks/{task_id}", "/api/stats", "/executions"} <= set(ADDRESSES)
