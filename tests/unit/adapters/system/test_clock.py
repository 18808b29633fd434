"""The machine's clock: a sleep is never early, and ends soon after its instant."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy


async def test_a_sleep_ends_at_its_instant_or_a_moment_later() -> None:
    clock = SystemClock()

    lateness = []
    for milliseconds in (0.1, 1, 3, 7):
        instant = clock.now() + timedelta(milliseconds=milliseconds)
        await clock.sleep_until(instant)
        lateness.append(clock.now() - instant)

    assert min(lateness) >= timedelta(0)
    # A busy machine may hold up one of them; all of them it will not.
    assert min(lateness) <= timedelta(milliseconds=1)


async def test_a_sleep_until_what_has_passed_ends_at_once() -> None:
    clock = SystemClock()

    async with asyncio.timeout(1):
        await clock.sleep_until(clock.now() - timedelta(days=1))


async def test_a_sleep_can_be_cancelled() -> None:
    clock = SystemClock()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await clock.sleep_until(clock.now() + timedelta(days=1))


def test_the_clock_tells_aware_utc_and_its_stop_watch_never_goes_back() -> None:
    clock = SystemClock()

    before, told, after = datetime.now(UTC), clock.now(), datetime.now(UTC)
    assert before <= told <= after
    assert told.tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


def test_identifiers_and_tokens_do_not_repeat_and_have_their_forms() -> None:
    entropy = SystemEntropy()

    assert len({entropy.identifier() for _ in range(100)}) == 100
    tokens = {entropy.token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(bytes.fromhex(token)) for token in tokens} == {16}
