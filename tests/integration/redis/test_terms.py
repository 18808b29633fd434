"""The office of upkeep in real servers."""

from collections.abc import Iterator

import pytest

from adapters.redis.address import parse_address
from adapters.redis.opening import open_redis_store
from application.scheduling.ports.term import Term
from domain.scheduling.identifiers import NodeId
from tests.support.recorders import CountingEntropy
from tests.support.redis_servers import Kind, RedisServer, a_redis

pytestmark = pytest.mark.redis
OURS, THEIRS = Term(NodeId("a/b c-1"), 1), Term(NodeId("d"), 1)


@pytest.fixture(params=Kind)
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    with a_redis(request.param) as running:
        yield running


async def test_the_office_is_replaced_only_by_who_knows_what_stands_there(server: RedisServer) -> None:
    async with open_redis_store(parse_address(server.url), CountingEntropy()) as stores:
        vacant = await stores.terms.seen()
        taken = [await stores.terms.replace(vacant, each) for each in (OURS, THEIRS)]
        assert (vacant, taken, await stores.terms.seen()) == (Term(), [True, False], OURS)

        assert await stores.terms.replace(OURS, Term(None, 1))
        assert await stores.terms.seen() == Term(None, 1)

        with server.client() as admin:
            admin.hset("scheduler:meta", "term", "written by hand")
        assert await stores.terms.seen() == Term()
        assert await stores.terms.replace(Term(), THEIRS)
        assert await stores.terms.seen() == THEIRS
