"""Being known to the others while this process lives."""

from application.scheduling.ports.membership import SILENT_AFTER, HandlerSpec, Member
from application.scheduling.services.keep_membership import ANNOUNCE_EVERY, KeepMembership
from domain.scheduling.identifiers import NodeId
from tests.support.house import House
from tests.support.manual_clock import NOON


async def test_a_member_is_known_while_it_announces_itself_and_gone_when_it_leaves(house: House) -> None:
    member = Member(NodeId("n"), frozenset({"worker"}), "host", 1, NOON)
    keep = KeepMembership(house.stores.membership, member)

    for _ in range(5):
        await keep.run_once()
        house.clock.advance(ANNOUNCE_EVERY)
    known = list(await house.stores.membership.members())
    await keep.leave()
    await keep.leave()

    assert known == [member]
    assert await house.stores.membership.members() == []
    assert 2 * ANNOUNCE_EVERY < SILENT_AFTER


async def test_one_that_takes_nothing_new_stays_known_without_hands_and_handlers(house: House) -> None:
    specs = (HandlerSpec("mail", None),)
    member = Member(NodeId("n"), frozenset({"worker"}), "host", 1, NOON, specs, concurrency=5)
    keep = KeepMembership(house.stores.membership, member)
    await keep.run_once()

    await keep.run_once_without_hands()

    (known,) = await house.stores.membership.members()
    assert known == Member(NodeId("n"), frozenset({"worker"}), "host", 1, NOON, (), concurrency=0)
