"""Every port when the back end does not answer, and when a call is cut short."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Beat, Held, Settlement
from application.scheduling.ports.history import ExecutionFilter, Retention, TaskFilter, TaskOrder
from application.scheduling.ports.membership import Member
from application.scheduling.ports.task_store import Decision
from domain.access.account import ApiToken, Session, User
from domain.access.role import Role
from domain.access.throttle import LoginKeys
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId, TaskId
from domain.scheduling.outcome import Succeeded
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.accounts import TESTER
from tests.support.builders import MINUTE, a_change, a_creation, a_definition, a_task
from tests.support.manual_clock import NOON

Call = Callable[[StoreUnderTest], Awaitable[object]]

# From before the back end has heard of a call to after it has answered.
TURNS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233)

NOBODY, NOTHING, TOKEN = TaskId("nobody"), ExecutionId("nothing"), ClaimToken("0" * 32)
MEMBER = Member(NodeId("node"), frozenset({"worker"}), "host", 1, NOON)
SOMEBODY = User("somebody", Role.VIEWER, NOON)
DECISION = Decision(a_task(), fire(a_task(), NOON + MINUTE))

CALLS: dict[str, Call] = {
    "due": lambda store: store.tasks.due(EVERYTHING, until=NOON, limit=1),
    "next_look_at": lambda store: store.tasks.next_look_at(EVERYTHING),
    "get": lambda store: store.tasks.get(NOBODY),
    "find": lambda store: store.tasks.find("nobody"),
    "scan": lambda store: store.tasks.scan(after=None, limit=1),
    "commit_firings": lambda store: store.tasks.commit_firings([DECISION]),
    "mutate": lambda store: store.tasks.mutate([a_creation()]),
    "replay": lambda store: store.tasks.replay("key", ""),
    "tzdata": lambda store: store.tasks.tzdata(),
    "keep_tzdata": lambda store: store.tasks.keep_tzdata("2025b"),
    "claim": lambda store: store.executions.claim(WORKER, [TOKEN]),
    "heartbeat": lambda store: store.executions.heartbeat(WORKER, [Beat(NOTHING, TOKEN)]),
    "settle": lambda store: store.executions.settle([Settlement(NOTHING, TOKEN, Succeeded())]),
    "release_due": lambda store: store.executions.release_due(1),
    "held": lambda store: store.executions.held(),
    "rescue": lambda store: store.executions.rescue([Held(NOTHING, TOKEN, WORKER, 0)]),
    "rescue_worker": lambda store: store.executions.rescue_worker(WORKER),
    "cancel": lambda store: store.executions.cancel(NOTHING, a_change(ChangeAction.CANCEL)),
    "tasks_by_name": lambda store: store.history.tasks_by_name(after=None, limit=1),
    "tasks": lambda store: store.history.tasks(
        TaskFilter(), order=TaskOrder.NAME, descending=False, limit=1, cursor=None
    ),
    "upcoming": lambda store: store.history.upcoming(1),
    "executions": lambda store: store.history.executions(ExecutionFilter(), limit=1, cursor=None),
    "execution": lambda store: store.history.execution(NOTHING),
    "skips": lambda store: store.history.skips(NOBODY, limit=1),
    "changes": lambda store: store.history.changes(NOBODY, limit=1),
    "evidence": lambda store: store.history.evidence(NOBODY, since=NOON, until=NOON),
    "counts": lambda store: store.history.counts(),
    "task_count": lambda store: store.history.task_count(),
    "prune": lambda store: store.history.prune(Retention(), limit=1),
    "announce": lambda store: store.membership.announce(MEMBER),
    "leave": lambda store: store.membership.leave(MEMBER.node_id),
    "members": lambda store: store.membership.members(),
    "add_user": lambda store: store.access.add_user(SOMEBODY, "hash", by=TESTER),
    "users": lambda store: store.access.users(),
    "account": lambda store: store.access.account("somebody"),
    "change_user": lambda store: store.access.change_user("somebody", role=Role.VIEWER, by=TESTER),
    "set_password": lambda store: store.access.set_password("somebody", "hash", by=TESTER),
    "retract_login": lambda store: store.access.retract_login(LoginKeys("account", "address")),
    "open_session": lambda store: store.access.open_session(
        "digest", Session("somebody", NOON, NOON, ""), password_hash=""
    ),
    "visit": lambda store: store.access.visit("digest"),
    "sessions": lambda store: store.access.sessions("somebody"),
    "end_session": lambda store: store.access.end_session("digest", by=TESTER),
    "end_sessions": lambda store: store.access.end_sessions("somebody", by=TESTER),
    "add_token": lambda store: store.access.add_token("digest", ApiToken("id", "ci", Role.VIEWER, NOON), by=TESTER),
    "use_token": lambda store: store.access.use_token("digest"),
    "tokens": lambda store: store.access.tokens(),
    "revoke_token": lambda store: store.access.revoke_token("id", by=TESTER),
    "admit_login": lambda store: store.access.admit_login(LoginKeys("account", "address")),
    "forgive_login": lambda store: store.access.forgive_login(LoginKeys("account", "address")),
    "is_bare": lambda store: store.access.is_bare(),
    "offer_set_up": lambda store: store.access.offer_set_up("digest", until=NOON),
    "may_set_up": lambda store: store.access.may_set_up("digest"),
    "set_up": lambda store: store.access.set_up("digest", SOMEBODY, "hash", by=TESTER),
}


async def test_without_its_back_end_every_call_says_so(store: StoreUnderTest) -> None:
    await store.add(a_definition("there"))
    await store.cut_off()

    for call in CALLS.values():
        with pytest.raises(StoreUnavailableError):
            await call(store)


async def test_every_call_works_on_an_empty_store(store: StoreUnderTest) -> None:
    for call in CALLS.values():
        await call(store)


async def _cut_short(call: Callable[[], Awaitable[object]], turns: int) -> None:
    """Make a call and cancel it after so many turns of the loop, if it has not been answered by then."""

    async def made() -> None:
        await call()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(made())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()


async def test_a_firing_cut_short_is_recorded_whole_or_not_at_all(store: StoreUnderTest) -> None:
    for turns in TURNS:
        tasks = [await store.add(a_definition(f"{name} {turns}")) for name in ("one", "two")]
        store.clock.advance(MINUTE)
        decisions = [Decision(task, fire(task, store.clock.now())) for task in tasks]

        await _cut_short(partial(store.tasks.commit_firings, decisions), turns)

        for task in tasks:
            after = await store.read(task)
            assert after == task or (after.run_count, len(after.open)) == (1, 1)
            page = await store.history.executions(ExecutionFilter(task.id), limit=10, cursor=None)
            assert len(page.executions) == after.run_count
        await store.tasks.commit_firings(decisions)
        assert [(await store.read(task)).run_count for task in tasks] == [1, 1]


async def test_a_change_cut_short_is_made_whole_or_not_at_all(store: StoreUnderTest) -> None:
    for turns in TURNS:
        creation = a_creation(a_definition(f"task {turns}"), key=f"key {turns}")

        await _cut_short(partial(store.tasks.mutate, [creation]), turns)

        created = isinstance(await store.tasks.get(creation.after.id), ScheduledTask)
        assert (await store.tasks.replay(f"key {turns}", "") is not None) == created
        assert len(await store.history.changes(creation.after.id, limit=10)) == created
        await store.mutate(creation)
        assert len(await store.history.changes(creation.after.id, limit=10)) == 1


async def test_an_outcome_cut_short_is_accepted_whole_or_not_at_all(store: StoreUnderTest) -> None:
    task = await store.add()
    for turns in TURNS:
        claim = await store.started(task)
        settlement = Settlement(claim.execution.id, claim.token, Succeeded())

        await _cut_short(partial(store.executions.settle, [settlement]), turns)

        is_open = bool((await store.read(task)).open)
        assert (await store.state(claim.execution.id) is ExecutionState.RUNNING) == is_open
        await store.executions.settle([settlement])
        assert await store.state(claim.execution.id) is ExecutionState.SUCCEEDED
        assert (await store.read(task)).open == ()


async def test_a_claim_cut_short_takes_nothing_or_can_be_taken_back(store: StoreUnderTest) -> None:
    task = await store.add()
    for turns in TURNS:
        await store.fired(task)

        await _cut_short(lambda: store.executions.claim(WORKER, [store.token()]), turns)
        await store.executions.rescue_worker(WORKER)

        await store.settle(await store.claim())
        assert (await store.read(task)).open == ()


async def test_calls_cut_short_leave_no_connection_behind(store: StoreUnderTest) -> None:
    task = await store.add()
    for turns in TURNS * 3:
        await _cut_short(lambda: store.tasks.get(task.id), turns)
        await _cut_short(lambda: store.tasks.commit_firings([DECISION]), turns)

    assert await store.read(task) == task
