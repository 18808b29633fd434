"""What applying a file does, or did: a line for each task it is about, and what there is to say of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from application.scheduling import json_text
from application.scheduling.differences import Difference
from domain.errors import InvalidTaskError
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import Definition, ScheduledTask

PRUNE_LIMIT = 30
"""How many per cent of what a manager has created are pruned without more being asked for."""
KEY_PREFIX = "apply:"


class ApplyOutcome(StrEnum):
    """What becomes of a task; `refused`: somebody came between, and nothing was done to it."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    PRUNED = "pruned"
    REFUSED = "refused"


CHANGES = frozenset({ApplyOutcome.CREATED, ApplyOutcome.CHANGED, ApplyOutcome.PRUNED})


@dataclass(frozen=True, slots=True)
class ApplyItem:
    """One task: as it was (`before`, None: there was none), and what it is to say (`definition`, None: it is pruned).

    `differences` lead from what it said to what it is to say; `drift` is what somebody else said and the file does not
    mention, which stays. `said` are the fields the file says. `version` is the one that was made, `code` and `detail`
    are those of a refusal.
    """

    name: str
    outcome: ApplyOutcome
    before: ScheduledTask | None
    definition: Definition | None = None
    enabled: bool | None = None
    differences: tuple[Difference, ...] = ()
    drift: tuple[Difference, ...] = ()
    said: frozenset[str] = frozenset()
    task_id: TaskId | None = None
    version: int | None = None
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """What applying a file does, in the order of the file, what is pruned behind it.

    `owned` counts the tasks that the manager had created before, and `limit` says how many per cent of them may be
    pruned.
    """

    manager: str | None
    items: tuple[ApplyItem, ...]
    owned: int = 0
    limit: int = PRUNE_LIMIT

    @property
    def counts(self) -> Mapping[ApplyOutcome, int]:
        """How many tasks of each outcome."""
        return {outcome: sum(item.outcome is outcome for item in self.items) for outcome in ApplyOutcome}

    @property
    def drifting(self) -> int:
        """How many tasks say what the file does not mention."""
        return sum(bool(item.drift) for item in self.items)

    @property
    def changes(self) -> int:
        """How many tasks are created, changed or pruned."""
        return sum(item.outcome in CHANGES for item in self.items)

    def of(self, outcome: ApplyOutcome) -> tuple[ApplyItem, ...]:
        """The tasks with this outcome."""
        return tuple(item for item in self.items if item.outcome is outcome)

    @property
    def refusal(self) -> InvalidTaskError | None:
        """Why it will not be carried out as it is; None: it will."""
        pruned = self.counts[ApplyOutcome.PRUNED]
        if pruned * 100 <= self.owned * self.limit:
            return None
        percent = -(-pruned * 100 // self.owned)
        return InvalidTaskError(
            f"{pruned:,} of the {self.owned:,} tasks of {self.manager} would be deleted, which is more than"
            f" {self.limit} per cent",
            code="prunes_too_many",
            pointer="/prune_limit",
            hint=f"see that this is the right file and the whole of it, then allow {percent} per cent",
        )

    @property
    def digest(self) -> str:
        """Tells plans of one file apart: two with the same would do the same to the same versions of tasks."""
        told = [
            (
                item.name,
                item.outcome,
                item.before and item.before.version,
                # An interval that begins anew begins at another second each time it is asked for.
                [each.pointer for each in item.differences if each.pointer != "/anchor"],
            )
            for item in self.items
        ]
        return sha256(json_text.write(told).encode()).hexdigest()


def key_of(manager: str | None, said: frozenset[str], identifier: str) -> str:
    """The key under which a change goes on record: it keeps, for as long as the record, what the file has said.

    Neither a manager's name nor a field has a space, so it can be read back.
    """
    return f"{KEY_PREFIX}{manager or ''} {','.join(sorted(said))} {identifier}"


def said_under(key: str | None, manager: str | None) -> frozenset[str] | None:
    """The fields that this manager's file said when the change of this key was made; None: the change was another's."""
    begin, *rest = (key or "").split(" ")
    if begin != f"{KEY_PREFIX}{manager or ''}" or len(rest) != 2:
        return None
    return frozenset(rest[0].split(","))
