"""Two schedulers and three workers on a PostgreSQL, killed and frozen, and the server itself, keep every promise.

Ledger, journals, oracle and checker are those of the file; the store is read in plain SQL.
"""

from collections.abc import Callable

import pytest

from tests.support.chaos_burst import burst
from tests.support.chaos_ground import LEASE_SECONDS
from tests.support.chaos_on_postgres import on_postgres, on_postgres_behind_a_pooler, on_postgres_beside_redis
from tests.support.chaos_plan import IN_A_BURST, ON_POSTGRES, Kind, Trouble, long_plan, short_plan
from tests.support.chaos_report import Report
from tests.support.chaos_run import held, in_turn, troubled
from tests.support.chaos_trial import is_worth_its_name, tried

pytestmark = pytest.mark.postgres

SHORT = 5
LONG = 13
LONG_SECONDS = 600.0
FEW, MANY = 1_000, 10_000
RESUMED_WITHIN_MS = 3_000.0
UNTOLD_WITHIN_MS = 5_000.0
# In seconds: shorter and longer than a lease, than a lock and a call are waited for, and than the longest wait between
# two attempts to reach a store.
OUTAGES = (0.3, 1.0, 2.0, 5.0, 15.0)
HANGING = (Kind.STOP_BACKENDS, Kind.LOCK_TABLES, Kind.ALTER_TABLE, Kind.HOLD_ROWS)


@pytest.mark.timeout(240)
async def test_no_promise_is_broken_by_a_burst_and_any_fault_of_processes_and_postgres(
    chosen: Callable[..., int],
) -> None:
    seed = chosen(SHORT)

    plan = short_plan(ON_POSTGRES, seed, parts=2)
    report = await tried(f"postgres-{seed}", on_postgres, seed, in_turn(burst(FEW), troubled(plan)))

    is_worth_its_name(report)
    assert _resumed_in_time(report)


@pytest.mark.soak
async def test_a_burst_is_whole_though_a_scheduler_and_a_worker_die_in_it(chosen: Callable[..., int]) -> None:
    report = await tried("postgres-burst", on_postgres, chosen(LONG), burst(MANY))

    # A default task may have had its hour meanwhile.
    assert report.executions.keys() == {"succeeded"}
    assert report.executions["succeeded"] >= MANY
    assert report.recoveries["rescued"] > 0
    assert report.starts <= MANY + report.recoveries["rescued"]


@pytest.mark.soak
@pytest.mark.parametrize("kind", [Kind.HALT_STORE, *HANGING])
async def test_a_server_that_comes_back_is_served_again_within_seconds(chosen: Callable[..., int], kind: Kind) -> None:
    seed, outages = chosen(LONG), [Trouble(kind, gap=3.0, seconds=each) for each in OUTAGES]

    report = await tried(f"postgres-outages-{kind.name}-{seed}", on_postgres, seed, troubled(tuple(outages)))

    assert _resumed_in_time(report)


@pytest.mark.soak
async def test_who_hears_no_hints_goes_on(chosen: Callable[..., int]) -> None:
    seed, outages = chosen(LONG), [Trouble(Kind.KILL_HINTS, gap=3.0, seconds=each) for each in OUTAGES]

    report = await tried(f"postgres-untold-{seed}", on_postgres_beside_redis, seed, troubled(tuple(outages)))

    assert report.hints_lost_to_next_dispatch.count == len(OUTAGES)
    worst = report.hints_lost_to_next_dispatch.max_ms
    assert worst is not None
    assert worst <= UNTOLD_WITHIN_MS


@pytest.mark.soak
async def test_no_promise_is_broken_behind_a_pooler(chosen: Callable[..., int]) -> None:
    seed = chosen(LONG)

    plan = short_plan(ON_POSTGRES, seed, parts=1)
    story = in_turn(burst(FEW), troubled(plan))
    report = await tried(f"postgres-pooled-{seed}", on_postgres_behind_a_pooler, seed, story)

    is_worth_its_name(report)
    assert _resumed_in_time(report)


@pytest.mark.soak
async def test_nothing_starts_while_all_firing_is_held_whatever_fails_meanwhile(chosen: Callable[..., int]) -> None:
    seed = chosen(LONG)

    plan = short_plan(ON_POSTGRES, seed, parts=1)
    report = await tried(f"postgres-held-{seed}", on_postgres, seed, held(plan, at_once=4))

    assert report.faults[Kind.HOLD] > 1
    is_worth_its_name(report)


@pytest.mark.soak
async def test_no_promise_is_broken_in_ten_minutes_of_chaos_on_postgres(chosen: Callable[..., int]) -> None:
    seed = chosen(LONG)

    plan = long_plan((*IN_A_BURST, *ON_POSTGRES), seed, seconds=LONG_SECONDS, lease=LEASE_SECONDS)
    report = await tried(f"postgres-long-{seed}", on_postgres, seed, troubled(plan))

    is_worth_its_name(report)
    assert _resumed_in_time(report)
    assert report.late.count > 0


def _resumed_in_time(report: Report) -> bool:
    worst = report.store_back_to_next_dispatch.max_ms
    return worst is not None and worst <= RESUMED_WITHIN_MS
