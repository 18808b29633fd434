"""Mutants of how attempts end: retries, cancelling, rescue. See `mutants`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from adapters.memory.execution_store import MemoryExecutionStore
from application.scheduling.services.rescue_stuck import RescueStuck
from domain.scheduling.execution import CancelRequest, Execution, ExecutionState
from domain.scheduling.work import Work

Patch = Callable[[Any, str, Any], None]


def retry_counted_twice(patch: Patch) -> None:
    """A failure that uses up two attempts."""
    original = Work._failed

    def _failed(self: Work, execution: Execution, outcome: Any, at: datetime) -> Work:
        return original(self, replace(execution, attempts_used=execution.attempts_used + 1), outcome, at)

    patch(Work, "_failed", _failed)


def cancel_as_blind_write(patch: Patch) -> None:
    """A cancelling that ends what runs."""

    def cancelled(self: Execution, request: CancelRequest) -> Execution:
        ended = replace(self, state=ExecutionState.CANCELLED, finished_at=request.at)
        return replace(ended, cancel=self.cancel or request)

    patch(Execution, "cancelled", cancelled)


def rescue_of_the_living(patch: Patch) -> None:
    """A rescuer that does not notice beats."""

    def _sighting(self: RescueStuck, held: Any, now: float, unseen: float) -> tuple[int, float]:
        return held.beat, self._seen.get((held.execution_id, held.token), (0, now))[1]

    patch(RescueStuck, "_sighting", _sighting)


def claims_told_apart_by_token(patch: Patch) -> None:
    """A rescuer that takes two executions for one, because a claim was delivered twice with one token."""

    def _sighting(self: RescueStuck, held: Any, now: float) -> tuple[int, float]:
        seen = next((self._seen[each] for each in reversed(self._seen) if each[1] == held.token), None)
        return seen if seen is not None and held.beat in (seen[0], 0) else (held.beat, now)

    async def run_once(self: RescueStuck) -> int:
        asked = self.clock.monotonic()
        held = await self.executions.held()
        by_token = {each.token: _sighting(self, each, self.clock.monotonic()) for each in held}
        self._seen = {(each.execution_id, each.token): by_token[each.token] for each in held}
        silent = [each for each in held if asked - by_token[each.token][1] >= self.lease.total_seconds()]
        return len(await self.executions.rescue(silent)) if silent else 0

    patch(RescueStuck, "run_once", run_once)


def without_rescue(patch: Patch) -> None:
    """Nobody looks after the dead."""

    async def run_once(self: RescueStuck) -> int:
        return 0

    patch(RescueStuck, "run_once", run_once)


def suspects_beside_others(patch: Patch) -> None:
    """A claim that hands out what may be killing workers together with everything else."""
    original = MemoryExecutionStore._claimable

    def _claimable(self: MemoryExecutionStore, now: datetime, *, isolated: bool) -> Any:
        suspects, others = original(self, now, isolated=True), original(self, now, isolated=False)
        return suspects if isolated else sorted([*suspects, *others], key=lambda each: each.execution.available_at)

    patch(MemoryExecutionStore, "_claimable", _claimable)


def rescue_without_end(patch: Patch) -> None:
    """A poisonous execution that is tried for ever."""
    original = Work.rescue

    def rescue(self: Work, execution_id: Any, at: datetime) -> Work:
        execution = replace(self.executions[execution_id], rescues=0)
        return original(replace(self, executions={**self.executions, execution_id: execution}), execution_id, at)

    patch(Work, "rescue", rescue)
