"""One store, its clock, and the steps from which the conformance tests are made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from application.scheduling.ports.access import Access
from application.scheduling.ports.access_trail import AccessTrail
from application.scheduling.ports.execution_store import Beat, Claim, ExecutionStore, SettleAnswer, Settlement
from application.scheduling.ports.figures import Figures
from application.scheduling.ports.history import History
from application.scheduling.ports.hold import Holds
from application.scheduling.ports.membership import Membership
from application.scheduling.ports.news import News
from application.scheduling.ports.records import ExecutionRecord
from application.scheduling.ports.task_store import Applied, CommitAnswer, Committed, Decision, MutateAnswer, TaskStore
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId, TaskId
from domain.scheduling.mutation import Mutation, delete, edit, pause, resume
from domain.scheduling.outcome import Outcome, Succeeded
from domain.scheduling.policy import Misfire
from domain.scheduling.runs import run_now
from domain.scheduling.sharing import EVERYTHING, Share
from domain.scheduling.task import Definition, Pause, ScheduledTask
from entrypoints.stores import Stores
from tests.support.builders import a_change, a_creation, a_pause
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy

WORKER = NodeId("worker-a")
OTHER_WORKER = NodeId("worker-b")


@dataclass(frozen=True, slots=True)
class StoreUnderTest:
    """A store on a clock that stands still.

    `cut_off` makes it unreachable; `spoil` makes a task's row unreadable, and `mend` readable again.
    """

    clock: ManualClock
    stores: Stores
    cut_off: Callable[[], Awaitable[None]]
    spoil: Callable[[TaskId], Awaitable[None]]
    mend: Callable[[TaskId], Awaitable[None]]
    _entropy: CountingEntropy = field(default_factory=CountingEntropy)

    @property
    def tasks(self) -> TaskStore:
        return self.stores.tasks

    @property
    def executions(self) -> ExecutionStore:
        return self.stores.executions

    @property
    def history(self) -> History:
        return self.stores.history

    @property
    def membership(self) -> Membership:
        return self.stores.membership

    @property
    def access(self) -> Access:
        return self.stores.access

    @property
    def figures(self) -> Figures:
        return self.stores.figures

    @property
    def news(self) -> News:
        return self.stores.news

    @property
    def trail(self) -> AccessTrail:
        return self.stores.trail

    @property
    def holds(self) -> Holds:
        return self.stores.holds

    def token(self) -> ClaimToken:
        """A token no claim had before."""
        return ClaimToken(self._entropy.token())

    async def mutate(self, mutation: Mutation) -> MutateAnswer:
        """Carry out one change."""
        (answer,) = await self.tasks.mutate([mutation])
        return answer

    async def applied(self, mutation: Mutation) -> ScheduledTask:
        """Carry out one change that must succeed; the task after it."""
        answer = await self.mutate(mutation)
        assert isinstance(answer, Applied), answer
        return answer.task

    async def add(self, definition: Definition | None = None, *, run_if_past: bool = False) -> ScheduledTask:
        """Create a task now."""
        return await self.applied(a_creation(definition, at=self.clock.now(), run_if_past=run_if_past))

    async def described(self, task: ScheduledTask, description: str) -> ScheduledTask:
        """The task after an edit that moves nothing but its version."""
        definition = replace(task.definition, description=description)
        return await self.applied(edit(task, definition, a_change(at=self.clock.now())))

    async def paused(self, task: ScheduledTask, pause_: Pause | None = None) -> ScheduledTask:
        """The task after a pause, until somebody resumes it unless told otherwise."""
        now = self.clock.now()
        return await self.applied(pause(task, pause_ or a_pause(at=now), a_change(ChangeAction.PAUSE, at=now)))

    async def resumed(self, task: ScheduledTask, *, missed: Misfire = Misfire.SKIP) -> ScheduledTask:
        """The task after somebody resumed it."""
        return await self.applied(resume(task, a_change(ChangeAction.RESUME, at=self.clock.now()), missed=missed))

    async def deleted(self, task: ScheduledTask) -> ScheduledTask:
        """The task after its deletion, for which no read answers any more."""
        return await self.applied(delete(task, a_change(ChangeAction.DELETE, at=self.clock.now())))

    async def read(self, task: ScheduledTask) -> ScheduledTask:
        """The task as it is now."""
        found = await self.tasks.get(task.id)
        assert isinstance(found, ScheduledTask), found
        return found

    async def due(self, share: Share = EVERYTHING, *, ahead: timedelta = timedelta(0), limit: int = 100) -> list[str]:
        """The names of the tasks that are due, in order."""
        found = await self.tasks.due(share, until=self.clock.now() + ahead, limit=limit)
        return [task.definition.name if isinstance(task, ScheduledTask) else task.task_id for task in found]

    async def commit(self, task: ScheduledTask) -> CommitAnswer:
        """Decide this task, as it was read, now."""
        (answer,) = await self.tasks.commit_firings([Decision(task, fire(task, self.clock.now()))])
        return answer

    async def fired(self, task: ScheduledTask) -> tuple[ExecutionId, ...]:
        """Let time pass until the task's next run and decide it as it is then: the executions that were created."""
        current = await self.read(task)
        assert current.look_at is not None
        self.clock.advance_to(max(self.clock.now(), current.look_at))
        answer = await self.commit(current)
        assert isinstance(answer, Committed), answer
        return answer.execution_ids

    async def run_now(self, task: ScheduledTask, *, key: str, payload_json: str | None = None) -> ExecutionId:
        """Start a manual execution beside whatever is open."""
        current, change = await self.read(task), a_change(ChangeAction.RUN, at=self.clock.now(), key=key)
        mutation = run_now(current, change, key=key, payload_json=payload_json, allow_overlap=True)
        answer = await self.mutate(mutation)
        assert isinstance(answer, Applied), answer
        assert answer.execution_id is not None
        return answer.execution_id

    async def claim(self, worker_id: NodeId = WORKER) -> Claim:
        """Take the next execution, which there must be; a suspect, if there is no other."""
        tokens = [self.token()]
        claims = await self.executions.claim(worker_id, tokens)
        (claim,) = claims or await self.executions.claim(worker_id, tokens, isolated=True)
        return claim

    async def started(self, task: ScheduledTask) -> Claim:
        """Fire the task's next occurrence and claim its execution."""
        (execution_id,) = await self.fired(task)
        claim = await self.claim()
        assert claim.execution.id == execution_id
        return claim

    async def settle(self, claim: Claim, outcome: Outcome | None = None) -> SettleAnswer:
        """End a held attempt, well unless told otherwise."""
        settlement = Settlement(claim.execution.id, claim.token, outcome or Succeeded())
        (answer,) = await self.executions.settle([settlement])
        return answer

    async def beat(self, claim: Claim) -> tuple[bool, bool]:
        """Show a sign of life; whether the claim is lost, and whether the execution is to stop."""
        answer = await self.executions.heartbeat(WORKER, [Beat(claim.execution.id, claim.token)])
        return claim.token in answer.lost, claim.token in answer.cancelled

    async def record(self, execution_id: ExecutionId) -> ExecutionRecord:
        """All that is kept of an execution."""
        found = await self.history.execution(execution_id)
        assert found is not None
        return found

    async def state(self, execution_id: ExecutionId) -> ExecutionState:
        """Where an execution is in its life."""
        return (await self.record(execution_id)).summary.execution.state
