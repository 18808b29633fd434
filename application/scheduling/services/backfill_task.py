"""Running a task for occurrences of the past, whether or not they ran in their time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from application.scheduling.ports.clock import Entropy
from application.scheduling.ports.history import ExecutionFilter, History
from application.scheduling.services.change_task import Author, ChangeTask, Done
from domain.errors import TaskStateError
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation
from domain.scheduling.runs import BACKFILL_MAX, backfill, occurrences_to_backfill, overlap_refusal
from domain.scheduling.task import ScheduledTask


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What a backfill has made of a task: its name, and its executions that are still on record, in their order.

    `refusal` is for a dry run only: why the same request without it would be refused now; None if it would not.
    """

    done: Done
    backfill: str
    executions: Sequence[Execution]
    refusal: TaskStateError | None = None


@dataclass(frozen=True, slots=True)
class BackfillTask:
    """Runs the occurrences of the present schedule in a span of the past, all or none of them."""

    change_task: ChangeTask
    history: History
    entropy: Entropy

    async def backfill(
        self,
        task_id: TaskId,
        by: Author,
        *,
        begin: datetime,
        until: datetime,
        allow_overlap: bool = False,
        dry_run: bool = False,
    ) -> Backfilled:
        """An execution for each occurrence in [begin, until]; the same idempotency key answers with the same ones.

        With `dry_run`, the executions as they would be, whether or not they may be open at once. Raises
        InvalidTaskError (`in_the_future`, `out_of_range`, `no_occurrence`, `too_many`) and, unless it is dry,
        TaskStateError (`already_running`, `runs_overlap`).
        """
        name = by.idempotency_key or self.entropy.identifier()
        planned: list[Mutation] = []

        def decide(task: ScheduledTask, change: Change) -> Mutation:
            occurrences = occurrences_to_backfill(task, begin, until, change.at)
            mutation = backfill(task, occurrences, change, key=name, allow_overlap=allow_overlap or dry_run)
            planned[:] = [mutation]
            return mutation

        done = await self.change_task.carry_out(task_id, ChangeAction.BACKFILL, by, decide, dry_run=dry_run)
        if dry_run and not done.replayed:
            (plan,) = planned
            refusal = overlap_refusal(plan.after, len(plan.runs), allow_overlap=allow_overlap)
            return Backfilled(done, name, plan.runs, refusal)
        which = ExecutionFilter(done.task.id, backfill=name)
        page = await self.history.executions(which, limit=BACKFILL_MAX, cursor=None)
        return Backfilled(done, name, tuple(each.execution for each in reversed(page.executions)))
