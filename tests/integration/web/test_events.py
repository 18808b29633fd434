"""The stream of changes: what open pages are told, for how long, and what it costs when they vanish."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import ClientResponse
from yarl import URL

from entrypoints.web.feed import EVENTS_QUEUED_MAX, FEED, STREAMS_PER_OWNER, ChangeFeed
from tests.integration.web.dashboard import PREFIX, TASKS, Dashboard
from tests.integration.web.door import a_door, send_form, signed_in
from tests.support.accounts import TESTER
from tests.support.builders import MINUTE
from tests.support.waiting import eventually

EVENTS = f"{PREFIX}/events"
ASKED = {"Accept": "text/event-stream"}


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a browser reads it."""

    name: str
    mark: str
    data: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Listener:
    """An open stream."""

    response: ClientResponse

    async def block(self) -> dict[str, str]:
        """The fields of the next block, comments under an empty name; none at the end of the stream."""
        async with asyncio.timeout(5):
            text = ""
            while not text.endswith("\n\n"):
                line = await self.response.content.readline()
                if not line:
                    return {}
                text += line.decode()
        return dict(line.split(":", 1) for line in text.strip().splitlines())

    async def event(self) -> Event:
        block = {name: value.strip() for name, value in (await self.block()).items()}
        return Event(block["event"], block["id"], json.loads(block["data"]))

    async def ends(self) -> bool:
        return await self.block() == {}


@asynccontextmanager
async def listening(
    dashboard: Dashboard, since: str | None = None, headers: Mapping[str, str] = {}
) -> AsyncIterator[Listener]:
    """A stream from its first event on."""
    path = EVENTS if since is None else f"{EVENTS}?since={since}"
    async with dashboard.session.get(path, headers={**ASKED, **headers}) as response:
        assert response.status == 200, await response.text()
        listener = Listener(response)
        assert await listener.block() == {"retry": " 3000"}
        yield listener


@asynccontextmanager
async def browsers(dashboard: Dashboard, count: int, *, at: str = "127.0.0.1") -> AsyncIterator[None]:
    """So many open streams to one machine, whose connections are gone afterwards without a word."""
    url = URL(dashboard.url)
    writers = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection(url.host, url.port, local_addr=(at, 0))
        writers.append(writer)
        writer.write(f"GET {EVENTS} HTTP/1.1\r\nHost: {url.authority}\r\n\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    yield
    for writer in writers:
        writer.transport.abort()


def feed_of(dashboard: Dashboard) -> ChangeFeed:
    return dashboard.app[FEED]


async def mark_of(dashboard: Dashboard) -> str:
    return (await dashboard.stores.news.since(None, limit=1)).mark


async def test_a_page_hears_of_what_changed_since_it_was_made_and_of_what_changes_then(dashboard: Dashboard) -> None:
    mark = await mark_of(dashboard)
    before = await dashboard.create("before")
    async with listening(dashboard, mark) as listener:
        missed = await listener.event()
        after = await dashboard.create("after")
        fresh = await listener.event()

    assert (missed.name, missed.data) == ("changed", {"tasks": [before["id"]], "executions": []})
    assert (fresh.name, after["id"] in fresh.data["tasks"]) == ("changed", True)


async def test_an_execution_is_told_with_its_task(dashboard: Dashboard) -> None:
    task = await dashboard.create()
    async with listening(dashboard, await mark_of(dashboard)) as listener:
        await listener.event()
        run = (await dashboard.call("POST", f"{TASKS}/{task['id']}/run")).json
        event = await listener.event()

    assert event.data["tasks"] == [task["id"]]
    assert event.data["executions"] == [run["execution_id"]]


async def test_a_browser_that_comes_back_hears_what_it_has_missed(dashboard: Dashboard) -> None:
    async with listening(dashboard, await mark_of(dashboard)) as listener:
        last = await listener.event()
    missed = [(await dashboard.create(name))["id"] for name in ("one", "two")]

    async with listening(dashboard, "0-stale", {"Last-Event-ID": last.mark}) as listener:
        event = await listener.event()

    assert event.data["tasks"] == missed


@pytest.mark.parametrize("mark", [None, "", "no-mark", "7-id", "x" * 5_000])
async def test_who_knows_no_mark_of_ours_is_told_to_look_anew(dashboard: Dashboard, mark: str | None) -> None:
    await dashboard.create()
    headers = {} if mark is None else {"Last-Event-ID": mark}
    async with listening(dashboard, headers=headers) as listener:
        event = await listener.event()

    assert event == Event("reload", await mark_of(dashboard), {})


async def test_every_listener_is_told_and_one_look_serves_all(dashboard: Dashboard) -> None:
    mark = await mark_of(dashboard)
    async with listening(dashboard, mark) as one, listening(dashboard, mark) as other:
        for each in (one, other):
            await each.event()
        task = await dashboard.create()

        assert (await one.event()).data == (await other.event()).data == {"tasks": [task["id"]], "executions": []}


async def test_pages_say_from_which_mark_on_they_are_to_be_told(dashboard: Dashboard) -> None:
    for _ in range(2):
        await dashboard.create(f"task {await mark_of(dashboard)}")
        page = await dashboard.page(f"{PREFIX}/account")

        assert f'data-events="{EVENTS}?since={await mark_of(dashboard)}"' in page.text
        # The second page is made after somebody has listened, and gone again.
        async with listening(dashboard):
            pass
        await eventually(lambda: feed_of(dashboard).listeners == 0)


async def test_nothing_on_the_way_is_invited_to_hold_events_back(dashboard: Dashboard) -> None:
    async with listening(dashboard, headers={"Accept-Encoding": "gzip"}) as listener:
        headers = listener.response.headers

        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert headers["Cache-Control"] == "no-store, no-transform"
        assert headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in headers
        assert headers["X-Content-Type-Options"] == "nosniff"


async def test_a_quiet_stream_shows_signs_of_life(dashboard: Dashboard) -> None:
    async with listening(dashboard) as listener:
        await listener.event()
        feed_of(dashboard).pulse()

        assert await listener.block() == {"": ""}


async def test_who_vanishes_leaves_nothing_behind(dashboard: Dashboard) -> None:
    async with browsers(dashboard, 5):
        assert feed_of(dashboard).listeners == 5

    await eventually(lambda: feed_of(dashboard).listeners == 0)


async def test_a_listener_that_does_not_keep_up_is_let_go(dashboard: Dashboard) -> None:
    feed = feed_of(dashboard)
    with feed.listening("slow", lambda: False) as stream:
        for _ in range(EVENTS_QUEUED_MAX + 1):
            feed.pulse()

    assert stream.has_ended


async def test_a_user_has_a_bounded_number_of_streams_and_those_that_are_gone_do_not_count(
    dashboard: Dashboard,
) -> None:
    for _ in range(2):
        async with browsers(dashboard, STREAMS_PER_OWNER):
            refused = await dashboard.call("GET", EVENTS, headers=ASKED)

            assert (refused.status, refused.json["type"].rpartition("/")[2]) == (429, "too_many_streams")
            assert "Retry-After" in refused.headers


async def test_where_nobody_signs_in_the_streams_of_one_machine_are_not_those_of_another(dashboard: Dashboard) -> None:
    async with browsers(dashboard, STREAMS_PER_OWNER, at="127.0.0.2"), browsers(dashboard, 1):
        assert feed_of(dashboard).listeners == STREAMS_PER_OWNER + 1


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}],
    ids=lambda headers: str(*headers.values()),
)
async def test_pages_of_other_sites_get_no_stream(dashboard: Dashboard, headers: dict[str, str]) -> None:
    refused = await dashboard.call("GET", EVENTS, headers={**ASKED, **headers})

    assert (refused.status, feed_of(dashboard).listeners) == (403, 0)


async def test_an_unknown_parameter_is_refused(dashboard: Dashboard) -> None:
    assert (await dashboard.call("GET", f"{EVENTS}?form=1", headers=ASKED)).status == 400


async def test_asking_for_the_head_alone_opens_no_stream(dashboard: Dashboard) -> None:
    answer = await dashboard.call("HEAD", EVENTS)

    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    assert feed_of(dashboard).listeners == 0


async def test_a_stranger_gets_no_stream() -> None:
    async with a_door() as door:
        assert (await door.call("GET", EVENTS, headers=ASKED)).status == 401


async def test_a_stream_ends_with_the_session_it_was_opened_with() -> None:
    async with a_door() as door:
        shown = await signed_in(door, "bob")
        async with listening(door, headers=shown) as listener:
            await listener.event()
            await door.stores.access.end_sessions("bob", by=TESTER)
            feed_of(door).pulse()

            assert await listener.ends()


async def test_disabling_an_account_ends_its_streams_at_once_and_no_others() -> None:
    async with a_door() as door:
        ana, bob = await signed_in(door, "ana"), await signed_in(door, "bob")
        async with listening(door, headers=ana) as hers, listening(door, headers=bob) as his:
            for each in (hers, his):
                await each.event()
            answer = await send_form(door, f"{PREFIX}/users/bob/disable", ana)

            assert answer.status == 303
            assert await his.ends()
            assert await hers.block() == {"": ""}


@pytest.mark.parametrize("path", ["/logout", "/account/sessions/end"])
async def test_ending_ones_own_sessions_ends_their_streams_at_once(path: str) -> None:
    async with a_door() as door:
        here, there = await signed_in(door, "bob"), await signed_in(door, "bob")
        async with listening(door, headers=there) as listener:
            await listener.event()
            await send_form(door, f"{PREFIX}{path}", there if path == "/logout" else here)

            assert await listener.ends()


async def test_an_open_stream_keeps_no_session_from_falling_idle() -> None:
    async with a_door() as door:
        shown = await signed_in(door, "bob")
        before = await door.stores.access.sessions("bob")
        door.clock.advance(10 * MINUTE)
        async with listening(door, headers=shown) as listener:
            await listener.event()
            feed_of(door).pulse()
            await listener.block()

        assert await door.stores.access.sessions("bob") == before


async def test_a_store_that_is_away_for_a_moment_ends_no_stream_but_one_that_stays_away_does() -> None:
    async with a_door() as door:
        shown = await signed_in(door, "bob")
        async with listening(door, headers=shown) as listener:
            await listener.event()
            await door.store.cut_off()
            for _ in range(3):
                feed_of(door).pulse()
                assert await listener.block() == {"": ""}
            feed_of(door).pulse()

            assert await listener.ends()


async def test_streams_end_when_the_service_does(dashboard: Dashboard) -> None:
    async with listening(dashboard) as listener:
        await listener.event()
        await dashboard.app.shutdown()

        assert await listener.ends()
    async with listening(dashboard) as late:
        await late.event()
        assert await late.ends()
