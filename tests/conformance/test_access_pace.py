"""`Access`: the pace of guessing, which every attempt to come in passes."""

import asyncio
from datetime import datetime, timedelta

from domain.access.throttle import (
    DELAY_MAX,
    FORGOTTEN_AFTER,
    FREE_PER_ACCOUNT,
    FREE_PER_ADDRESS,
    SET_BACK_MAX,
    LoginKeys,
)
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import SECOND
from tests.support.manual_clock import NOON

KEYS = LoginKeys("account", "address")


async def _tries(store: StoreUnderTest, keys: LoginKeys, count: int) -> list[datetime | None]:
    return [await store.access.admit_login(keys) for _ in range(count)]


async def test_a_few_attempts_are_free_and_then_each_waits_longer(store: StoreUnderTest) -> None:
    assert await _tries(store, KEYS, FREE_PER_ACCOUNT) == [None] * FREE_PER_ACCOUNT
    waits = []
    for _ in range(12):
        until = await store.access.admit_login(KEYS)
        assert until is not None
        waits.append(until - store.clock.now())
        store.clock.advance_to(until - timedelta(microseconds=1))
        assert await store.access.admit_login(KEYS) == until
        store.clock.advance_to(until)
        assert await store.access.admit_login(KEYS) is None

    assert waits[:4] == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND]
    assert waits[-1] == DELAY_MAX


async def test_attempts_from_elsewhere_keep_nobody_waiting(store: StoreUnderTest) -> None:
    await _tries(store, KEYS, FREE_PER_ACCOUNT + 1)

    assert await store.access.admit_login(LoginKeys("account from elsewhere", "elsewhere")) is None
    assert await store.access.admit_login(LoginKeys("another account", "address")) is None


async def test_one_address_does_not_go_through_many_accounts(store: StoreUnderTest) -> None:
    tried = [
        await store.access.admit_login(LoginKeys(f"account {number}", "address"))
        for number in range(FREE_PER_ADDRESS + 1)
    ]

    assert tried[:-1] == [None] * FREE_PER_ADDRESS
    assert tried[-1] == NOON + SECOND


async def test_of_many_attempts_at_once_only_the_free_ones_are_taken(store: StoreUnderTest) -> None:
    async with asyncio.TaskGroup() as group:
        tried = [group.create_task(store.access.admit_login(KEYS)) for _ in range(3 * FREE_PER_ACCOUNT)]

    assert [each.result() for each in tried].count(None) == FREE_PER_ACCOUNT


async def test_success_forgets_the_account_and_takes_itself_off_the_address(store: StoreUnderTest) -> None:
    for _ in range(FREE_PER_ADDRESS + 5):
        assert await _tries(store, KEYS, FREE_PER_ACCOUNT - 1) == [None] * (FREE_PER_ACCOUNT - 1)
        for _ in range(FREE_PER_ACCOUNT - 1):
            await store.access.forgive_login(KEYS)

    await _tries(store, LoginKeys("guessed", "address"), 3)
    await _tries(store, KEYS, 1)
    await store.access.forgive_login(KEYS)
    more = [
        await store.access.admit_login(LoginKeys(f"account {number}", "address"))
        for number in range(FREE_PER_ADDRESS - 2)
    ]

    assert more[:-1] == [None] * (FREE_PER_ADDRESS - 3)
    assert more[-1] is not None


async def test_an_attempt_that_is_taken_back_counts_neither_for_the_account_nor_the_address(
    store: StoreUnderTest,
) -> None:
    for _ in range(FREE_PER_ADDRESS + FREE_PER_ACCOUNT):
        assert await store.access.admit_login(KEYS) is None
        await store.access.retract_login(KEYS)
    await _tries(store, KEYS, FREE_PER_ACCOUNT)
    await store.access.retract_login(KEYS)
    await store.access.retract_login(LoginKeys("never tried", "never tried"))

    assert await _tries(store, KEYS, 2) == [None, NOON + SECOND]


async def test_a_clock_that_was_set_back_keeps_nobody_out(store: StoreUnderTest) -> None:
    await _tries(store, KEYS, FREE_PER_ACCOUNT)
    assert await store.access.admit_login(KEYS) is not None
    store.clock.step(-SET_BACK_MAX)
    assert await store.access.admit_login(KEYS) is not None
    store.clock.step(-SECOND)

    assert await _tries(store, KEYS, FREE_PER_ACCOUNT) == [None] * FREE_PER_ACCOUNT


async def test_attempts_are_forgotten_after_an_hour_without_any(store: StoreUnderTest) -> None:
    await _tries(store, KEYS, FREE_PER_ACCOUNT)
    store.clock.advance(FORGOTTEN_AFTER)

    assert await _tries(store, KEYS, FREE_PER_ACCOUNT) == [None] * FREE_PER_ACCOUNT
