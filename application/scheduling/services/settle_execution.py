"""Putting the ends of attempts on record, many in one step, and again until the store has taken them.

An end that can't be told now is told later: the heartbeat keeps the claim alive meanwhile, and telling it twice is
harmless. Only a claim that was rescued in between is lost, which is said and not an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.execution_store import ExecutionStore, Lost, SettleAnswer, Settled, Settlement
from application.scheduling.ports.observer import Observer
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.services.attempt import Ended
from application.scheduling.services.live_attempts import LiveAttempts
from domain.scheduling.events import ClaimLost, ExecutionSettled
from domain.scheduling.execution import ExecutionState
from domain.scheduling.outcome import Failed
from domain.scheduling.retry import RetryAt


@dataclass(frozen=True, slots=True)
class SettleExecution:
    """Tells the store how attempts ended, and the observer what became of it."""

    executions: ExecutionStore
    clock: Clock
    wakeup: Wakeup
    observer: Observer

    async def settle(self, ended: Sequence[Ended], live: LiveAttempts) -> None:
        """Settle all of these in one step. Raises StoreUnavailableError; the call may be repeated."""
        await put_on_record(self.executions, ended, live, self.observer)
        self.wakeup.changed(each.attempt.task_id for each in ended)
        self.wakeup.scheduler()


async def put_on_record(
    executions: ExecutionStore, ended: Sequence[Ended], live: LiveAttempts, observer: Observer
) -> None:
    """Settle all of these in one step, with what they logged last, and hold them no longer.

    Event loop and heartbeat may both do so, and even at once: the second changes nothing and is not told.
    """
    answers = await _settle(executions, ended)
    for each, answer in zip(ended, answers, strict=True):
        if live.remove(each.attempt.token):
            observer.observe(_told(each, answer))
        if isinstance(answer, Settled) and answer.stopped is not None:
            # Only the step that stopped the task answers so, whichever of the two made it.
            observer.observe(answer.stopped)


async def _settle(executions: ExecutionStore, ended: Sequence[Ended]) -> Sequence[SettleAnswer]:
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


def _told(ended: Ended, answer: SettleAnswer) -> ExecutionSettled | ClaimLost:
    """What the observer hears of an end that was told to the store: what the store made of it."""
    attempt, outcome = ended.attempt, ended.outcome
    if isinstance(answer, Lost):
        return ClaimLost(attempt.execution_id, attempt.task_name)
    then = outcome.then if isinstance(outcome, Failed) and answer.state is ExecutionState.RETRY_WAIT else None
    return ExecutionSettled(
        execution_id=attempt.execution_id,
        task_id=attempt.task_id,
        task_name=attempt.task_name,
        task_type=attempt.claim.definition.task_type,
        attempt=attempt.attempt,
        outcome=answer.outcome,
        state=answer.state,
        took=ended.took,
        error=answer.error,
        retry_at=then.at if isinstance(then, RetryAt) else None,
        cancel=answer.cancel,
    )
