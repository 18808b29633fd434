"""Statistics for people: rates, durations, the map of the week."""

from datetime import timedelta

import pytest

from application.scheduling.services.statistics import tally_of
from domain.scheduling.execution import ExecutionState
from tests.integration.web.dashboard import PREFIX, Dashboard
from tests.integration.web.pages import Elements, stored, words
from tests.support.builders import a_failure

STATISTICS = f"{PREFIX}/statistics"


async def test_without_executions_every_part_says_so(dashboard: Dashboard) -> None:
    page = await dashboard.page(STATISTICS)

    text = words(page.text)
    assert page.status == 200
    assert "No execution has ended in the last 4 weeks" in text
    assert "Nothing has ended in seven days." in text
    assert "Nothing will run by itself." in text
    assert "Nothing has run yet." in text


async def test_ends_are_counted_rated_and_put_in_their_hour(dashboard: Dashboard) -> None:
    mail = await stored(dashboard, name="mail", task_type="mail", schedule="0 * * * *")
    other = await stored(dashboard, name="other", schedule="0 * * * *")
    for task, outcome in ((mail, None), (other, a_failure())):
        claim = await dashboard.store.started(task)
        dashboard.clock.advance(timedelta(seconds=3))
        await dashboard.store.settle(claim, outcome)

    html = (await dashboard.page(STATISTICS)).text
    of_mail = words((await dashboard.page(f"{STATISTICS}?task_type=mail")).text)

    page, text = Elements(html), words(html)
    assert "50 % succeeded in 24 hours 2 ended, 1 failed for good, 0 cancelled" in text
    assert "maintenance 1 1 0 % 5 s 5 s" in text
    assert "mail 1 0 100 % 5 s 5 s" in text
    assert "Monday 13:00: 2 executions ended, 1 of them failed for good" in text
    # The map counts by the hours of four weeks in which something ended, and no list of executions is of these.
    assert not [link for link in page.links if "since=" in link]
    assert "Monday 13:00: 1 execution ended" in of_mail
    assert "When it happens: mail" in of_mail


async def test_the_hours_of_the_map_are_those_of_the_readers_clock(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *")
    await dashboard.store.settle(await dashboard.store.started(task))

    answer = await dashboard.get(STATISTICS, Accept="text/html", Cookie="peachpie-zone=Asia/Tokyo")

    assert "on the clocks of Asia/Tokyo" in words(answer.text)
    assert "Monday 22:00: 1 execution ended" in words(answer.text)


@pytest.mark.parametrize(
    ("succeeded", "failed", "rate"),
    [(0, 0, None), (1, 0, "100 %"), (0, 3, "0 %"), (2, 1, "66.7 %"), (100_000, 1, "99.9 %"), (1, 100_000, "0.1 %")],
)
def test_a_rate_never_hides_what_failed_or_what_did_not(succeeded: int, failed: int, rate: str | None) -> None:
    tally = tally_of({ExecutionState.SUCCEEDED: succeeded, ExecutionState.DEAD: failed, ExecutionState.CANCELLED: 5})

    assert (tally.rate, tally.ended) == (rate, succeeded + failed + 5)
