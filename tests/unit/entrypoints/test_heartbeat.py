"""The watch over a worker's event loop: whom it asks, when it stands in, and when the process has to go."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import pytest

from application.scheduling.services.attempt import Attempt
from application.scheduling.services.keep_claims import KeepClaims
from application.scheduling.services.perform_executions import PerformExecutions
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ClaimToken
from domain.scheduling.outcome import Succeeded
from entrypoints.handover import Handover
from entrypoints.heartbeat import BLOCKED_AFTER, LoopWatch
from entrypoints.process import EXIT_REPLACE
from tests.support.builders import SECOND
from tests.support.house import House, open_house

GRACE = timedelta(seconds=20)
STUCK = ClaimToken("held by code that does not stop")


@dataclass(slots=True)
class Loop:
    """An event loop that answers when it is told to."""

    asked: list[Callable[[], object]] = field(default_factory=list)

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> None:
        self.asked.append(callback)

    def answer(self) -> None:
        while self.asked:
            self.asked.pop()()


@dataclass(slots=True)
class Post:
    """A watch at its post, what it watches, and the exit codes it left with."""

    house: House
    perform: PerformExecutions
    keep: KeepClaims
    loop: Loop = field(default_factory=Loop)
    told: list[bool] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    watch: LoopWatch = field(init=False)

    def __post_init__(self) -> None:
        loop = cast(asyncio.AbstractEventLoop, self.loop)
        self.watch = LoopWatch(loop, self.perform, Handover(self.perform, self._tell), self.house.clock, GRACE)

    def _tell(self) -> bool:
        self.told.append(True)
        return True

    async def look(self, *, after: timedelta = SECOND, is_draining: bool = False) -> None:
        self.house.clock.advance(after)
        await self.watch.run_once(self.keep, is_draining=is_draining)

    async def running(self, *, in_thread: bool) -> Attempt:
        attempt = await self.house.attempt(name=f"task-{self.house.entropy.token()}")
        self.perform.live.add(attempt)
        if in_thread:
            self.perform.run_execution.in_threads.add(attempt.token)
        return attempt

    def state(self, attempt: Attempt) -> ExecutionState:
        return self.house.execution(attempt.execution_id).state


@pytest.fixture
async def post(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    """A watch over a worker in which nothing runs."""
    async with open_house() as house:
        perform = house.perform()
        post = Post(house, perform, house.heartbeat(perform))
        monkeypatch.setattr("entrypoints.heartbeat.leave_now", post.left.append)
        yield post


async def test_a_loop_without_stuck_code_is_not_asked(post: Post) -> None:
    await post.look(after=BLOCKED_AFTER)

    assert (post.told, post.loop.asked, post.left) == ([], [], [])


async def test_stuck_code_is_told_from_this_thread_too(post: Post) -> None:
    post.perform.run_execution.stuck.add(STUCK)

    await post.look()

    assert (post.told, len(post.loop.asked)) == ([True], 1)


async def test_a_loop_that_answers_is_left_alone(post: Post) -> None:
    post.perform.run_execution.stuck.add(STUCK)
    waiting = await post.running(in_thread=False)
    for _ in range(10):
        await post.look(after=BLOCKED_AFTER / 2)
        post.loop.answer()

    assert (post.left, post.state(waiting)) == ([], ExecutionState.RUNNING)


async def test_code_that_is_stuck_in_a_thread_does_not_hold_the_loop(post: Post) -> None:
    post.perform.run_execution.stuck.add(STUCK)
    post.perform.run_execution.in_threads.add(STUCK)

    await post.look(after=BLOCKED_AFTER * 2)
    await post.look(after=BLOCKED_AFTER * 2)

    assert (post.told, post.loop.asked, post.left) == ([True], [], [])


async def test_a_loop_that_is_held_ends_the_process_and_hands_back_what_waits_in_it(post: Post) -> None:
    post.perform.run_execution.stuck.add(STUCK)
    waiting = await post.running(in_thread=False)
    await post.look()
    await post.look(after=BLOCKED_AFTER)
    in_time = list(post.left)

    await post.look()

    assert (in_time, post.left) == ([], [EXIT_REPLACE])
    assert post.state(waiting) is ExecutionState.PENDING


async def test_a_plain_function_ends_in_its_thread_before_the_process_goes(post: Post) -> None:
    post.perform.run_execution.stuck.add(STUCK)
    plain = await post.running(in_thread=True)
    await post.look()
    await post.look(after=BLOCKED_AFTER + SECOND)
    meanwhile = (list(post.left), post.state(plain))
    post.perform.run_execution.in_threads.discard(plain.token)
    plain.end(Succeeded())

    await post.look()

    assert meanwhile == ([], ExecutionState.RUNNING)
    assert (post.left, post.state(plain)) == ([EXIT_REPLACE], ExecutionState.SUCCEEDED)


async def test_after_the_grace_of_a_drain_plain_functions_are_handed_back_too(post: Post) -> None:
    post.perform.run_execution.stuck.add(STUCK)
    plain = await post.running(in_thread=True)
    await post.look(is_draining=True)
    await post.look(after=GRACE, is_draining=True)
    in_time = list(post.left)

    await post.look(is_draining=True)

    assert (in_time, post.left) == ([], [EXIT_REPLACE])
    assert post.state(plain) is ExecutionState.PENDING
