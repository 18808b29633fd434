"""`ExecutionStore`: what may be killing its workers is claimed apart from everything else."""

import pytest

from domain.scheduling.execution import ISOLATED_AFTER, RESCUES_MAX, ExecutionState
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.outcome import HandedBack, UnknownHandler
from domain.scheduling.work import UNKNOWN_HANDLER_WAIT_MAX
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import MINUTE, a_definition, a_failure


async def _rescued(store: StoreUnderTest, name: str, rescues: int) -> ExecutionId:
    """A pending execution of a new task, whose workers died so often; nothing else may be pending."""
    task = await store.add(a_definition(name))
    execution_id = await store.run_now(task, key=name)
    for _ in range(rescues):
        await store.claim()
        await store.executions.rescue_worker(WORKER)
    return execution_id


async def _claimed(store: StoreUnderTest, *, isolated: bool, task_types: list[str] | None = None) -> list[ExecutionId]:
    tokens = [store.token() for _ in range(5)]
    claims = await store.executions.claim(WORKER, tokens, task_types=task_types, isolated=isolated)
    return [each.execution.id for each in claims]


@pytest.mark.parametrize("rescues", range(RESCUES_MAX + 1))
async def test_what_its_workers_died_of_again_and_again_is_claimed_apart(store: StoreUnderTest, rescues: int) -> None:
    execution = await _rescued(store, "suspect or not", rescues)
    beside = await _rescued(store, "of one start", 0)

    together = await _claimed(store, isolated=False)
    apart = await _claimed(store, isolated=True)

    assert (together, apart) == (([beside], [execution]) if rescues >= ISOLATED_AFTER else ([execution, beside], []))


async def test_a_suspect_is_claimed_by_type_as_others_are(store: StoreUnderTest) -> None:
    suspect = await _rescued(store, "suspect", ISOLATED_AFTER)

    assert await _claimed(store, isolated=True, task_types=["other"]) == []
    assert await _claimed(store, isolated=False, task_types=["mail"]) == []
    assert await _claimed(store, isolated=True, task_types=["mail"]) == [suspect]


async def test_a_suspect_is_known_to_wait_while_it_may_be_claimed(store: StoreUnderTest) -> None:
    await _rescued(store, "suspect", ISOLATED_AFTER - 1)
    seen = [await store.executions.is_suspect_pending()]
    await store.claim()
    await store.executions.rescue_worker(WORKER)
    seen.append(await store.executions.is_suspect_pending())
    claim = await store.claim()
    seen.append(await store.executions.is_suspect_pending())
    await store.settle(claim)
    seen.append(await store.executions.is_suspect_pending())

    assert seen == [False, True, False, False]


async def test_a_suspect_that_was_put_back_waits_for_its_handler_first(store: StoreUnderTest) -> None:
    await _rescued(store, "suspect", ISOLATED_AFTER)
    await store.settle(await store.claim(), UnknownHandler())
    at_first = (await store.executions.is_suspect_pending(), await _claimed(store, isolated=True))
    store.clock.advance(UNKNOWN_HANDLER_WAIT_MAX)

    assert at_first == (False, [])
    assert await store.executions.is_suspect_pending()
    assert len(await _claimed(store, isolated=True)) == 1


@pytest.mark.parametrize("retries", [False, True])
async def test_a_suspect_stays_one_whatever_came_of_its_attempt(store: StoreUnderTest, retries: bool) -> None:
    suspect = await _rescued(store, "suspect", ISOLATED_AFTER)
    retry_at = store.clock.now() + MINUTE
    await store.settle(await store.claim(), a_failure(retry_at=retry_at) if retries else HandedBack())
    store.clock.advance(MINUTE)
    await store.executions.release_due(10)

    assert await store.state(suspect) is ExecutionState.PENDING
    assert await _claimed(store, isolated=False) == []
    assert await _claimed(store, isolated=True) == [suspect]
