"""The contract of the port, and what is particular about croniter behind it."""

from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from adapters.cron_reference import croniter_reference
from adapters.cron_reference.croniter_reference import CroniterReference
from application.scheduling.ports.cron_reference import INSTANTS_MAX, Reading
from tests.support.cron_oracle import in_utc

NEW_YORK = "America/New_York"


async def read(expression: str, timezone: str, after: str, until: str) -> Reading:
    found = await CroniterReference(timedelta(seconds=20)).read(
        expression, timezone, after=in_utc(after), until=in_utc(until)
    )
    assert found is not None
    return found


async def test_the_span_excludes_its_beginning_and_includes_its_end() -> None:
    found = await read("0 * * * *", "UTC", "2026-01-01T00:00", "2026-01-01T03:00")

    assert [at.hour for at in found.instants] == [1, 2, 3]
    assert all(at.tzinfo is UTC for at in found.instants)


async def test_a_part_of_a_second_does_not_swallow_the_next_one() -> None:
    after = datetime(2026, 1, 1, 0, 59, 59, 999_999, tzinfo=UTC)

    found = await CroniterReference(timedelta(seconds=20)).read(
        "0 * * * *", "UTC", after=after, until=after + timedelta(seconds=1)
    )

    assert found == Reading((in_utc("2026-01-01T01:00"),))


async def test_a_fold_is_answered_in_the_order_of_utc() -> None:
    found = await read("30 1 * * *", NEW_YORK, "2026-11-01T00:00", "2026-11-01T12:00")

    assert list(found.instants) == [in_utc("2026-11-01T05:30"), in_utc("2026-11-01T06:30")]


async def test_there_are_at_most_so_many_instants() -> None:
    found = await read("* * * * *", "UTC", "2026-01-01T00:00", "2026-01-02T00:00")

    assert len(found.instants) == INSTANTS_MAX


@pytest.mark.parametrize("expression", ["0 0 LW * *", "0 30 2 * * *", "0 0 * * 5L", "x"])
async def test_what_it_does_not_take_is_a_refusal(expression: str) -> None:
    found = await read(expression, "UTC", "2026-01-01T00:00", "2026-02-01T00:00")

    assert found.refusal
    assert not found.instants


async def test_what_it_never_finds_is_nothing() -> None:
    assert await read("0 0 29 2 MON#5", "UTC", "2026-01-01T00:00", "2030-01-01T00:00") == Reading()


async def test_who_takes_too_long_has_no_opinion_and_keeps_its_turn_until_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on, began = Event(), Event()

    def slow(*_: object) -> list[datetime]:
        began.set()
        go_on.wait(20)
        return []

    monkeypatch.setattr(croniter_reference, "_instants", slow)
    reference = CroniterReference(timedelta(milliseconds=20))
    span = {"after": in_utc("2026-01-01T00:00"), "until": in_utc("2026-01-02T00:00")}

    first = await reference.read("0 * * * *", "UTC", **span)
    meanwhile = await reference.read("0 * * * *", "UTC", **span)
    go_on.set()

    assert (first, meanwhile, began.is_set()) == (None, None, True)
    assert reference.turn.acquire(timeout=20)
