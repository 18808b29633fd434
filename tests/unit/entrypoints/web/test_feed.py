"""The change feed over a journal in memory: a page is told what changed since it was made, and nothing else."""

import asyncio
import json
from datetime import timedelta

from entrypoints.web.feed import CHANGES_MAX, ChangeFeed
from tests.support.house import House, open_house
from tests.support.recorders import RecordingObserver
from tests.support.waiting import turns


def read(event: bytes) -> tuple[str, list[str]]:
    """The name of an event, and the tasks it tells."""
    fields = dict(line.split(": ", 1) for line in event.decode().strip().splitlines())
    return fields["event"], json.loads(fields["data"]).get("tasks", [])


async def heard(house: House, feed: ChangeFeed, name: str) -> list[tuple[str, list[str]]]:
    """What a page hears from its making until it is told of a task that is created while it listens."""
    mark = await feed.mark_for_page()
    with feed.listening("ana", lambda: False) as stream:
        events = [read(await feed.missed(mark))]
        await turns()
        created = await house.create(name)
        while created.id not in events[-1][1]:
            events.append(read(await stream.next()))
    return events


async def test_the_first_page_after_a_silence_is_told_of_nothing_that_it_shows_already() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        feed = ChangeFeed(house.stores.news, RecordingObserver(), look_every=timedelta(0))
        group.create_task(feed.run())
        # The first sign of life is for nobody yet.
        await turns()
        async with asyncio.timeout(5):
            first = await heard(house, feed, "first")
            busy = await house.create("busy")
            for _ in range(CHANGES_MAX):
                house.stores.state.journal.tell(busy.id)
            second = await heard(house, feed, "second")
        feed.close()

    assert [name for name, _ in first] == [name for name, _ in second] == ["changed", "changed"]
    assert first[0][1] == second[0][1] == []


async def test_while_nobody_listens_there_is_no_mark_to_grow_old() -> None:
    async with open_house() as house:
        feed = ChangeFeed(house.stores.news, RecordingObserver())
        with feed.listening("ana", lambda: False):
            await feed.missed(None)
            assert feed.mark is not None

        assert feed.mark is None
