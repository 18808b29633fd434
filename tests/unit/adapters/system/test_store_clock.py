"""What a process knows of its store's clock: never more than the replies show."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.system.store_clock import StoreClock

NOON = datetime(2024, 1, 15, 12, 0, tzinfo=UTC)
# Milliseconds of the stop-watch at which a request was sent and its reply came, and of the store's clock, after noon.
Heard = tuple[float, float, float]


class WatchedClock(StoreClock):
    """One whose stop-watch stands where the test puts it."""

    milliseconds: float = 0.0

    def uptime(self) -> float:
        return self.milliseconds / 1000


@pytest.mark.parametrize(
    ("replies", "looked_at", "expected"),
    [
        # The first reply: the store wrote it at the latest when it came.
        ([(100, 104, 1000)], 104, 1000),
        # A faster one shows that the store is further ahead.
        ([(100, 104, 1000), (200, 201, 1100)], 201, 1100),
        # A slower one, written right after it was sent, shows nothing new.
        ([(100, 101, 1000), (2_050, 2_101, 2_950)], 2_101, 2_999),
        # The store's clock was set back: what was known is void.
        ([(100, 101, 1000), (200, 202, 600)], 202, 600),
        # It was set forward.
        ([(100, 101, 1000), (200, 210, 9_000)], 210, 9_000),
        # A reply that took no time at all leaves nothing open.
        ([(100, 100, 1000), (200, 200, 1100)], 200, 1100),
        # The store's clock may run slower than ours by half a millisecond a second.
        ([(100, 101, 1000)], 2_101, 2_999),
        ([(100, 101, 1000), (4_100, 4_101, 4_998.5)], 4_101, 4_998.5),
    ],
)
def test_it_is_as_far_as_the_replies_show_and_no_further(
    replies: list[Heard], looked_at: float, expected: float
) -> None:
    clock = WatchedClock()

    for sent, received, told in replies:
        at = NOON + timedelta(milliseconds=told)
        clock.heard(at, sent=sent / 1000, received=received / 1000)
    clock.milliseconds = looked_at
    assert clock.now() - NOON == timedelta(milliseconds=expected)


def test_until_the_first_reply_it_is_the_clock_of_this_machine() -> None:
    before, told, after = datetime.now(UTC), StoreClock().now(), datetime.now(UTC)

    assert before <= told <= after


async def test_a_sleep_ends_by_the_stores_clock() -> None:
    clock = StoreClock()
    clock.heard(NOON, sent=clock.uptime(), received=clock.uptime())

    await clock.sleep_until(NOON + timedelta(milliseconds=20))

    assert timedelta(milliseconds=20) <= clock.now() - NOON < timedelta(seconds=5)
