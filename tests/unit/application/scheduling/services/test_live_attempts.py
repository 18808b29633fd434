"""What a worker looks after: claims until their ends are on record, and stuck code for as long as it goes on."""

from application.scheduling.services.live_attempts import LiveAttempts
from domain.scheduling.outcome import Succeeded
from tests.support.house import House


async def test_live_attempts_are_those_between_claim_and_record(house: House) -> None:
    live, attempt = LiveAttempts(), await house.attempt()

    live.add(attempt)
    during = (len(live), live.all())
    removed = [live.remove(attempt.token) for _ in range(2)]

    assert during == (1, (attempt,))
    assert removed == [True, False], "of two who record an end one is the first"
    assert (len(live), live.stuck()) == (0, ())


async def test_code_that_goes_on_is_stuck_before_and_after_its_end_is_on_record_until_it_is_over(house: House) -> None:
    live, attempt = LiveAttempts(), await house.attempt()
    live.add(attempt)
    seen = [live.stuck()]

    attempt.give_up()
    seen.append(live.stuck())
    live.remove(attempt.token)
    seen.append(live.stuck())
    attempt.end(Succeeded())
    seen.append(live.stuck())

    assert seen == [(), (attempt,), (attempt,), ()]


async def test_code_that_ends_as_it_is_given_up_is_not_stuck(house: House) -> None:
    live, attempt = LiveAttempts(), await house.attempt()
    live.add(attempt)

    attempt.end(Succeeded())
    attempt.give_up()

    assert live.stuck() == ()
