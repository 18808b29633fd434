"""What falls to a scheduler among those that live."""

from dataclasses import dataclass, field

from application.scheduling.ports.membership import Member
from application.scheduling.services.split_buckets import SplitBuckets
from domain.scheduling.identifiers import NodeId
from domain.scheduling.sharing import EVERYTHING
from tests.support.manual_clock import NOON

A, B = NodeId("a"), NodeId("b")


@dataclass(slots=True)
class Company:
    """`Membership` whose members the test names."""

    roles: dict[NodeId, str] = field(default_factory=dict)

    async def announce(self, member: Member) -> None:
        raise AssertionError(member)

    async def leave(self, node_id: NodeId) -> None:
        raise AssertionError(node_id)

    async def members(self) -> list[Member]:
        return [Member(node_id, frozenset({role}), "host", 1, NOON) for node_id, role in self.roles.items()]


async def test_schedulers_share_everything_out_and_others_have_no_part_in_it() -> None:
    company = Company({A: "scheduler", B: "scheduler", NodeId("w"): "worker", NodeId("d"): "admin"})
    a, b = SplitBuckets(company, A), SplitBuckets(company, B)
    assert (a.mine, b.mine) == (EVERYTHING, EVERYTHING)

    await a.run_once()
    await b.run_once()
    assert a.mine.buckets | b.mine.buckets == EVERYTHING.buckets
    assert not a.mine.buckets & b.mine.buckets
    assert a.mine.buckets
    assert b.mine.buckets


async def test_who_is_alone_has_everything_also_if_the_others_do_not_know_it_yet() -> None:
    company = Company({B: "worker"})
    a = SplitBuckets(company, A)

    await a.run_once()

    assert a.mine == EVERYTHING


async def test_what_fell_to_one_that_is_gone_falls_to_the_rest() -> None:
    company = Company({A: "scheduler", B: "scheduler"})
    a = SplitBuckets(company, A)
    await a.run_once()

    company.roles = {A: "scheduler"}
    await a.run_once()

    assert a.mine == EVERYTHING
