"""What a body means: what it leaves out, what an edit keeps, and how payloads, durations and instants are written."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from application.scheduling.documents import task_document
from application.scheduling.drafts import HandlerDefaults, body_from, define, payload_text
from domain.errors import InvalidTaskError
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.retry import Backoff, BackoffKind, RetryPolicy
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule
from domain.scheduling.task import Definition, Delivery
from tests.support.builders import HOUR, MINUTE, SECOND, a_creation
from tests.support.house import a_body, a_document
from tests.support.manual_clock import NOON


def a_definition(present: Definition | None = None, **fields: Any) -> Definition:
    return define(a_body(**fields), now=NOON, present=present)


def test_the_guides_shortest_body_is_a_whole_task() -> None:
    definition = a_definition()

    assert definition == Definition("report", "mail", CronSchedule("0 * * * *"), "0 * * * *")


@pytest.mark.parametrize("schedule", [{}, {"schedule_type": "one_time", "schedule": "2100-01-01T00:00:00Z"}])
def test_saying_nothing_of_a_policy_is_saying_that_all_of_it_is_left_out(schedule: dict[str, Any]) -> None:
    assert a_definition(**schedule) == a_definition(**schedule, policy={})


def test_a_full_body_is_taken_as_it_stands() -> None:
    definition = a_definition(
        schedule_type="one_time",
        schedule=" 2024-07-01T09:00".strip(),
        timezone="Europe/Berlin",
        payload={"days": 30},
        max_retries=0,
        handler="cleanup",
        tags=["nightly", "mail"],
        description="Sends the report.",
        delivery="managed",
        policy={
            "misfire": "all",
            "grace": "1h",
            "catch_up_max": 7,
            "overlap": "allow",
            "backoff": {"kind": "list", "delays": ["1s", "PT1M"]},
            "timeout": "90s",
            "start_at": "2024-02-01T00:00:00+02:00",
            "end_at": "2025-01-01T00:00Z",
            "max_runs": 3,
            "jitter": "PT0.5S",
            "fail_after": None,
        },
    )

    assert definition.schedule == OneTimeSchedule(datetime(2024, 7, 1, 7, tzinfo=UTC))
    assert (definition.payload_json, definition.handler, definition.tags) == (
        '{"days":30}',
        "cleanup",
        ("nightly", "mail"),
    )
    assert definition.policy.retry == RetryPolicy(0, Backoff(BackoffKind.LIST, delays=(SECOND, MINUTE)))
    assert definition.policy.start_at == datetime(2024, 1, 31, 22, tzinfo=UTC)
    assert (
        definition.policy.grace,
        definition.policy.timeout,
        definition.policy.jitter,
        definition.policy.fail_after,
    ) == (
        HOUR,
        90 * SECOND,
        SECOND / 2,
        None,
    )


@pytest.mark.parametrize(
    ("fields", "overlap"),
    [
        ({}, Overlap.SKIP),
        ({"schedule_type": "one_time", "schedule": "2024-02-01T00:00"}, Overlap.QUEUE_ONE),
        ({"schedule_type": "one_time", "schedule": "2024-02-01T00:00", "policy": {"overlap": "skip"}}, Overlap.SKIP),
    ],
    ids=["cron", "one-time", "one-time that says so"],
)
def test_only_a_one_time_task_queues_by_default(fields: dict[str, Any], overlap: Overlap) -> None:
    assert a_definition(**fields).policy.overlap is overlap


def test_the_handlers_defaults_fill_what_a_new_task_leaves_out() -> None:
    defaults = HandlerDefaults(max_retries=9, timeout=2 * HOUR)

    left_out = define(a_body(), now=NOON, defaults=defaults)
    said = define(a_body(max_retries=1, policy={"timeout": "1m"}), now=NOON, defaults=defaults)

    assert (left_out.policy.retry.max_retries, left_out.policy.timeout) == (9, 2 * HOUR)
    assert (said.policy.retry.max_retries, said.policy.timeout) == (1, MINUTE)


RICH = Definition(
    name="report",
    task_type="mail",
    schedule=CronSchedule("0 * * * *"),
    schedule_text="0 * * * *",
    policy=ExecutionPolicy(overlap=Overlap.ALLOW, timeout=HOUR, retry=RetryPolicy(7)),
    handler="cleanup",
    tags=("nightly",),
    description="Sends the report.",
    delivery=Delivery.MANAGED,
    payload_json='{"days":30}',
)


def test_an_edit_keeps_what_its_body_leaves_out() -> None:
    edited = a_definition(RICH, payload={"days": 30}, schedule="5 * * * *")

    assert (edited.policy, edited.handler, edited.tags, edited.description, edited.delivery) == (
        RICH.policy,
        RICH.handler,
        RICH.tags,
        RICH.description,
        RICH.delivery,
    )
    assert edited.schedule == CronSchedule("5 * * * *")


def test_an_edit_without_a_payload_empties_it() -> None:
    assert a_definition(RICH).payload_json == "{}"


def test_an_edits_empty_values_are_values() -> None:
    edited = a_definition(RICH, tags=[], description="", max_retries=0)

    assert (edited.tags, edited.description, edited.policy.retry.max_retries) == ((), "", 0)
    assert edited.policy.timeout == HOUR


def test_an_edits_policy_keeps_the_retries_and_the_timeout_it_leaves_out() -> None:
    edited = a_definition(RICH, policy={"misfire": "all"})

    assert (edited.policy.retry.max_retries, edited.policy.timeout, edited.policy.overlap) == (7, HOUR, Overlap.SKIP)


@pytest.mark.parametrize(
    ("handler", "fields", "runs"),
    [
        (None, {"name": "renamed"}, "report"),
        ("cleanup", {"name": "renamed"}, "cleanup"),
        (None, {"name": "renamed", "handler": "other"}, "other"),
        (None, {}, "report"),
    ],
    ids=["no handler", "a handler", "a new handler", "no new name"],
)
def test_renaming_a_task_never_changes_what_it_runs(handler: str | None, fields: dict[str, Any], runs: str) -> None:
    present = Definition("report", "mail", CronSchedule("0 * * * *"), "0 * * * *", handler=handler)

    assert a_definition(present, **fields).handler_name == runs


def test_an_interval_keeps_its_anchor_through_edits_of_anything_else() -> None:
    present = define(a_body(schedule_type="interval", schedule="90m"), now=NOON)

    later = NOON + 5 * HOUR
    same = define(a_body(name="renamed", schedule_type="interval", schedule="PT1H30M"), now=later, present=present)
    other = define(a_body(schedule_type="interval", schedule="2h"), now=later, present=present)

    assert same.schedule == IntervalSchedule(timedelta(minutes=90), NOON)
    assert other.schedule == IntervalSchedule(2 * HOUR, later)


def test_an_interval_without_an_anchor_counts_from_a_whole_second() -> None:
    made = define(a_body(schedule_type="interval", schedule="90m"), now=NOON + timedelta(microseconds=941_390))

    assert made.schedule == IntervalSchedule(timedelta(minutes=90), NOON)


def test_an_anchor_that_is_given_is_the_intervals_and_says_nothing_of_other_kinds() -> None:
    given = {"anchor": (NOON + MINUTE).isoformat()}
    present = define(a_body(schedule_type="interval", schedule="1h"), now=NOON)

    moved = define(a_body(schedule_type="interval", schedule="1h", **given), now=NOON, present=present)
    cron = define(a_body(**given), now=NOON)

    assert moved.schedule == IntervalSchedule(HOUR, NOON + MINUTE)
    assert cron.schedule == CronSchedule("0 * * * *")


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (None, "{}"),
        ({}, "{}"),
        ({"a": [1, "é"]}, '{"a":[1,"é"]}'),
        ('{"a" : 1}', '{"a":1}'),
        ({"big": 10**40}, '{"big":' + "1" + "0" * 40 + "}"),
    ],
    ids=repr,
)
def test_a_payload_is_an_object_or_the_text_of_one(payload: Any, text: str) -> None:
    assert payload_text(payload) == text


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("[1]", "wrong_type"),
        ("3", "wrong_type"),
        ('{"a":1,"a":2}', "duplicate_key"),
        ("{", "malformed_json"),
        ({"a": float("nan")}, "malformed_json"),
        ({"a": {1, 2}}, "malformed_json"),
        ({"a": "\ud800"}, "bad_character"),
        ({"a\x00": 1}, "bad_character"),
        ({str(number): 0 for number in range(10_001)}, "too_many_values"),
        ({"k" * 10_000: 1}, "name_too_long"),
    ],
    ids=lambda part: repr(part)[:30],
)
def test_any_other_payload_is_refused_at_its_pointer(payload: Any, code: str) -> None:
    with pytest.raises(InvalidTaskError) as refused:
        payload_text(payload)

    assert (refused.value.reason, refused.value.pointer) == (code, "/payload")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15m", timedelta(minutes=15)),
        ("1h30m", timedelta(minutes=90)),
        ("2w", timedelta(weeks=2)),
        ("PT15M", timedelta(minutes=15)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("P1W", timedelta(weeks=1)),
        ("PT0.000001S", timedelta(microseconds=1)),
    ],
)
def test_durations_are_iso_8601_or_numbers_with_units(text: str, length: timedelta) -> None:
    policy = body_from(a_document(policy={"grace": text})).policy

    assert policy is not None
    assert policy.grace == length


def test_what_only_the_server_says_is_ignored() -> None:
    task = a_creation(
        define(a_body(tags=["a"], policy={"grace": "5m", "jitter": "1.5s".replace("1.5s", "PT1.5S")}), now=NOON)
    ).after

    document = task_document(task, warnings=("no_worker",)) | {
        "status": "failed",
        "run_count": -5,
        "id": "x",
        "version": None,
    }

    assert define(body_from(document), now=NOON) == task.definition
