"""Two connections to one store: a step of one is under way, not committed, while the other begins its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.postgres_address import address_of
from adapters.sql.store import PostgresStores, open_postgres_store
from application.scheduling.ports.execution_store import Beat, Held, Lost, Settlement
from application.scheduling.ports.task_store import Applied, Committed, Decision, Moved, NameTaken, Replayed
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.mutation import edit
from domain.scheduling.outcome import Succeeded
from tests.conformance.store_under_test import OTHER_WORKER, WORKER, StoreUnderTest
from tests.support.builders import MINUTE, a_change, a_creation, a_definition
from tests.support.manual_clock import ManualClock
from tests.support.postgres_servers import PostgresServer
from tests.support.recorders import CountingEntropy
from tests.support.waiting import eventually

Answer = TypeVar("Answer")
Step = Callable[[AsyncConnection], Awaitable[object]]
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two processes on one store, and its server."""

    server: PostgresServer
    ours: StoreUnderTest
    theirs: StoreUnderTest

    async def beside(self, step: Step, call: Callable[[], Awaitable[Answer]], *, waits: bool = True) -> Answer:
        """What `call` answers that is made while our `step` is carried out and not committed."""
        async with asyncio.TaskGroup() as group, _database(self.ours).writing("a step") as connection:
            await step(connection)
            made = group.create_task(_made(call))
            # Only then the step is committed.
            await eventually(lambda: self.server.run(WAITING) == [("1",)] if waits else made.done())
        return made.result()


async def _made(call: Callable[[], Awaitable[Answer]]) -> Answer:
    return await call()


def _database(store: StoreUnderTest) -> Any:
    assert isinstance(store.stores, PostgresStores)
    return store.stores.database


def unbroken() -> tuple[Any, Any, Any]:
    """What breaks a store in the conformance tests; here it is not broken."""

    async def never(*_: object) -> None:
        raise AssertionError("it is not broken here")

    return never, never, never


@pytest.fixture
async def pair(server: PostgresServer, template: str, request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    address = address_of(server.database(f"copy_{abs(hash(request.node.name))}", template=template))
    clock = ManualClock()
    async with (
        open_postgres_store(address, CountingEntropy(), clock=clock) as ours,
        open_postgres_store(address, None, clock=clock) as theirs,
    ):
        yield Pair(server, *(StoreUnderTest(clock, each, *unbroken()) for each in (ours, theirs)))


async def test_a_firing_that_waited_for_an_edit_has_moved(pair: Pair) -> None:
    ours: Any = pair.ours.tasks
    task = await pair.ours.add()
    pair.ours.clock.advance(MINUTE)
    now = pair.ours.clock.now()
    change = edit(task, replace(task.definition, description="another"), a_change(ChangeAction.EDIT, at=now))
    decision = Decision(task, fire(task, now))

    answers = await pair.beside(
        lambda connection: ours._mutated([change], connection), lambda: pair.theirs.tasks.commit_firings([decision])
    )

    assert list(answers) == [Moved()]


async def test_an_outcome_that_waited_for_an_edit_is_counted_on_the_task_as_it_is_now(pair: Pair) -> None:
    ours: Any = pair.ours.tasks
    task = await pair.ours.add()
    claim = await pair.ours.started(task)
    read = await pair.ours.read(task)
    change = a_change(ChangeAction.EDIT, at=pair.ours.clock.now())
    edited = edit(read, replace(read.definition, description="another"), change)

    answer = await pair.beside(
        lambda connection: ours._mutated([edited], connection), lambda: pair.theirs.settle(claim)
    )

    assert answer.state is ExecutionState.SUCCEEDED  # type: ignore[union-attr]
    after = await pair.ours.read(task)
    assert (after.version, after.open, after.last_state) == (2, (), ExecutionState.SUCCEEDED)


async def test_of_two_commits_of_one_firing_the_one_that_waited_has_moved(pair: Pair) -> None:
    ours: Any = pair.ours.tasks
    task = await pair.ours.add()
    pair.ours.clock.advance(MINUTE)
    decision = Decision(task, fire(task, pair.ours.clock.now()))

    answers = await pair.beside(
        lambda connection: ours._committed([decision], connection),
        lambda: pair.theirs.tasks.commit_firings([decision]),
    )

    assert list(answers) == [Moved()]
    assert (await pair.ours.read(task)).run_count == 1


async def test_a_cancellation_that_waited_for_a_claim_asks_its_holder_to_stop(pair: Pair) -> None:
    ours: Any = pair.ours.executions
    (execution_id,) = await pair.ours.fired(await pair.ours.add())
    token, now = pair.ours.token(), pair.ours.clock.now()

    async def claim(connection: AsyncConnection) -> None:
        (taken,) = await ours._claims.take(connection, WORKER, [token], None, now, isolated=False)
        assert taken.execution.id == execution_id

    change = a_change(ChangeAction.CANCEL, at=now)
    answer = await pair.beside(claim, lambda: pair.theirs.executions.cancel(execution_id, change))

    assert answer is not None
    assert answer.state is ExecutionState.RUNNING
    told = await pair.theirs.executions.heartbeat(WORKER, [Beat(execution_id, token)])
    assert not told.lost
    assert told.cancelled == {token}


async def test_a_claim_leaves_alone_what_is_being_cancelled(pair: Pair) -> None:
    ours: Any = pair.ours.executions
    (execution_id,) = await pair.ours.fired(await pair.ours.add())
    change = a_change(ChangeAction.CANCEL, at=pair.ours.clock.now())

    claims = await pair.beside(
        lambda connection: ours._cancelled(execution_id, change, connection),
        lambda: pair.theirs.executions.claim(WORKER, [pair.ours.token()]),
        waits=False,
    )

    assert claims == []
    assert await pair.ours.state(execution_id) is ExecutionState.CANCELLED


async def test_a_claim_takes_what_another_that_is_under_way_does_not(pair: Pair) -> None:
    ours: Any = pair.ours.executions
    ids = [(await pair.ours.fired(await pair.ours.add(a_definition(name))))[0] for name in ("one", "two")]
    token, now = pair.ours.token(), pair.ours.clock.now()
    fences: list[int] = []

    async def claim(connection: AsyncConnection) -> None:
        (taken,) = await ours._claims.take(connection, WORKER, [token], None, now, isolated=False)
        fences.append(taken.execution.fence)

    (claimed,) = await pair.beside(
        claim, lambda: pair.theirs.executions.claim(OTHER_WORKER, [pair.ours.token()]), waits=False
    )

    assert claimed.execution.id == ids[1]
    assert claimed.execution.fence > fences[0]


async def test_an_outcome_that_waited_for_a_heartbeat_is_accepted(pair: Pair) -> None:
    ours: Any = pair.ours.executions
    claim = await pair.ours.started(await pair.ours.add())
    beat = Beat(claim.execution.id, claim.token)

    answer = await pair.beside(
        lambda connection: ours._kept_alive([beat], connection), lambda: pair.theirs.settle(claim)
    )

    assert not isinstance(answer, Lost)


async def test_a_heartbeat_that_waited_for_an_outcome_is_lost(pair: Pair) -> None:
    ours: Any = pair.ours.executions
    claim = await pair.ours.started(await pair.ours.add())
    settlement = Settlement(claim.execution.id, claim.token, Succeeded())

    lost, _ = await pair.beside(
        lambda connection: ours._settled([settlement], connection), lambda: pair.theirs.beat(claim)
    )

    assert lost


async def test_a_rescue_that_waited_for_a_heartbeat_takes_nothing(pair: Pair) -> None:
    ours: Any = pair.ours.executions
    claim = await pair.ours.started(await pair.ours.add())
    held = await pair.theirs.executions.held()
    assert held == [Held(claim.execution.id, claim.token, WORKER, 0)]

    rescued = await pair.beside(
        lambda connection: ours._kept_alive([Beat(claim.execution.id, claim.token)], connection),
        lambda: pair.theirs.executions.rescue(held),
    )

    assert rescued == []
    assert await pair.ours.state(claim.execution.id) is ExecutionState.RUNNING


async def test_a_name_that_another_takes_meanwhile_is_taken(pair: Pair) -> None:
    ours: Any = pair.ours.tasks
    first, second = a_creation(), a_creation(task_id="another")

    answer = await pair.beside(
        lambda connection: ours._mutated([first], connection), lambda: pair.theirs.mutate(second)
    )

    assert answer == NameTaken(first.after.id)


async def test_a_change_that_another_makes_meanwhile_is_answered_as_done(pair: Pair) -> None:
    ours: Any = pair.ours.tasks
    first, second = a_creation(key="once"), a_creation(key="once", task_id="another")

    answer = await pair.beside(
        lambda connection: ours._mutated([first], connection), lambda: pair.theirs.mutate(second)
    )

    assert answer == Replayed(first.after.id, 1, None)


async def test_a_change_committed_after_a_mark_is_told_though_it_was_written_down_before_it(pair: Pair) -> None:
    ours: Any = pair.ours.tasks
    news = pair.theirs.news

    async def another_and_its_mark() -> str:
        assert isinstance(await pair.theirs.mutate(a_creation(a_definition("second"))), Applied)
        return (await news.since(None, limit=9)).mark

    mark = await pair.beside(
        lambda connection: ours._mutated([a_creation(a_definition("first"))], connection),
        another_and_its_mark,
        waits=False,
    )
    told = await news.since(mark, limit=9)

    assert (told.tasks, told.is_complete) == (("id-first",), True)
    assert (await news.since(told.mark, limit=9)).tasks == ()


async def test_whoever_races_for_everything_shares_it_out(pair: Pair) -> None:
    tasks = [await pair.ours.add(a_definition(f"task {number}")) for number in range(20)]
    pair.ours.clock.advance(MINUTE)
    decisions = [Decision(task, fire(task, pair.ours.clock.now())) for task in tasks]
    stores = (pair.ours, pair.theirs) * 2

    async with asyncio.TaskGroup() as group:
        # In opposite orders, which must not be those of the locks.
        orders = (decisions, decisions[::-1]) * 2
        commits = [
            group.create_task(_made(lambda store=store, order=order: store.tasks.commit_firings(order)))  # type: ignore[misc]
            for store, order in zip(stores, orders, strict=True)
        ]
    async with asyncio.TaskGroup() as group:
        tokens = [[pair.ours.token() for _ in range(7)] for _ in stores]
        claims = [
            group.create_task(_made(lambda store=store, mine=mine: store.executions.claim(WORKER, mine)))  # type: ignore[misc]
            for store, mine in zip(stores, tokens, strict=True)
        ]

    answers = [answer for commit in commits for answer in commit.result()]
    assert sum(isinstance(answer, Committed) for answer in answers) == len(tasks)
    taken = [claim.execution.id for each in claims for claim in each.result()]
    assert (len(taken), len(set(taken))) == (20, 20)
