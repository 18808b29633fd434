"""The flat JSON documents: what stands in them, and that they can be written as they are."""

from datetime import timedelta
from typing import Any

import pytest

from application.scheduling import json_text
from application.scheduling.documents import execution_document, record_document, task_document
from application.scheduling.drafts import body_from
from application.scheduling.iso_text import duration, instant
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.processors import Run
from tests.support.builders import HOUR, MINUTE
from tests.support.house import ANA, House, a_document, an_author
from tests.support.manual_clock import NOON

GUIDE = {
    "id", "name", "handler", "task_type", "schedule_type", "schedule", "payload", "timezone", "status", "enabled",
    "max_retries", "created_at", "updated_at", "last_run_at", "next_run_at", "run_count", "error_count", "last_error",
}  # fmt: skip


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "PT0S"),
        (timedelta(minutes=15), "PT15M"),
        (timedelta(days=1), "P1D"),
        (timedelta(days=2, hours=3, minutes=4, seconds=5), "P2DT3H4M5S"),
        (timedelta(milliseconds=1500), "PT1.5S"),
        (timedelta(microseconds=1), "PT0.000001S"),
        (timedelta(days=1, microseconds=10), "P1DT0.00001S"),
    ],
)
def test_a_duration_reads_back_as_it_was(length: timedelta, text: str) -> None:
    assert duration(length) == text
    policy = body_from(a_document(policy={"grace": text})).policy
    assert policy is not None
    assert policy.grace == length


def test_what_is_not_there_is_null() -> None:
    assert (duration(None), instant(None)) == (None, None)


def test_an_instant_is_in_utc_to_the_microsecond() -> None:
    assert instant(NOON) == "2024-01-15T12:00:00Z"
    assert instant(NOON + timedelta(microseconds=7)) == "2024-01-15T12:00:00.000007Z"


async def test_a_task_has_every_field_of_the_guide(house: House) -> None:
    task = await house.create(payload={"days": 10**30})

    document = task_document(task, ("no_worker",))

    assert document.keys() >= GUIDE
    assert (document["status"], document["enabled"], document["next_run_at"], document["warnings"]) == (
        "active",
        True,
        "2024-01-15T13:00:00Z",
        ["no_worker"],
    )
    assert json_text.read(json_text.write(document)) == document


async def test_a_paused_task_says_why_and_has_no_next_run(house: House) -> None:
    task = await house.create(schedule_type="interval", schedule="90m")
    paused = await house.manage.pause(task.id, an_author(reason="work"), until=NOON + HOUR)

    document = task_document(paused.task)

    assert (document["enabled"], document["next_run_at"], document["anchor"]) == (False, None, "2024-01-15T12:00:00Z")
    assert document["pause"] == {
        "reason": "work",
        "by": "ana",
        "at": "2024-01-15T12:00:00Z",
        "until": "2024-01-15T13:00:00Z",
        "mode": "drain",
    }


async def test_an_execution_has_its_attempts_its_log_and_what_became_of_it(house: House) -> None:
    @house.processors.task("mail")
    async def handler(payload: dict[str, Any], run: Run) -> dict[str, object]:
        run.progress(1, 2, "half")
        run.log.info("at work")
        return {"sent": payload["days"]}

    execution = await house.run_now(await house.create(), payload={"days": 3})
    house.clock.advance(MINUTE)
    await house.work(house.perform())
    record = await house.stores.history.execution(execution)
    assert record is not None

    document = record_document(record)

    assert (document["state"], document["result"], document["payload"]) == ("succeeded", {"sent": 3}, {"days": 3})
    assert document["progress"] == {"done": 1, "total": 2, "note": "half"}
    assert [line["text"] for line in document["log"]] == ["at work"]
    assert [attempt["outcome"] for attempt in document["attempts"]] == ["succeeded"]
    assert document["finished_at"] == "2024-01-15T12:01:00Z"
    assert json_text.read(json_text.write(document)) == document


async def test_a_cancelled_execution_says_who_and_why(house: House) -> None:
    execution = await house.run_now(await house.create())
    await house.manage.cancel(execution, an_author(reason="no need"))
    (summary,) = (await house.stores.history.executions(ExecutionFilter(), limit=1, cursor=None)).executions

    document = execution_document(summary)

    assert (document["state"], document["cancel"]) == (
        "cancelled",
        {"at": "2024-01-15T12:00:00Z", "by": ANA.actor, "reason": "no need"},
    )
