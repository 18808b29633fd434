"""Reading who works here: the processes, what each of them runs now, and what nobody is able to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from application.scheduling.ports.history import AskedHandler, ExecutionFilter, History
from application.scheduling.ports.membership import Member, Membership, specs_of
from application.scheduling.ports.records import ExecutionSummary
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import NodeId

RUNNING_MAX = 200
UNSERVED_MAX = 50


class Duty(StrEnum):
    """What a process is for now."""

    SCHEDULING = "scheduling"
    WORKING = "working"
    LEAVING = "leaving"
    ISOLATING = "isolating"
    SERVING = "serving"


@dataclass(frozen=True, slots=True)
class Mate:
    """A living process, and what it runs now, newest first.

    A worker that is LEAVING has handed over: it claims no more and finishes what it has. One that is ISOLATING runs
    what may be killing workers, alone.
    """

    member: Member
    running: tuple[ExecutionSummary, ...]

    @property
    def duty(self) -> Duty:
        """What it is for, by what it announced."""
        member = self.member
        if "isolation" in member.roles:
            return Duty.ISOLATING
        if "worker" in member.roles:
            return Duty.WORKING if member.concurrency else Duty.LEAVING
        return Duty.SCHEDULING if "scheduler" in member.roles else Duty.SERVING


@dataclass(frozen=True, slots=True)
class Team:
    """Everybody who is here, by node id.

    `orphans` run by the records under a worker that is not here (any more): they will be rescued. `unserved` are the
    handlers that living tasks ask for and nobody announces, at most UNSERVED_MAX.
    """

    mates: tuple[Mate, ...]
    orphans: tuple[ExecutionSummary, ...]
    unserved: tuple[AskedHandler, ...]

    def on(self, *duties: Duty) -> tuple[Mate, ...]:
        """Those with one of these duties."""
        return tuple(mate for mate in self.mates if mate.duty in duties)


@dataclass(frozen=True, slots=True)
class InspectTeam:
    """The read model. May raise StoreUnavailableError."""

    membership: Membership
    history: History

    async def team(self) -> Team:
        """Everybody as of now; of what runs, the RUNNING_MAX newest."""
        members = await self.membership.members()
        which = ExecutionFilter(states=frozenset({ExecutionState.RUNNING}))
        running = (await self.history.executions(which, limit=RUNNING_MAX, cursor=None)).executions
        announced = [(spec.task_type, spec.name) for spec in specs_of(members)]
        unserved = await self.history.unserved(announced, limit=UNSERVED_MAX)
        here = {member.node_id for member in members}
        orphans = tuple(each for each in running if each.execution.worker_id not in here)
        mates = tuple(Mate(member, _held(running, member.node_id)) for member in members)
        return Team(mates, orphans, tuple(unserved))


def _held(running: Sequence[ExecutionSummary], node_id: NodeId) -> tuple[ExecutionSummary, ...]:
    return tuple(each for each in running if each.execution.worker_id == node_id)
