"""Relaying: everything goes out, whatever is away for a while, and nothing is asked too often."""

from datetime import timedelta

import pytest

from application.scheduling.services.relay_messages import (
    BATCH_MAX,
    LOOK_EVERY,
    PAUSE_MAX,
    PAUSE_MIN,
    REFUSED_FOR,
    REST,
    RelayMessages,
)
from domain.scheduling.events import StreamRefused, StreamsFailed, StreamsRecovered
from tests.support.manual_clock import ManualClock
from tests.support.outboxes import ListedOutbox, ListedStreams, a_message
from tests.support.recorders import RecordingObserver

AT_ONCE = timedelta(0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


async def test_batch_after_batch_is_sent_in_order_until_nothing_waits(
    clock: ManualClock, observer: RecordingObserver
) -> None:
    messages = [a_message(number) for number in range(BATCH_MAX + 1)]
    outbox, streams = ListedOutbox(list(messages)), ListedStreams()
    relay = RelayMessages(outbox, streams, clock, observer)

    waits = [await relay.run_once() for _ in range(3)]

    assert waits == [AT_ONCE, AT_ONCE, LOOK_EVERY]
    assert streams.sent == messages
    assert observer.events == []


async def test_whoever_is_woken_again_and_again_looks_only_so_often(
    clock: ManualClock, observer: RecordingObserver
) -> None:
    outbox = ListedOutbox([])
    relay = RelayMessages(outbox, ListedStreams(), clock, observer)
    await relay.run_once()
    clock.advance(REST / 5)

    woken = [await relay.run_once() for _ in range(3)]
    clock.advance(REST)
    await relay.run_once()

    assert woken == [REST * 4 / 5] * 3
    assert outbox.looks == 2


async def test_streams_that_are_away_are_told_of_once_and_asked_for_before_anything_is_taken(
    clock: ManualClock, observer: RecordingObserver
) -> None:
    outbox, streams = ListedOutbox([a_message(1)]), ListedStreams(is_away=True)
    relay = RelayMessages(outbox, streams, clock, observer)

    waits = []
    for _ in range(7):
        waits.append(await relay.run_once())
        assert await relay.run_once() == waits[-1], "woken too early"
        clock.advance(waits[-1])
    streams.is_away = False
    again = await relay.run_once()

    assert waits == [PAUSE_MIN * 2**each for each in range(5)] + [PAUSE_MAX] * 2
    assert outbox.looks == 2, "the first, and the one behind the outage"
    assert (again, streams.sent, outbox.messages) == (AT_ONCE, [a_message(1)], [])
    assert observer.events == [
        StreamsFailed("redis:6379 did not answer in time"),
        StreamsRecovered(sum(waits, AT_ONCE)),
    ]


async def test_a_stream_that_takes_nothing_keeps_no_other_waiting_and_is_told_of_once(
    clock: ManualClock, observer: RecordingObserver
) -> None:
    outbox = ListedOutbox([*(a_message(number, "bad") for number in range(BATCH_MAX)), a_message(-1)])
    streams = ListedStreams(refuses={"bad": "WRONGTYPE"})
    relay = RelayMessages(outbox, streams, clock, observer)

    for _ in range(3):
        await relay.run_once()
    alone = list(streams.sent)
    clock.advance(REFUSED_FOR)
    await relay.run_once()
    streams.refuses.clear()
    clock.advance(REFUSED_FOR)
    await relay.run_once()

    assert alone == [a_message(-1)]
    assert len(streams.sent) == 1 + BATCH_MAX
    assert observer.events == [StreamRefused("bad", "WRONGTYPE")]
