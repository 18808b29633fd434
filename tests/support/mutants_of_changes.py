"""Mutants of what people do, and of what they get to see. See `mutants`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import application.scheduling.services.attempt_log as attempt_log_module
import application.scheduling.services.error_reports as error_reports_module
import application.scheduling.services.manage_tasks as manage_tasks_module
import domain.scheduling.execution as execution_module
import domain.scheduling.runs as runs_module
from adapters.memory.state import KeptExecution, State
from application.scheduling.services.change_task import ChangeTask, Done
from application.scheduling.services.live_attempts import LiveAttempts
from domain.scheduling.change import Change
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ClaimToken
from domain.scheduling.mutation import Mutation, undelete
from domain.scheduling.task import ScheduledTask

Patch = Callable[[Any, str, Any], None]


def nothing_changed_not_recorded(patch: Patch) -> None:
    """A change that changes nothing, answered and forgotten."""
    original = ChangeTask._mutate

    async def _mutate(self: ChangeTask, mutation: Mutation) -> Any:
        if mutation.before is not None and mutation.after == mutation.before and not mutation.runs:
            return Done(mutation.before)
        return await original(self, mutation)

    async def _done(self: ChangeTask, answer: Any, task_id: Any) -> Done:
        return answer if isinstance(answer, Done) else await done(self, answer, task_id)

    done = ChangeTask._done
    patch(ChangeTask, "_mutate", _mutate)
    patch(ChangeTask, "_done", _done)


def nothing_changed_moves_version(patch: Patch) -> None:
    """A change that changes nothing and yet makes another version."""
    original = Mutation._overlaid

    def _overlaid(self: Mutation, before: ScheduledTask, current: ScheduledTask) -> ScheduledTask:
        task = original(self, before, current)
        idle = self.change.action.moves_version and task.version == current.version
        return replace(task, version=task.version + 1) if idle else task

    patch(Mutation, "_overlaid", _overlaid)


def undelete_from_now(patch: Patch) -> None:
    """An undelete that forgets what was owed meanwhile."""

    def forgetful(task: ScheduledTask, change: Change) -> Mutation:
        return replace(undelete(task, change), skips=())

    patch(manage_tasks_module, "undelete", forgetful)


def redrive_again_and_again(patch: Patch) -> None:
    """As many executions in place of a dead one as there are requests."""
    original, count = execution_module.redrive_key, iter(range(1_000_000))
    patch(runs_module, "redrive_key", lambda dead: f"{original(dead)}/{next(count)}")


def secrets_told(patch: Patch) -> None:
    """Errors and log lines as handlers wrote them."""
    patch(error_reports_module, "redacted", str)
    patch(attempt_log_module, "redacted", str)


def claim_that_overlooks(patch: Patch) -> None:
    """Some executions that no worker ever finds."""
    original = State.open_executions

    def open_executions(self: State, *states: ExecutionState) -> list[KeptExecution]:
        found = original(self, *states)
        return [each for each in found if ExecutionState.PENDING not in states or each.execution.id[-1] not in "07"]

    patch(State, "open_executions", open_executions)


def attempts_never_let_go(patch: Patch) -> None:
    """A worker that holds on to some attempts for good, though their ends are on record."""
    original = LiveAttempts.remove

    def remove(self: LiveAttempts, token: ClaimToken) -> bool:
        return token[-1] not in "07" and original(self, token)

    patch(LiveAttempts, "remove", remove)
