"""What a replica has when it takes over: the store as it was a few writes ago, in a new generation."""

from collections import Counter
from dataclasses import dataclass, replace

from adapters.memory.state import KeptExecution, KeptTask, KeptVersion, State
from application.scheduling.ports.hold import Hold
from application.scheduling.ports.records import ChangeRecord
from domain.scheduling.finish import Finish
from domain.scheduling.identifiers import ExecutionId, TaskId


@dataclass(frozen=True, slots=True)
class Replica:
    """A copy of everything a memory store has on record."""

    tasks: dict[TaskId, KeptTask]
    executions: dict[ExecutionId, KeptExecution]
    open_ids: set[ExecutionId]
    versions: dict[TaskId, dict[int, KeptVersion]]
    changes: list[ChangeRecord]
    changes_by_key: dict[str, ChangeRecord]
    finished: Counter[Finish]
    claims_made: int
    tzdata: str | None
    hold: Hold | None

    @staticmethod
    def of(state: State) -> "Replica":
        """A copy that nothing moves on; what is immutable is shared."""
        return Replica(
            tasks={each: _task(kept) for each, kept in state.tasks.items()},
            executions={each: _execution(kept) for each, kept in state.executions.items()},
            open_ids=set(state.open_ids),
            versions={each: _versions(kept) for each, kept in state.versions.items()},
            changes=list(state.changes),
            changes_by_key=dict(state.changes_by_key),
            finished=Counter(state.finished),
            claims_made=state.claims_made,
            tzdata=state.tzdata,
            hold=state.hold,
        )

    def take_over(self, state: State) -> frozenset[str]:
        """Become the state; returns the idempotency keys that are forgotten. What cannot be read stays unreadable."""
        forgotten = state.changes_by_key.keys() - self.changes_by_key.keys()
        for each, kept in self.tasks.items():
            known = state.tasks.get(each)
            kept.error = known.error if known else None
        state.tasks, state.executions, state.open_ids = self.tasks, self.executions, self.open_ids
        state.versions = self.versions
        state.changes, state.changes_by_key = self.changes, self.changes_by_key
        state.finished = self.finished
        state.claims_made, state.tzdata, state.hold = self.claims_made, self.tzdata, self.hold
        state.generation += 1
        return frozenset(forgotten)


def _task(kept: KeptTask) -> KeptTask:
    return replace(kept, skips=dict(kept.skips))


def _versions(kept: dict[int, KeptVersion]) -> dict[int, KeptVersion]:
    return {number: replace(version) for number, version in kept.items()}


def _execution(kept: KeptExecution) -> KeptExecution:
    return replace(kept, attempts=list(kept.attempts), log=list(kept.log))
