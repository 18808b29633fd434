"""Simulated days that are led in a real PostgreSQL as well: it answers each of their calls as memory does."""

import pytest

from tests.support.postgres_servers import a_postgres
from tests.support.simulation import Report, simulate
from tests.support.simulation_places import InPostgres
from tests.support.simulation_twin import Twin

pytestmark = pytest.mark.postgres

# With a fail-over.
SHORT = 1
SHORT_HOURS = 0.1
LONG = range(3_000, 3_004)


def _day_with_a_twin(seed: int, *, hours: float) -> tuple[Report, Twin]:
    with a_postgres(synchronous_commit="off", full_page_writes="off", autovacuum="off") as server:
        twin = Twin(InPostgres(server))
        with twin.running():
            return simulate(seed, hours=hours, twin=twin), twin


def test_a_server_answers_all_calls_of_a_day_as_memory_does() -> None:
    report, twin = _day_with_a_twin(SHORT, hours=SHORT_HOURS)

    assert twin.compared > 2_000
    assert twin.fail_overs > 0
    assert report.executions > 40


@pytest.mark.soak
@pytest.mark.parametrize("seed", LONG)
def test_a_server_answers_all_calls_of_long_days_as_memory_does(seed: int) -> None:
    _, twin = _day_with_a_twin(seed, hours=24)

    assert twin.compared > 20_000
