from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.identifiers import BUCKET_COUNT, NodeId
from domain.scheduling.sharing import EVERYTHING, share_of

NODES = st.lists(st.text(min_size=1, max_size=6).map(NodeId), min_size=1, max_size=5, unique=True)


@given(NODES)
def test_every_bucket_has_exactly_one_owner(live: list[NodeId]) -> None:
    shares = [share_of(node, live).buckets for node in live]

    assert sorted(bucket for share in shares for bucket in share) == list(range(BUCKET_COUNT))


@given(NODES)
def test_all_nodes_agree_in_whatever_order_they_see_each_other(live: list[NodeId]) -> None:
    assert [share_of(node, live) for node in live] == [share_of(node, sorted(live)) for node in live]


@given(NODES)
def test_only_the_buckets_of_a_node_that_leaves_change_hands(live: list[NodeId]) -> None:
    gone, rest = live[0], live[1:]

    for node in rest:
        assert share_of(node, live).buckets <= share_of(node, rest).buckets
        assert share_of(node, rest).buckets - share_of(node, live).buckets <= share_of(gone, live).buckets


def test_a_node_alone_has_everything() -> None:
    assert share_of(NodeId("a"), [NodeId("a")]) == EVERYTHING
    assert EVERYTHING.is_everything
    assert not share_of(NodeId("a"), [NodeId("a"), NodeId("b")]).is_everything


def test_a_node_that_is_not_live_has_nothing() -> None:
    assert share_of(NodeId("c"), [NodeId("a"), NodeId("b")]).buckets == frozenset()
    assert share_of(NodeId("c"), []).buckets == frozenset()


def test_shares_are_about_even() -> None:
    live = [NodeId(f"node-{number}") for number in range(4)]

    assert all(8 <= len(share_of(node, live).buckets) <= 24 for node in live)
