"""A child that ended and the one that follows it: under another name, and how soon."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
import structlog

from entrypoints.child import Epitaph
from entrypoints.process import EXIT_FAILED, EXIT_OK, EXIT_ORPHANED, EXIT_REPLACE, EXIT_UNREACHABLE
from entrypoints.supervisor import RESTART_BACKOFF_MIN, RESTART_READY_MAX, SETTLED_AFTER, Supervisor
from tests.support.children import Nursery, supervised


@pytest.mark.parametrize(
    ("behaviour", "level", "epitaph"),
    [
        ("77", "warning", "The worker ended with exit code 77; its executions start again"),
        (str(EXIT_OK), "info", "The worker ended by itself, with nothing left to do"),
        (str(EXIT_FAILED), "error", "The worker failed, as told above; its executions start again"),
        (str(EXIT_ORPHANED), "warning", "The worker lost sight of its supervisor; its executions start again"),
        (str(EXIT_UNREACHABLE), "warning", "The worker could not go on, as told above; its executions start again"),
        (str(EXIT_REPLACE), "info", "The worker that handed over has left, its other work finished or handed back"),
        ("killed", "warning", "The worker was killed (Killed); its executions start again"),
        ("missing", "warning", "The worker cannot be started: [Errno 2] No such file or directory: '/nowhere/python'"),
    ],
)
async def test_a_child_that_ends_is_replaced_by_one_with_another_name(behaviour: str, level: str, epitaph: str) -> None:
    nursery = Nursery([behaviour, "obedient"])

    with structlog.testing.capture_logs() as logged:
        await supervised(nursery, lambda: nursery.said)

    assert nursery.started == ["child-0", "child-1"]
    assert nursery.dead == nursery.started[behaviour == "missing" :], "who was never there has no claims"
    (line,) = logged
    assert (line["log_level"], line["event"]) == (level, epitaph)
    assert (line["worker"], line["restart_in_seconds"]) == ("child-0", 0.1)


async def waits_between(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch, *, lived: timedelta, epitaphs: Sequence[Epitaph | None]
) -> list[timedelta]:
    """The first ten waits before a restart, of children that claimed for so long; None: they handed over.

    `epitaphs` tell how they ended, one after the other, the last one of all others.
    """
    waits: list[timedelta] = []

    async def wait(stop: asyncio.Event, length: timedelta) -> None:
        waits.append(length)
        if len(waits) == 10:
            stop.set()

    async def tenure(_self: Supervisor, *_: object) -> Epitaph | None:
        nursery.clock.advance(lived)
        return epitaphs[min(len(waits), len(epitaphs) - 1)]

    monkeypatch.setattr("entrypoints.supervisor._wait", wait)
    monkeypatch.setattr(Supervisor, "_tenure", tenure)
    with structlog.testing.capture_logs():
        await nursery.supervisor.run(nursery.stop)
    return waits


@pytest.mark.parametrize(
    ("epitaph", "last"),
    [
        (Epitaph("it never became ready"), [3.2, 6.4, 12.8, 25.6, 30.0]),
        (Epitaph("it was ready", was_ready=True), [2.0] * 5),
    ],
)
async def test_children_that_end_young_are_followed_slower_and_slower_and_seldom_if_they_never_were_ready(
    monkeypatch: pytest.MonkeyPatch, epitaph: Epitaph, last: list[float]
) -> None:
    waits = await waits_between(Nursery(["3"]), monkeypatch, lived=timedelta(0), epitaphs=[epitaph])

    assert [wait.total_seconds() for wait in waits] == [0.1, 0.2, 0.4, 0.8, 1.6, *last]


async def test_a_child_that_was_ready_is_followed_soon_however_long_the_waits_before_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    epitaphs = [Epitaph("it never became ready")] * 8 + [Epitaph("it was ready", was_ready=True)]
    waits = await waits_between(Nursery(["3"]), monkeypatch, lived=timedelta(0), epitaphs=epitaphs)

    assert [wait.total_seconds() for wait in waits[6:]] == [6.4, 12.8, 2.0, 2.0]


async def test_a_child_that_handed_over_is_followed_at_once_however_young_and_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    epitaphs = [Epitaph("it never became ready")] * 3 + [None]
    waits = await waits_between(Nursery(["3"]), monkeypatch, lived=timedelta(0), epitaphs=epitaphs)

    assert [wait.total_seconds() for wait in waits] == [0.1, 0.2, 0.4, *[0.1] * 7]


async def test_a_child_is_known_to_have_been_ready_by_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait(_stop: asyncio.Event, _length: timedelta) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr("entrypoints.supervisor._wait", wait)
    monkeypatch.setattr("entrypoints.supervisor.RESTART_BACKOFF_MIN", RESTART_READY_MAX * 2)
    nursery = Nursery(["77", "ready77", "obedient"])

    def wake() -> bool:
        nursery.supervisor.wake()
        return True

    with structlog.testing.capture_logs() as logged:
        await supervised(nursery, lambda: nursery.said, wake, lambda: nursery.said == 2)

    assert [line["restart_in_seconds"] for line in logged] == [4.0, 2.0]


@pytest.mark.parametrize("epitaph", [Epitaph("it ended"), None])
async def test_a_child_that_claimed_for_long_is_followed_at_once(
    monkeypatch: pytest.MonkeyPatch, epitaph: Epitaph | None
) -> None:
    waits = await waits_between(Nursery(["3"]), monkeypatch, lived=SETTLED_AFTER * 2, epitaphs=[epitaph])

    assert set(waits) == {RESTART_BACKOFF_MIN}
