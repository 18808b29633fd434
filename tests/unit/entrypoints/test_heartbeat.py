"""The watch over a worker's event loop: whom it asks, when it stands in, and when the process has to go."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import pytest

from application.scheduling.processors import RunCancelledError
from application.scheduling.services.attempt import Attempt, Hurry
from application.scheduling.services.keep_claims import KeepClaims
from application.scheduling.services.perform_executions import PerformExecutions
from application.scheduling.services.run_execution import STOP_GRACE
from domain.scheduling.execution import ErrorReport, ExecutionState
from domain.scheduling.outcome import Succeeded
from entrypoints.handover import Handover
from entrypoints.heartbeat import BLOCKED_AFTER, BLOCKED_AFTER_GRACE, WATCH_EVERY, LoopWatch, holder_of
from entrypoints.process import EXIT_REPLACE
from entrypoints.supervisor import KILL_AFTER
from tests.support.builders import SECOND
from tests.support.house import House, open_house

GRACE = timedelta(seconds=20)
LOOK = WATCH_EVERY


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
    """A watch at its post, what it watches, the task its loop is in, and the exit codes it left with."""

    house: House
    perform: PerformExecutions
    keep: KeepClaims
    loop: Loop = field(default_factory=Loop)
    told: list[bool] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    holder: str | None = None
    watch: LoopWatch = field(init=False)

    def __post_init__(self) -> None:
        loop = cast(asyncio.AbstractEventLoop, self.loop)
        handover = Handover(self.perform, self._tell)
        self.watch = LoopWatch(loop, self.perform, handover, self.house.clock, GRACE, lambda: self.holder)

    def _tell(self) -> bool:
        self.told.append(True)
        return True

    async def look(self, *, after: timedelta = LOOK, is_draining: bool = False) -> None:
        self.house.clock.advance(after)
        await self.watch.run_once(self.keep, is_draining=is_draining)

    async def look_for(self, length: timedelta, *, is_draining: bool = False) -> None:
        """Look again and again, as the heartbeat does."""
        for _ in range(length // LOOK):
            await self.look(is_draining=is_draining)

    async def running(self, *, in_thread: bool = False) -> Attempt:
        attempt = await self.house.attempt(name=f"task-{self.house.entropy.token()}", lasts=900)
        self.perform.live.add(attempt)
        if in_thread:
            assert attempt.enter_thread()
        return attempt

    async def stuck(self, *, in_thread: bool = False) -> Attempt:
        """One that was given up, its end on record, and whose code goes on."""
        attempt = await self.running(in_thread=in_thread)
        attempt.hurry(Hurry.TIMEOUT)
        attempt.give_up()
        attempt.conclude()
        await self.perform.settle_once()
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
    await post.running()

    await post.look(after=BLOCKED_AFTER)

    assert (post.told, post.loop.asked, post.left) == ([], [], [])


async def test_stuck_code_is_told_from_this_thread_too(post: Post) -> None:
    await post.stuck()

    await post.look()

    assert (post.told, len(post.loop.asked)) == ([True], 1)


async def test_a_loop_that_answers_is_left_alone(post: Post) -> None:
    post.holder = (await post.stuck()).token
    waiting = await post.running()
    for _ in range(10):
        await post.look(after=BLOCKED_AFTER / 2)
        post.loop.answer()

    assert (post.left, post.state(waiting)) == ([], ExecutionState.RUNNING)


async def test_a_loop_that_stuck_code_holds_ends_the_process_and_hands_back_what_waits_in_it(post: Post) -> None:
    post.holder = (await post.stuck()).token
    waiting = await post.running()
    await post.look()
    await post.look_for(BLOCKED_AFTER)
    in_time = list(post.left)

    await post.look()

    assert (in_time, post.left) == ([], [EXIT_REPLACE])
    assert post.state(waiting) is ExecutionState.PENDING


async def test_code_that_is_given_up_while_it_holds_the_loop_is_timed_out_and_not_handed_back(post: Post) -> None:
    holding = await post.running()
    post.holder = holding.token
    holding.hurry(Hurry.TIMEOUT)
    holding.give_up()
    holding.conclude()

    await post.look_for(BLOCKED_AFTER * 2)

    assert post.left[0] == EXIT_REPLACE
    assert post.state(holding) is ExecutionState.RETRY_WAIT


async def test_a_plain_function_ends_in_its_thread_before_the_process_goes(post: Post) -> None:
    post.holder = (await post.stuck()).token
    plain = await post.running(in_thread=True)
    await post.look_for(BLOCKED_AFTER * 2)
    meanwhile = (list(post.left), post.state(plain))
    plain.end(Succeeded())

    await post.look()

    assert meanwhile == ([], ExecutionState.RUNNING)
    assert (post.left, post.state(plain)) == ([EXIT_REPLACE], ExecutionState.SUCCEEDED)


@pytest.mark.parametrize("is_known", [True, False], ids=["by name", "in a task of its own making"])
async def test_code_within_its_time_may_hold_the_loop_beside_stuck_code_that_does_not(
    post: Post, *, is_known: bool
) -> None:
    stuck, computing, waiting = await post.stuck(), await post.running(), await post.running()
    post.holder = computing.token if is_known else "Task-7"
    await post.look_for(BLOCKED_AFTER * 10)
    meanwhile = (list(post.left), post.state(computing), post.state(waiting))
    post.holder = stuck.token
    await post.look_for(BLOCKED_AFTER)
    excused = list(post.left)

    await post.look()

    assert meanwhile == ([], ExecutionState.RUNNING, ExecutionState.RUNNING)
    assert excused == [], "what was spent by others is not laid to its charge"
    assert post.left == [EXIT_REPLACE]


async def test_nobody_is_waited_for_in_a_held_loop_who_has_nothing_to_do_there(post: Post) -> None:
    await post.stuck(in_thread=True)
    over = await post.running()
    over.end(Succeeded())

    await post.look_for(BLOCKED_AFTER * 2)

    assert (post.left[0], post.state(over)) == (EXIT_REPLACE, ExecutionState.SUCCEEDED)


async def test_after_the_grace_of_a_drain_everything_is_handed_back_whoever_holds_the_loop(post: Post) -> None:
    holding, waiting = await post.running(), await post.running()
    post.holder = holding.token
    await post.look_for(GRACE, is_draining=True)
    in_time = (list(post.left), post.state(waiting))

    await post.look_for(BLOCKED_AFTER_GRACE, is_draining=True)

    assert in_time == ([], ExecutionState.RUNNING)
    assert post.left[0] == EXIT_REPLACE
    assert (post.state(holding), post.state(waiting)) == (ExecutionState.PENDING,) * 2
    assert [post.house.execution(each.execution_id).rescues for each in (holding, waiting)] == [0, 0]


async def test_a_loop_that_answers_is_left_to_drain_by_itself(post: Post) -> None:
    waiting = await post.running()
    for _ in range(100):
        await post.look(is_draining=True, after=SECOND)
        post.loop.answer()

    assert (post.left, post.state(waiting)) == ([], ExecutionState.RUNNING)
    waiting.checkpoint()


async def test_after_the_grace_plain_functions_are_told_to_stop_and_waited_for_a_while(post: Post) -> None:
    post.holder = (await post.running()).token
    polls, deaf = await post.running(in_thread=True), await post.running(in_thread=True)
    await post.look_for(GRACE + LOOK, is_draining=True)
    polls.checkpoint()
    await post.look(is_draining=True)
    with pytest.raises(RunCancelledError):
        polls.checkpoint()
    polls.end(polls.failed(ErrorReport("RunCancelledError", "it was asked to stop")))
    await post.look_for(STOP_GRACE - LOOK, is_draining=True)
    in_time = (list(post.left), post.state(polls), post.state(deaf))

    await post.look_for(2 * LOOK, is_draining=True)

    assert in_time == ([], ExecutionState.PENDING, ExecutionState.RUNNING)
    assert (post.left[0], post.state(deaf)) == (EXIT_REPLACE, ExecutionState.PENDING)
    assert post.house.execution(polls.execution_id).attempts_used == 0


def test_everything_is_handed_back_before_the_supervisor_kills() -> None:
    # Code that is cut off after its grace may hold the loop from then on; two looks and the settling come on top.
    assert STOP_GRACE + BLOCKED_AFTER_GRACE + 4 * WATCH_EVERY < KILL_AFTER


async def test_the_task_a_loop_is_in_is_known_to_other_threads_by_its_name() -> None:
    loop = asyncio.get_running_loop()

    async def look() -> str | None:
        with ThreadPoolExecutor(1) as pool:
            # The loop is held meanwhile.
            return pool.submit(holder_of, loop).result(5)

    assert await loop.create_task(look(), name="token") == "token"


async def test_a_loop_that_is_in_no_task_is_held_by_nobody_known() -> None:
    loop, seen = asyncio.get_running_loop(), asyncio.Event()
    names: list[str | None] = []

    def look() -> None:
        with ThreadPoolExecutor(1) as pool:
            names.append(pool.submit(holder_of, loop).result(5))
        seen.set()

    loop.call_soon(look)
    await seen.wait()

    assert names == [None]
