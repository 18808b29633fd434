"""Defects that other schedulers' dashboards were shipped with, where no other test is about them yet.

The rest stand elsewhere: rows lost between pages and records written apart from their change in tests/conformance,
routes that are open by default or change things for viewers in test_access_matrix.py and test_security.py, expressions
that take for ever in test_bad_input.py.
"""

import json
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from yarl import URL

from adapters.system.clock import SystemClock
from domain.scheduling.schedule import CronSchedule
from entrypoints.cli.main import main
from entrypoints.web.app import WebSettings
from entrypoints.web.assets import FOLDER
from tests.integration.web.dashboard import PAGE, PREFIX, TASKS, Dashboard, a_body, serving
from tests.integration.web.pages import Elements, stored

BERLIN = ZoneInfo("Europe/Berlin")
BEFORE_THE_GAP = datetime(2024, 3, 29, 12, 0, tzinfo=UTC)
EXACT = {"signed": 2**63 - 1, "unsigned": 2**64 - 1, "beyond a double": 2**53 + 1, "negative": -(2**63)}
ODD_NAME = "a/b.c?d=e&f#g%2F..;x=1/"


def _instants(schedule: CronSchedule, after: datetime, count: int) -> list[datetime]:
    """What the domain says."""
    instants = [after]
    while len(instants) <= count:
        following = schedule.next_after(instants[-1])
        assert following is not None
        instants.append(following)
    return instants[1:]


async def test_every_door_tells_the_instants_that_the_domain_does(dashboard: Dashboard) -> None:
    """airflow#71234: the calendar worked them out once more, and differently."""
    dashboard.clock.advance_to(BEFORE_THE_GAP)
    fields = {"schedule": "30 2 * * *", "timezone": "Europe/Berlin"}
    expected = _instants(CronSchedule("30 2 * * *", "Europe/Berlin"), BEFORE_THE_GAP, 5)
    task = await stored(dashboard, **fields)

    upcoming = (await dashboard.get(f"{TASKS}/{task.id}/upcoming?count=5")).json["upcoming"]
    preview = (await dashboard.call("POST", f"{TASKS}/preview?count=5", a_body(**fields))).json["upcoming"]
    page = (await dashboard.page(f"{PAGE}/{task.id}")).text
    in_list = (await dashboard.get(TASKS)).json["tasks"][0]["next_run_at"]

    utc = [each.strftime("%Y-%m-%dT%H:%M:%SZ") for each in expected]
    assert [each["nominal_at"] for each in upcoming] == utc
    assert [each["nominal_at"] for each in preview] == utc
    assert in_list == utc[0]
    assert all(each.astimezone(BERLIN).strftime("%H:%M %Z") in page for each in expected)


def test_the_command_tells_the_same() -> None:
    yearly = ("30 2 31 3 *", "Europe/Berlin")

    told = CliRunner().invoke(main, ["next", yearly[0], "--tz", yearly[1], "-n", "10", "--output", "json"])

    expected = _instants(CronSchedule(*yearly), SystemClock().now(), 10)
    assert [each["utc"] for each in json.loads(told.output)["next"]] == [
        f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in expected
    ]


def test_no_instant_is_worked_out_in_a_browser() -> None:
    assert not re.search(r"\bDate\b", (FOLDER / "live.js").read_text(encoding="utf-8"))


async def test_integers_are_exact_wherever_they_are_shown(dashboard: Dashboard) -> None:
    """riverui#593: a page read JSON with doubles."""
    task = await stored(dashboard, payload=EXACT)
    claim = await dashboard.store.started(task)
    paths = [f"{TASKS}/{task.id}", f"{PAGE}/{task.id}", f"{PREFIX}/executions/{claim.execution.id}"]

    for path in paths[:2]:
        text = (await dashboard.page(path)).text
        assert all(str(number) in text for number in EXACT.values()), path
    kept = (await dashboard.get(paths[0])).json
    assert (await dashboard.call("PUT", paths[0], kept)).json["payload"] == EXACT


async def test_every_link_of_every_page_leads_somewhere_under_any_prefix_whatever_tasks_are_called() -> None:
    """oban_web 2.12.4 and riverui#487: names broke links, and a prefix was put before them twice or not at all."""
    async with serving(WebSettings(prefix="/ops/scheduler")) as moved:
        created = await moved.call("POST", "/ops/scheduler/api/scheduled-tasks", a_body(name=ODD_NAME, tags=["a.b"]))
        await moved.call("POST", f"/ops/scheduler/api/scheduled-tasks/{created.json['id']}/run", {})
        waiting, seen = ["/ops/scheduler/"], set[object]()
        while waiting:
            path = waiting.pop()
            answer = await moved.page(path)
            assert answer.status in (200, 302, 303), f"{answer.status} {path}"
            leads = [link["href"] for link in Elements(answer.text).all("a")] + answer.headers.get(
                "Location", ""
            ).split()
            for address in (lead.partition("#")[0] or path for lead in leads):
                assert address.startswith("/ops/scheduler/"), f"{address} on {path}"
                assert "//" not in address.partition("?")[0], f"{address} on {path}"
                # Filters and orders go together in hundreds of ways: one address for each set of parameters.
                kind = (address.partition("?")[0], frozenset(URL(address).query))
                if kind not in seen:
                    seen.add(kind)
                    waiting.append(address)

    assert (f"/ops/scheduler/scheduled-tasks/{created.json['id']}", frozenset()) in seen


@pytest.mark.parametrize("path", ["/{0}", "/{0}/scheduled-tasks", "{0}//scheduled-tasks", "{0}/scheduled-tasks//"])
async def test_a_slash_too_many_is_no_address_and_leads_nowhere(dashboard: Dashboard, path: str) -> None:
    base = dashboard.session._base_url
    assert base is not None

    answer = await dashboard.page(str(base.origin()) + path.format(PREFIX))

    assert (answer.status, answer.headers.get("Location")) == (404, None)
