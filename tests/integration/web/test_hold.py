"""The maintenance switch by API and by its page, and what everybody sees of it meanwhile."""

from tests.integration.web.dashboard import FORM, PREFIX, Dashboard
from tests.integration.web.test_status import announce
from tests.support.builders import HOUR

HOLD = f"{PREFIX}/api/hold"
PAGE = f"{PREFIX}/hold"


async def test_it_is_held_and_released_by_the_api(dashboard: Dashboard) -> None:
    free = await dashboard.get(HOLD)
    held = await dashboard.call("PUT", HOLD, {"reason": "new disks"})
    again = await dashboard.call("PUT", HOLD, {"reason": "mine, too"})
    released = await dashboard.call("DELETE", HOLD)

    told = {"actor": "local", "reason": "new disks", "since": "2024-01-15T12:00:00Z"}
    assert [each.json for each in (free, held, again)] == [{"held": None}, {"held": told}, {"held": told}]
    assert released.status == 204
    assert (await dashboard.get(HOLD)).json == {"held": None}


async def test_a_hold_without_a_reason_is_refused_at_its_field(dashboard: Dashboard) -> None:
    answer = await dashboard.call("PUT", HOLD, {"reason": " "})

    assert answer.status == 422
    assert answer.faults == [("/reason", "out_of_range")]


async def test_health_tells_of_the_hold_and_takes_nothing_that_waits_for_a_fault(dashboard: Dashboard) -> None:
    await announce(dashboard, "scheduler", "worker")
    await dashboard.create(schedule_type="interval", schedule="1h")
    await dashboard.call("PUT", HOLD, {"reason": "new disks"})
    dashboard.clock.advance(2 * HOUR)
    await announce(dashboard, "scheduler", "worker")

    held = await dashboard.get(f"{PREFIX}/api/health")
    await dashboard.call("DELETE", HOLD)
    free = await dashboard.get(f"{PREFIX}/api/health")

    assert (held.status, held.json["held"]["reason"]) == (200, "new disks")
    assert held.json["overdue_since"] == "2024-01-15T13:00:00Z"
    assert (free.status, free.json["held"]) == (503, None)


async def test_every_page_says_that_all_firing_is_held(dashboard: Dashboard) -> None:
    paths = ("/", "/scheduled-tasks", "/executions", "/workers", "/hold", "/statistics")
    before = [(await dashboard.page(PREFIX + path)).text for path in paths]
    sent = await dashboard.call("POST", PAGE, raw=b"reason=%3Cb%3Enew%20disks", headers=FORM)
    after = [(await dashboard.page(PREFIX + path)).text for path in paths]

    assert (sent.status, sent.headers["Location"]) == (303, f"{PAGE}?notice=held")
    assert not any('aria-label="Maintenance"' in text for text in before)
    assert all("All firing is held</strong> by local: &lt;b&gt;new disks" in text for text in after)


async def test_the_page_releases_and_shows_a_form_again_that_says_nothing(dashboard: Dashboard) -> None:
    refused = await dashboard.call("POST", PAGE, raw=b"reason=", headers=FORM)
    await dashboard.call("POST", PAGE, raw=b"reason=new+disks", headers=FORM)
    released = await dashboard.call("POST", f"{PAGE}/release", raw=b"reason=they+work", headers=FORM)
    shown = await dashboard.page(released.headers["Location"])

    assert (refused.status, "characters that say why" in refused.text) == (422, True)
    assert released.headers["Location"] == f"{PAGE}?notice=released"
    assert "Released: what was due meanwhile is decided now." in shown.text
    assert await dashboard.stores.holds.current() is None
