"""Two schedulers and three workers on a Redis, killed, frozen and cut off, and the Redis itself, keep every promise.

Ledger, journals, oracle and checker are those of the file; the store is read through its ports.
"""

from collections.abc import Callable

import pytest

from tests.support.chaos_on_redis import on_redis
from tests.support.chaos_plan import ON_REDIS
from tests.support.chaos_run import troubled
from tests.support.chaos_trial import is_worth_its_name, tried

pytestmark = pytest.mark.redis

SHORT = 3
LONG = 12
LONG_SECONDS = 600.0
RESUMED_WITHIN_MS = 3_000.0


@pytest.mark.timeout(240)
async def test_no_promise_is_broken_by_any_fault_on_redis(chosen: Callable[..., int]) -> None:
    seed = chosen(SHORT)

    report = await tried(f"redis-{seed}", on_redis, seed, troubled(short_plan(ON_REDIS, seed, parts=1)))

    is_worth_its_name(report)
