"""The life of a worker over a memory store: nothing claimed is forgotten, and nobody waits for code that won't stop."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest
import structlog

from adapters.telemetry.meter import Meter
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Claim, ExecutionStore, SettleAnswer, Settlement
from application.scheduling.ports.membership import Member, Membership
from application.scheduling.processors import Run
from application.scheduling.services.attempt import Attempt, Hurry
from application.scheduling.services.keep_membership import KeepMembership
from application.scheduling.services.perform_executions import PerformExecutions
from domain.scheduling.execution import ISOLATED_AFTER, ExecutionState
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId
from domain.scheduling.outcome import Succeeded
from entrypoints.handover import Handover
from entrypoints.metrics import FiguresOfChild
from entrypoints.process import EXIT_FAILED, EXIT_OK, EXIT_REPLACE
from entrypoints.worker import LEAVE_WHEN_IDLE_FOR, Worker
from tests.support.house import WORKER, House, open_house
from tests.support.waiting import eventually, turns

LONG = timedelta(minutes=5)
AT_ONCE = timedelta(0)
HANDS = 5


class LeftError(BaseException):
    """Stands for the end of the process, which a test would not survive."""


@dataclass(slots=True)
class Ward:
    """A worker, what its handlers wait for, and the exit code it left with."""

    house: House
    perform: PerformExecutions
    worker: Worker
    release: asyncio.Event = field(default_factory=asyncio.Event)
    code: int | None = None
    told: int = 0

    async def asked(self, do: str = "nothing") -> ExecutionId:
        """An execution that somebody wants to be run, and of which the worker was told."""
        task = await self.house.create(f"{do}-{self.house.entropy.token()}")
        execution_id = await self.house.run_now(task, payload={"do": do})
        self.perform.hands_free.set()
        return execution_id

    async def running(self, do: str) -> ExecutionId:
        execution_id = await self.asked(do)
        await eventually(lambda: self.state(execution_id) is ExecutionState.RUNNING)
        await turns()
        return execution_id

    async def stuck(self) -> Attempt:
        """One that ignores its end, and was given up."""
        execution_id = await self.running("ignore")
        (attempt,) = [each for each in self.perform.live.all() if each.execution_id == execution_id]
        attempt.hurry(Hurry.TIMEOUT)
        attempt.give_up()
        attempt.conclude()
        self.perform.something_ended.set()
        self.perform.hands_free.set()
        return attempt

    def state(self, execution_id: ExecutionId) -> ExecutionState:
        return self.house.execution(execution_id).state

    def hear(self) -> bool:
        """The supervisor's part in a hand-over."""
        self.told += 1
        return True

    async def live(self) -> None:
        try:
            self.code = await self.worker.run()
        except* LeftError as group:
            (error,) = group.exceptions
            self.code = int(str(error))


@asynccontextmanager
async def alive(ward: Ward) -> AsyncIterator[None]:
    """The worker at work; it must end by itself afterwards."""
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(ward.live())
        yield


@dataclass(slots=True)
class SilentLeave:
    """A membership of which nobody can take leave."""

    inner: Membership

    async def announce(self, member: Member) -> None:
        await self.inner.announce(member)

    async def leave(self, node_id: NodeId) -> None:
        raise StoreUnavailableError("no answer")


@dataclass(slots=True)
class SlowClaims:
    """An execution store whose answer to a claim takes a while, though it was carried out at once."""

    inner: ExecutionStore
    claimed: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def claim(self, worker_id: NodeId, tokens: Sequence[ClaimToken], *, isolated: bool) -> Sequence[Claim]:
        claims = await self.inner.claim(worker_id, tokens, isolated=isolated)
        self.claimed.set()
        await self.answer.wait()
        return claims


@dataclass(slots=True)
class BusyOnce:
    """An execution store that is too busy for the first end it is told."""

    inner: ExecutionStore
    asked: int = 0

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[SettleAnswer]:
        self.asked += 1
        if self.asked == 1:
            raise StoreUnavailableError("busy")
        return await self.inner.settle(settlements)


@pytest.fixture
async def ward(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ward]:
    """A worker whose handler does what its payload says."""
    async with open_house() as house:
        perform = house.perform(stop_grace=AT_ONCE)
        membership = house.stores.membership
        me = Member(WORKER, frozenset({"worker"}), "host", 1, house.clock.now(), concurrency=HANDS)
        handover = Handover(perform, lambda: False)
        figures = FiguresOfChild(Meter(), house.clock, lambda line: True)
        keep = KeepMembership(membership, me)
        here = Ward(house, perform, Worker(perform, keep, house.observer, LONG, handover, figures))
        handover.announce = here.hear

        @house.processors.task("mail")
        async def handler(payload: dict[str, Any], run: Run) -> None:
            if payload["do"] == "wait":
                await here.release.wait()
            while payload["do"] == "ignore" and not here.release.is_set():
                try:
                    await here.release.wait()
                except asyncio.CancelledError:
                    continue

        def leave_now(code: int) -> None:
            # What still runs would end with the process.
            here.release.set()
            raise LeftError(code)

        monkeypatch.setattr("entrypoints.worker.leave_now", leave_now)
        yield here


async def test_a_claim_that_the_stop_finds_inside_the_store_is_run_and_settled(ward: Ward) -> None:
    claims = SlowClaims(ward.perform.executions)
    ward.perform.executions = cast(ExecutionStore, claims)
    execution_id = await ward.asked()

    async with alive(ward):
        await claims.claimed.wait()
        ward.worker.stop()
        await turns()
        claims.answer.set()

    assert (ward.code, ward.state(execution_id)) == (EXIT_OK, ExecutionState.SUCCEEDED)


async def test_a_claim_that_is_never_answered_does_not_keep_the_process(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.worker.HAND_BACK_WITHIN", AT_ONCE)
    claims = SlowClaims(ward.perform.executions)
    ward.perform.executions = cast(ExecutionStore, claims)
    ward.worker.grace = AT_ONCE

    async with alive(ward):
        await claims.claimed.wait()
        ward.worker.stop()

    assert ward.code == EXIT_OK


async def test_what_runs_when_told_to_stop_is_finished_within_the_grace_and_nothing_new_begun(ward: Ward) -> None:
    async with alive(ward):
        running = await ward.running("wait")
        ward.worker.stop()
        late = await ward.asked()
        await turns()
        ward.release.set()

    assert ward.code == EXIT_OK
    assert (ward.state(running), ward.state(late)) == (ExecutionState.SUCCEEDED, ExecutionState.PENDING)


async def test_what_is_not_finished_in_the_grace_is_handed_back(ward: Ward) -> None:
    ward.worker.grace = AT_ONCE
    async with alive(ward):
        running = await ward.running("wait")
        ward.worker.stop()

    assert (ward.code, ward.state(running)) == (EXIT_OK, ExecutionState.PENDING)


async def test_stuck_code_hands_new_work_to_a_successor_at_once(ward: Ward) -> None:
    async with alive(ward):
        running = await ward.running("wait")
        await ward.stuck()
        await eventually(lambda: ward.told)
        new = await ward.asked()
        await turns()
        meanwhile = ward.state(running)
        ward.release.set()

    assert (meanwhile, ward.told) == (ExecutionState.RUNNING, 1)
    assert (ward.code, ward.state(running)) == (EXIT_REPLACE, ExecutionState.SUCCEEDED)
    assert ward.state(new) is ExecutionState.PENDING, "it is the successor's"


async def test_a_worker_that_handed_over_leaves_although_the_stuck_code_ended_after_all(ward: Ward) -> None:
    async with alive(ward):
        await ward.running("wait")
        stuck = await ward.stuck()
        await eventually(lambda: ward.told)
        stuck.end(Succeeded())
        new = await ward.asked()
        ward.release.set()

    assert (ward.code, ward.state(new)) == (EXIT_REPLACE, ExecutionState.PENDING)


async def test_a_stop_while_code_is_stuck_hands_its_neighbours_back_after_the_grace(ward: Ward) -> None:
    ward.worker.grace = AT_ONCE
    async with alive(ward):
        running = await ward.running("wait")
        await ward.stuck()
        await turns()
        ward.worker.stop()

    assert (ward.code, ward.state(running)) == (EXIT_REPLACE, ExecutionState.PENDING)


async def test_a_worker_that_handed_over_leaves_only_when_every_end_is_on_record(ward: Ward) -> None:
    busy = BusyOnce(ward.perform.executions)
    ward.perform.settle_execution = replace(ward.perform.settle_execution, executions=cast(ExecutionStore, busy))

    async with alive(ward):
        stuck = await ward.stuck()

    assert (ward.code, busy.asked) == (EXIT_REPLACE, 2)
    assert ward.state(stuck.execution_id) is ExecutionState.RETRY_WAIT
    assert not stuck.is_lost


async def test_a_worker_that_hands_over_announces_at_once_that_it_takes_nothing_new(ward: Ward) -> None:
    members = ward.house.stores.membership.members

    async with alive(ward):
        await ward.running("wait")
        before = [each.concurrency for each in await members()]
        await ward.stuck()
        await eventually(lambda: ward.told)
        await turns()
        after = [each.concurrency for each in await members()]
        ward.release.set()

    assert (before, after) == ([HANDS], [0])


async def test_code_that_ignores_the_stop_does_not_keep_the_process(ward: Ward) -> None:
    ward.worker.grace = AT_ONCE
    async with alive(ward):
        running = await ward.running("ignore")
        ward.worker.stop()

    assert (ward.code, ward.state(running)) == (EXIT_OK, ExecutionState.PENDING)


@pytest.mark.parametrize("stuck", [False, True])
async def test_a_store_that_does_not_hear_the_leave_keeps_nobody(ward: Ward, stuck: bool) -> None:
    membership = ward.worker.membership
    leave = cast(Membership, SilentLeave(membership.membership))
    ward.worker.membership = KeepMembership(leave, membership.member)

    with structlog.testing.capture_logs() as logged:
        async with alive(ward):
            if stuck:
                await ward.stuck()
            else:
                ward.worker.stop()

    assert ward.code == (EXIT_REPLACE if stuck else EXIT_OK)
    assert [line["log_level"] for line in logged] == ["warning"]


async def _suspected(ward: Ward, do: str) -> ExecutionId:
    """What its workers died of so often that it is run alone."""
    execution_id = await ward.asked(do)
    for _ in range(ISOLATED_AFTER):
        await ward.house.claim()
        await ward.house.stores.executions.rescue_worker(WORKER)
    return execution_id


async def _looks_again(ward: Ward) -> None:
    ward.perform.hands_free.set()
    await turns()


async def test_a_worker_for_suspects_leaves_when_there_has_been_none_for_a_while(ward: Ward) -> None:
    ward.perform.isolated = True
    async with alive(ward):
        suspect = await _suspected(ward, "wait")
        await _looks_again(ward)
        ward.house.clock.advance(LEAVE_WHEN_IDLE_FOR * 2)
        await _looks_again(ward)
        meanwhile = (ward.state(suspect), ward.code)
        ward.release.set()
        await eventually(lambda: ward.state(suspect) is ExecutionState.SUCCEEDED)
        ward.house.clock.advance(LEAVE_WHEN_IDLE_FOR)
        await _looks_again(ward)
        other, early = await ward.asked(), ward.code
        ward.house.clock.advance(LEAVE_WHEN_IDLE_FOR)
        await _looks_again(ward)

    assert meanwhile == (ExecutionState.RUNNING, None)
    assert (early, ward.code) == (None, EXIT_OK)
    assert ward.state(other) is ExecutionState.PENDING, "it is the other lane's"


async def test_any_other_worker_waits_for_work_however_long(ward: Ward) -> None:
    async with alive(ward):
        await _looks_again(ward)
        ward.house.clock.advance(LEAVE_WHEN_IDLE_FOR * 2)
        await _looks_again(ward)
        execution_id = await ward.asked()
        await eventually(lambda: ward.state(execution_id) is ExecutionState.SUCCEEDED)
        ward.worker.stop()

    assert ward.code == EXIT_OK


async def test_a_bug_ends_the_process_at_once_with_its_traceback_whatever_handlers_do(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def settle_once(_self: PerformExecutions) -> bool:
        raise RuntimeError("a bug")

    with structlog.testing.capture_logs() as logged:
        async with alive(ward):
            await ward.running("ignore")
            monkeypatch.setattr(PerformExecutions, "settle_once", settle_once)
            ward.perform.something_ended.set()

    assert ward.code == EXIT_FAILED
    (line,) = logged
    assert "nobody expected" in line["event"]
    assert str(line["exc_info"].exceptions[0]) == "a bug"
