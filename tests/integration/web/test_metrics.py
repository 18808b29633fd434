"""Who reads the figures, where, and what stands in them."""

import aiohttp
import pytest

from adapters.telemetry.exposition import Exposition
from adapters.telemetry.meter import Meter
from application.scheduling.ports.metrics import METRICS, Kind
from entrypoints.metrics import ProcessMetrics
from entrypoints.metrics_listener import serve_metrics
from entrypoints.settings import Settings
from tests.integration.web.dashboard import PREFIX, Dashboard
from tests.support.exposition import families_of, samples_of, value


async def test_a_scrape_declares_every_metric(dashboard: Dashboard) -> None:
    answer = await dashboard.get("/metrics")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert families_of(answer.text) == {each.full_name: str(each.kind) for each in METRICS}
    told = samples_of(answer.text)
    assert all((each.name, ()) in told for each in METRICS if each.kind is Kind.COUNTER and not each.labels)


async def test_a_scrape_tells_how_the_work_stands_and_nothing_of_what_people_wrote(dashboard: Dashboard) -> None:
    task = await dashboard.create("the secret name", payload={"password": "hunter2"}, tags=["payroll"])
    await dashboard.call("POST", f"{PREFIX}/api/scheduled-tasks/{task['id']}/run")

    text = (await dashboard.get("/metrics")).text

    assert value(samples_of(text), "backlog_executions", task_type="maintenance") == 1
    assert not any(told in text for told in ("secret name", "hunter2", "payroll", task["id"]))


async def test_while_the_store_is_away_a_scrape_says_so_and_is_answered(dashboard: Dashboard) -> None:
    await dashboard.store.cut_off()

    answer = await dashboard.get("/metrics")

    assert answer.status == 200
    assert value(samples_of(answer.text), "store_up") == 0


async def test_a_process_without_a_dashboard_tells_its_figures_where_it_is_told_to_and_nothing_else() -> None:
    settings = Settings(scheduler_metrics_port=0)
    metrics = ProcessMetrics(Exposition(Meter()), None)

    async with serve_metrics(settings, metrics) as url, aiohttp.ClientSession() as session:
        assert url is not None
        async with session.get(url) as answer:
            told = samples_of(await answer.text())
            headers = answer.headers
        async with session.get(url.replace("/metrics", "/")) as elsewhere:
            status = elsewhere.status

    assert value(told, "claims_lost_total") == 0
    assert ("store_up", ()) not in told
    assert (status, headers.get("Server")) == (404, "")


LOCAL, EVERYWHERE = "127.0.0.1", "0.0.0.0"
NAMED = frozenset({"Scheduler.example.org"})


@pytest.mark.parametrize(
    ("listens_on", "names", "host", "status"),
    [
        (LOCAL, (), "localhost:9464", 200),
        (LOCAL, (), "[::1]", 200),
        (LOCAL, (), "evil.example", 421),
        (LOCAL, (), "scheduler", 421),
        (LOCAL, NAMED, "scheduler.example.org", 200),
        (EVERYWHERE, (), "10.0.0.7:9464", 200),
        (EVERYWHERE, (), "[fd00::7]:9464", 200),
        (EVERYWHERE, (), "scheduler:9464", 200),
        (EVERYWHERE, (), "evil.example:9464", 421),
        (EVERYWHERE, (), "scheduler.", 421),
        (EVERYWHERE, (), "me@scheduler", 421),
        (EVERYWHERE, NAMED, "scheduler.EXAMPLE.org:9464", 200),
        (EVERYWHERE, NAMED, "evil.example", 421),
    ],
)
async def test_a_name_that_others_let_lead_to_the_figures_is_not_answered(
    listens_on: str, names: frozenset[str], host: str, status: int
) -> None:
    settings = Settings(
        scheduler_metrics_host=listens_on, scheduler_metrics_port=0, scheduler_metrics_names=frozenset(names)
    )

    async with (
        serve_metrics(settings, ProcessMetrics(Exposition(Meter()), None)) as url,
        aiohttp.ClientSession() as get,
    ):
        assert url is not None
        async with get.get(url.replace(EVERYWHERE, LOCAL), headers={"Host": host}) as answer:
            assert answer.status == status


async def test_without_an_address_for_them_figures_are_served_nowhere_else() -> None:
    async with serve_metrics(Settings(), ProcessMetrics(Exposition(Meter()), None)) as url:
        assert url is None


async def test_health_tells_what_the_store_may_forget(dashboard: Dashboard) -> None:
    before = await dashboard.get(f"{PREFIX}/api/health")
    dashboard.loops.weakness = "durability class R-: it writes no append-only file"
    after = await dashboard.get(f"{PREFIX}/api/health")

    assert (before.json["durability"], after.json["durability"]) == (None, dashboard.loops.weakness)


async def test_an_answer_bears_the_id_of_its_request(dashboard: Dashboard) -> None:
    ids = {(await dashboard.get(path)).headers["X-Request-Id"] for path in ("/metrics", "/health/live", "/nowhere")}

    assert len(ids) == 3
