"""Rules of the protocol taken away one at a time, to see whether the simulation notices.

Each mutant replaces one function of the memory store, the domain or a service for the length of a test.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import domain.scheduling.firing as firing_module
import domain.scheduling.mutation as mutation_module
from adapters.memory.execution_store import MemoryExecutionStore
from adapters.memory.state import KeptExecution, State
from adapters.memory.task_store import MemoryTaskStore
from application.scheduling.ports.execution_store import Claim
from application.scheduling.ports.hold import Hold
from application.scheduling.services import deciding
from application.scheduling.services.change_task import ChangeTask
from application.scheduling.services.watch_hold import WatchHold
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionKind, ExecutionState
from domain.scheduling.firing import Firing, fire
from domain.scheduling.mutation import Compared, Mutation
from domain.scheduling.policy import Overlap
from domain.scheduling.standing import Standing
from domain.scheduling.task import ScheduledTask, TaskStatus
from domain.scheduling.work import Work
from tests.support.mutants_of_changes import (
    attempts_never_let_go,
    claim_that_overlooks,
    nothing_changed_moves_version,
    nothing_changed_not_recorded,
    redrive_again_and_again,
    secrets_told,
    undelete_from_now,
)
from tests.support.mutants_of_clocks import (
    change_by_the_askers_clock,
    commit_by_the_schedulers_clock,
    fence_without_generation,
    resume_by_older_zone_data,
    retry_later_than_promised,
    zone_data_not_compared,
)
from tests.support.mutants_of_ends import (
    cancel_as_blind_write,
    claims_told_apart_by_token,
    rescue_of_the_living,
    rescue_without_end,
    retry_counted_twice,
    suspects_beside_others,
    without_rescue,
)

Patch = Callable[[Any, str, Any], None]
Mutant = Callable[[Patch], None]


def _comparing(*compared: str) -> Mutant:
    """A commit that compares only these of status, version, decided_until, open_seq."""

    def allows_firing(self: Standing, read: ScheduledTask) -> bool:
        if "status" in compared and (self.status != TaskStatus.ACTIVE or self.is_deleted):
            return False
        allows = read.definition.policy.overlap is Overlap.ALLOW
        fields = [each for each in compared if each != "status" and not (each == "open_seq" and allows)]
        return all(getattr(self, each) == getattr(Standing.of(read), each) for each in fields)

    return lambda patch: patch(Standing, "allows_firing", allows_firing)


def without_good_until(patch: Patch) -> None:
    """A commit that takes a decision that has gone stale."""
    original = MemoryTaskStore._fire

    def _fire(self: MemoryTaskStore, read: ScheduledTask, firing: Firing, now: datetime) -> Any:
        return original(self, read, replace(firing, good_until=None), now)

    patch(MemoryTaskStore, "_fire", _fire)


def settle_without_token(patch: Patch) -> None:
    """A settlement that any worker may bring."""
    original = MemoryExecutionStore._settle

    def _settle(self: MemoryExecutionStore, settlement: Any, now: datetime) -> Any:
        kept = self.state.executions.get(settlement.execution_id)
        if kept is not None and kept.execution.state is ExecutionState.RUNNING:
            settlement = replace(settlement, token=kept.execution.token)
        return original(self, settlement, now)

    patch(MemoryExecutionStore, "_settle", _settle)


def settle_without_state(patch: Patch) -> None:
    """A settlement, heartbeat or rescue of what does not run any more."""
    patch(KeptExecution, "is_held_by", lambda self, token: self.execution.token == token)


def claim_without_moving_state(patch: Patch) -> None:
    """A claim that hands out and does not write."""

    def _claim(self: MemoryExecutionStore, kept: KeptExecution, worker_id: Any, token: Any, now: datetime) -> Claim:
        execution = kept.execution.claimed(worker_id, token, self.state.claims_made, now)
        return Claim(execution, self.state.definition(execution), token)

    patch(MemoryExecutionStore, "_claim", _claim)


def claim_before_its_time(patch: Patch) -> None:
    """A retry that does not wait."""
    original = MemoryExecutionStore.release_due

    async def release_due(self: MemoryExecutionStore, limit: int) -> Any:
        for kept in self.state.open_executions(ExecutionState.RETRY_WAIT):
            kept.execution = kept.execution.released(self.state.now())
        return await original(self, limit)

    patch(MemoryExecutionStore, "release_due", release_due)


def without_promotion(patch: Patch) -> None:
    """A waiting execution that nobody lets go."""
    patch(Work, "_with_promoted", lambda self, at: self)


def edit_without_version(patch: Patch) -> None:
    """An edit after which the task says it is what it was."""
    moving = set(ChangeAction) - {ChangeAction.RUN, ChangeAction.CANCEL, ChangeAction.EDIT}
    patch(ChangeAction, "moves_version", property(lambda self: self in moving))


def resume_from_now(patch: Patch) -> None:
    """A resume that forgets what was owed."""
    original = mutation_module._resumed

    def _resumed(*args: Any) -> Mutation:
        return replace(original(*args), skips=())

    patch(mutation_module, "_resumed", _resumed)


def busy_before_key(patch: Patch) -> None:
    """A run now that is refused, although its key was answered before."""

    async def replayed(self: ChangeTask, by: Any) -> None:
        return None

    patch(ChangeTask, "replayed", replayed)


def without_keys(patch: Patch) -> None:
    """Nobody remembers idempotency keys."""
    busy_before_key(patch)
    patch(MemoryTaskStore, "_done_before", lambda self, mutation: None)


def run_now_not_open(patch: Patch) -> None:
    """A firing that does not see what people run."""
    original = firing_module.admit

    def admit(overlap: Overlap, picked: Any, open_: Any) -> Any:
        return original(overlap, picked, tuple(each for each in open_ if each.kind is not ExecutionKind.MANUAL))

    patch(firing_module, "admit", admit)


def run_now_without_open_seq(patch: Patch) -> None:
    """A run now that compares nothing but the version."""
    original = Mutation.holds_for

    def holds_for(self: Mutation, current: ScheduledTask | None) -> bool:
        return original(replace(self, compares=frozenset()) if self.runs else self, current)

    patch(Mutation, "holds_for", holds_for)


def mutations_without(compared: Compared) -> Mutant:
    """Changes that do not compare this."""

    def mutant(patch: Patch) -> None:
        original = Mutation.holds_for

        def holds_for(self: Mutation, current: ScheduledTask | None) -> bool:
            return original(replace(self, compares=self.compares - {compared}), current)

        patch(Mutation, "holds_for", holds_for)

    return mutant


def mutations_without_version(patch: Patch) -> None:
    """Changes made to whatever the task is by now."""
    original = Mutation.holds_for

    def holds_for(self: Mutation, current: ScheduledTask | None) -> bool:
        if self.before is None or current is None:
            return original(self, current)
        return original(replace(self, before=replace(self.before, version=current.version)), current)

    patch(Mutation, "holds_for", holds_for)


def watermark_not_advanced_with_skip(patch: Patch) -> None:
    """A firing that only passes over and leaves the watermark."""

    def lazily(task: ScheduledTask, now: datetime) -> Firing:
        firing = fire(task, now)
        return firing if firing.run else replace(firing, decided_until=task.decided_until)

    patch(deciding, "fire", lazily)


def skips_not_recorded(patch: Patch) -> None:
    """Occurrences passed over in silence."""
    original = MemoryTaskStore._fire

    def _fire(self: MemoryTaskStore, read: ScheduledTask, firing: Firing, now: datetime) -> Any:
        return original(self, read, replace(firing, skips=()), now)

    patch(MemoryTaskStore, "_fire", _fire)


def changes_not_recorded(patch: Patch) -> None:
    """Changes by nobody."""
    original = State.record

    def record(self: State, kept: Any) -> None:
        original(self, kept)
        self.changes.remove(kept)

    patch(State, "record", record)


def switch_looked_at_once(patch: Patch) -> None:
    """What was seen of the switch is trusted for ever."""
    original = WatchHold.current

    async def current(self: WatchHold) -> Hold | None:
        return await original(self) if self._looked_at is None else None

    patch(WatchHold, "current", current)


MUTANTS: dict[str, Mutant] = {
    "commit without status": _comparing("version", "decided_until", "open_seq"),
    "commit without version": _comparing("status", "decided_until", "open_seq"),
    "commit without decided_until": _comparing("status", "version", "open_seq"),
    "commit without open_seq": _comparing("status", "version", "decided_until"),
    "commit without good_until": without_good_until,
    "commit by the scheduler's clock": commit_by_the_schedulers_clock,
    "change by the asker's clock": change_by_the_askers_clock,
    "fence without generation": fence_without_generation,
    "zone data not compared": zone_data_not_compared,
    "resume by older zone data": resume_by_older_zone_data,
    "retry later than promised": retry_later_than_promised,
    "what changes nothing not recorded": nothing_changed_not_recorded,
    "what changes nothing moves the version": nothing_changed_moves_version,
    "undelete from now alone": undelete_from_now,
    "redrive again and again": redrive_again_and_again,
    "secrets told": secrets_told,
    "claim that overlooks": claim_that_overlooks,
    "attempts never let go": attempts_never_let_go,
    "settle without token": settle_without_token,
    "settle without state": settle_without_state,
    "claim that does not move the state": claim_without_moving_state,
    "retry before its time": claim_before_its_time,
    "promotion left out": without_promotion,
    "edit that moves no version": edit_without_version,
    "resume from now alone": resume_from_now,
    "busy tested before the key": busy_before_key,
    "keys not remembered": without_keys,
    "run now not counted as open": run_now_not_open,
    "run now without open_seq": run_now_without_open_seq,
    "change without version": mutations_without_version,
    "change without decided_until": mutations_without(Compared.DECIDED_UNTIL),
    "change without status": mutations_without(Compared.STATUS),
    "watermark not advanced with a skip": watermark_not_advanced_with_skip,
    "skips not recorded": skips_not_recorded,
    "retry counted twice": retry_counted_twice,
    "cancel as a blind write": cancel_as_blind_write,
    "rescue of the living": rescue_of_the_living,
    "claims told apart by their token alone": claims_told_apart_by_token,
    "no rescue": without_rescue,
    "rescue without end": rescue_without_end,
    "suspects claimed with the others": suspects_beside_others,
    "changes not recorded": changes_not_recorded,
    "switch looked at once": switch_looked_at_once,
}
