"""How an attempt ends: decided once, whatever order the event loop, the heartbeat and a handler's thread come in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from application.scheduling.services.attempt import Attempt, Ended, Hurry
from domain.scheduling.execution import ErrorReport
from domain.scheduling.outcome import Failed, HandedBack, Outcome, Stopped, Succeeded
from tests.support.builders import SECOND
from tests.support.house import House

BROKEN = ErrorReport("RuntimeError", "no")


TOLD: list[tuple[Hurry, ...]] = [(), (Hurry.TIMEOUT, Hurry.LEAVING), (Hurry.LEAVING, Hurry.TIMEOUT)]


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_succeeded_has_succeeded_whatever_it_was_told(
    house: House, told: Sequence[Hurry], *, cancelled: bool
) -> None:
    attempt = await _told(house, told, cancelled=cancelled)

    attempt.end(Succeeded())

    assert attempt.conclude().outcome == Succeeded()


@pytest.mark.parametrize(
    ("told", "cancelled", "outcome", "kind"),
    [
        (TOLD[0], False, Failed, "RuntimeError"),
        (TOLD[1], False, Failed, "timeout"),
        (TOLD[2], False, HandedBack, None),
        (TOLD[0], True, Stopped, None),
        (TOLD[1], True, Stopped, None),
        (TOLD[2], True, Stopped, None),
    ],
)
async def test_what_failed_failed_because_of_what_it_was_told_first(
    house: House, told: Sequence[Hurry], outcome: type[Outcome], kind: str | None, *, cancelled: bool
) -> None:
    attempt = await _told(house, told, cancelled=cancelled)

    attempt.end(attempt.failed(BROKEN))

    decided = attempt.conclude().outcome
    assert isinstance(decided, outcome)
    if isinstance(decided, Failed):
        assert (decided.error.kind, decided.timed_out) == (kind, kind == "timeout")


async def _told(house: House, told: Sequence[Hurry], *, cancelled: bool) -> Attempt:
    attempt = await house.attempt()
    for why in told:
        attempt.hurry(why)
    if cancelled:
        attempt.ask_to_stop()
    return attempt


async def test_a_time_out_says_whether_the_code_stopped(house: House) -> None:
    texts = []
    for stops in (True, False):
        attempt = await house.attempt(name=f"stops-{stops}")
        attempt.hurry(Hurry.TIMEOUT)
        if stops:
            attempt.end(attempt.failed(BROKEN))
        outcome = attempt.conclude().outcome
        assert isinstance(outcome, Failed)
        texts.append(outcome.error.text)

    assert texts == ["it ran longer than 15m", "it ran longer than 15m and did not stop"]


async def test_what_is_over_is_not_told_to_stop(house: House) -> None:
    attempt = await house.attempt()
    attempt.end(attempt.failed(BROKEN))

    attempt.hurry(Hurry.TIMEOUT)

    attempt.checkpoint()
    assert attempt.conclude().outcome == attempt.failed(BROKEN)


async def test_an_end_takes_as_long_as_its_code_had_when_it_was_decided(house: House) -> None:
    attempt = await house.attempt()
    house.clock.advance(3 * SECOND)
    attempt.end(Succeeded())
    ended = attempt.conclude()
    house.clock.advance(SECOND)

    assert attempt.conclude() is attempt.ended is ended
    assert ended.took == 3 * SECOND


@dataclass(slots=True)
class Story:
    """One order in which three threads meet at an attempt, and what each of them saw."""

    attempt: Attempt
    answers: list[Ended | None] = field(default_factory=list)
    open_at_end: bool | None = None
    began: bool | None = None

    def begin(self) -> None:
        self.began = self.attempt.enter_thread()

    def end(self) -> None:
        if self.began:
            self.open_at_end = self.attempt.ended is None
            self.attempt.end(Succeeded())

    def time_out(self) -> None:
        self.attempt.hurry(Hurry.TIMEOUT)

    def give_up(self) -> None:
        self.attempt.give_up()

    def conclude(self) -> None:
        self.answers.append(self.attempt.conclude())

    def stand_in(self) -> None:
        was_in_thread, was_open = self.attempt.is_in_thread, self.attempt.ended is None
        answer = self.attempt.cut_off(threads_too=False)
        assert (answer is None) == (was_in_thread and was_open), "it lets go on what is in a thread, and that alone"
        self.answers.append(answer)


THREAD: Sequence[Callable[[Story], None]] = (Story.begin, Story.end)
LOOP: Sequence[Callable[[Story], None]] = (Story.time_out, Story.give_up, Story.conclude)
HEARTBEAT: Sequence[Callable[[Story], None]] = (Story.stand_in, Story.stand_in)


def _orders(*threads: Sequence[Callable[[Story], None]]) -> Iterator[tuple[Callable[[Story], None], ...]]:
    """Every order in which the steps of these threads can come."""
    if not any(threads):
        yield ()
    for index, steps in enumerate(threads):
        if steps:
            rest = (*threads[:index], steps[1:], *threads[index + 1 :])
            yield from ((steps[0], *order) for order in _orders(*rest))


async def test_in_every_order_there_is_one_end_and_what_was_let_go_on_or_never_begun_keeps_to_it(house: House) -> None:
    claim, orders = (await house.attempt()).claim, list(_orders(THREAD, LOOP, HEARTBEAT))
    for order in orders:
        story = Story(Attempt(claim, house.clock, 900.0))
        for step in order:
            step(story)

        decided = story.attempt.ended
        assert decided is not None, order
        assert all(answer is None or answer is decided for answer in story.answers), order
        assert (decided.outcome == Succeeded()) == bool(story.open_at_end), order
        assert story.attempt.is_over, "what was refused a thread never runs, so it occupies nobody"
        assert not story.attempt.is_stuck

    assert len(orders) == 210


async def test_a_rest_that_nobody_awaits_any_more_is_over(house: House) -> None:
    attempts = [await house.attempt(name=f"task-{number}") for number in range(4)]
    awaited, given_up, between, queued = attempts
    for each in (awaited, given_up, between):
        assert each.enter_thread()
    awaited.leave_thread()
    given_up.give_up()
    given_up.leave_loop()
    meanwhile = given_up.is_over
    given_up.leave_thread()
    between.leave_thread()
    between.give_up()
    between.leave_loop()
    queued.give_up()
    queued.leave_loop()

    assert not meanwhile, "it is in its thread"
    assert [each.is_over for each in attempts] == [False, True, True, True]
    assert not queued.enter_thread()
