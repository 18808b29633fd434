"""Attempts of the handler at hand, begun and waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from application.scheduling.ports.execution_store import Claim
from application.scheduling.processors import (
    Run,
)
from application.scheduling.services.attempt import Attempt
from application.scheduling.services.perform_executions import PerformExecutions
from application.scheduling.services.run_execution import Call, RunExecution
from domain.scheduling.outcome import Outcome
from tests.support.house import House
from tests.support.waiting import turns


async def holding(house: House, count: int = 1, **fields: Any) -> PerformExecutions:
    """A worker that holds claims whose handlers are not called."""
    task = await house.create(policy={"overlap": "allow", "timeout": "60s"}, **fields)
    for _ in range(count):
        await house.run_now(task)
    perform = house.perform()
    for claim in await house.claim(count):
        perform.live.add(attempt_of(house, claim))
    return perform


def attempt_of(house: House, claim: Claim) -> Attempt:
    return Attempt(claim, house.clock, house.clock.monotonic() + claim.definition.policy.timeout.total_seconds())


def runner(house: House, *, stop_grace: float = 5.0) -> RunExecution:
    return RunExecution(house.processors, house.clock, timedelta(seconds=stop_grace))


async def outcome_of(
    run: RunExecution,
    attempt: Attempt,
    group: asyncio.TaskGroup,
    meanwhile: Callable[[Attempt, Call], Awaitable[None]] | None = None,
) -> Outcome | None:
    """How this attempt ends; None: its claim was lost."""
    over = asyncio.get_running_loop().create_future()
    call = run.begin(attempt, group, over.set_result)
    if meanwhile is not None:
        await turns()
        await meanwhile(attempt, call)
    await over
    return None if attempt.is_lost else attempt.conclude().outcome


async def ended(
    house: House,
    function: Callable[[Any, Run], Any],
    *,
    lasts: float = 900,
    stop_grace: float = 5.0,
    meanwhile: Callable[[Attempt, Call], Awaitable[None]] | None = None,
    **fields: Any,
) -> Outcome | None:
    """How an attempt with this handler ends."""
    house.processors.task("mail")(function)
    attempt = await house.attempt(lasts=lasts, **fields)
    async with asyncio.TaskGroup() as group:
        outcome = await outcome_of(runner(house, stop_grace=stop_grace), attempt, group, meanwhile)
    assert not attempt.is_stuck
    return outcome
