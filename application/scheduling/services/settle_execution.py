"""Putting the ends of attempts on record, many in one step, and again until the store has taken them.

An end that can't be told now is told later: the heartbeat keeps the claim alive meanwhile, and telling it twice is
harmless. Only a claim that was rescued in between is lost, which is said and not an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.execution_store import ExecutionStore, Lost, SettleAnswer, Settlement
from application.scheduling.ports.observer import Observer
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.services.attempt import Attempt
from domain.scheduling.events import ClaimLost, ExecutionSettled
from domain.scheduling.execution import AttemptOutcome, ExecutionState
from domain.scheduling.outcome import Continued, Failed, HandedBack, Outcome, Stopped, Succeeded, UnknownHandler

OUTCOMES: dict[type[Outcome], AttemptOutcome] = {
    Succeeded: AttemptOutcome.SUCCEEDED,
    Continued: AttemptOutcome.SUCCEEDED,
    Failed: AttemptOutcome.FAILED,
    Stopped: AttemptOutcome.CANCELLED,
    HandedBack: AttemptOutcome.HANDED_BACK,
    UnknownHandler: AttemptOutcome.UNKNOWN_HANDLER,
}


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt, how it ended, and how long it took."""

    attempt: Attempt
    outcome: Outcome
    took: timedelta


@dataclass(frozen=True, slots=True)
class SettleExecution:
    """Tells the store how attempts ended, and the observer what became of it."""

    executions: ExecutionStore
    clock: Clock
    wakeup: Wakeup
    observer: Observer

    async def settle(self, ended: Sequence[Ended]) -> None:
        """Settle all of these in one step. Raises StoreUnavailableError; the call may be repeated."""
        answers = await settle_all(self.executions, ended)
        self.wakeup.changed(each.attempt.task_id for each in ended)
        self.wakeup.scheduler()
        for each, answer in zip(ended, answers, strict=True):
            self._tell(each, answer)

    def _tell(self, ended: Ended, answer: SettleAnswer) -> None:
        if isinstance(answer, Lost):
            self.observer.observe(ClaimLost(ended.attempt.execution_id, ended.attempt.task_name))
        else:
            self.observer.observe(settled_event(ended, answer.state))


async def settle_all(executions: ExecutionStore, ended: Sequence[Ended]) -> Sequence[SettleAnswer]:
    """Settle all of these in one step, with what they logged last; see the port."""
    beats = [each.attempt.beat() for each in ended]
    try:
        return await executions.settle(
            [
                Settlement(each.attempt.execution_id, each.attempt.token, each.outcome, beat.progress, beat.log)
                for each, beat in zip(ended, beats, strict=True)
            ]
        )
    except BaseException:
        for each, beat in zip(ended, beats, strict=True):
            each.attempt.unsent(beat)
        raise


def settled_event(ended: Ended, state: ExecutionState) -> ExecutionSettled:
    """What the observer hears of an end that was accepted and led to `state`."""
    attempt, outcome = ended.attempt, ended.outcome
    timed_out = isinstance(outcome, Failed) and outcome.timed_out
    return ExecutionSettled(
        execution_id=attempt.execution_id,
        task_id=attempt.task_id,
        task_name=attempt.task_name,
        task_type=attempt.claim.definition.task_type,
        attempt=attempt.attempt,
        outcome=AttemptOutcome.TIMEOUT if timed_out else OUTCOMES[type(outcome)],
        state=state,
        took=ended.took,
        error=outcome.error if isinstance(outcome, Failed) else None,
    )
