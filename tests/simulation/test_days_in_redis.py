"""Simulated days that are led in a real server as well: it answers each of their thousands of calls as memory does."""

import pytest

from tests.support.redis_servers import Kind, a_redis
from tests.support.simulation import Report, simulate
from tests.support.simulation_places import InRedis
from tests.support.simulation_twin import Twin

pytestmark = pytest.mark.redis

# With a fail-over each.
SHORT = {Kind.VALKEY: 11, Kind.REDIS7: 3}
LONG = range(2_000, 2_020)


def _day_with_a_twin(kind: Kind, seed: int, *, hours: float) -> tuple[Report, Twin]:
    with a_redis(kind, appendonly="no") as server, server.client() as admin:
        twin = Twin(InRedis(admin, server))
        with twin.running():
            return simulate(seed, hours=hours, twin=twin), twin


@pytest.mark.parametrize("kind", Kind)
def test_a_server_answers_all_calls_of_a_day_as_memory_does(kind: Kind) -> None:
    report, twin = _day_with_a_twin(kind, SHORT[kind], hours=1)

    assert twin.compared > 5_000
    assert twin.fail_overs > 0
    assert report.executions > 80


@pytest.mark.soak
@pytest.mark.parametrize("seed", LONG)
def test_a_server_answers_all_calls_of_long_days_as_memory_does(seed: int) -> None:
    _, twin = _day_with_a_twin(Kind.VALKEY, seed, hours=24)

    assert twin.compared > 20_000
