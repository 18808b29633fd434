"""What two people say otherwise of one task, and what follows from each choice."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.scheduling.conflicts import PAYLOAD_ROWS_MAX, Whose, disagreements, merged
from application.scheduling.drafts import body_from, define
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.schedule import CronSchedule, IntervalSchedule
from domain.scheduling.task import Definition
from tests.support.builders import HOUR
from tests.support.manual_clock import NOON

READ = Definition(
    "report", "mail", CronSchedule("0 2 * * *"), "0 2 * * *", payload_json='{"days":30,"to":{"a":1}}', tags=("old",)
)
HOURLY = replace(READ, schedule=IntervalSchedule(HOUR, NOON), schedule_text="1h")


def saved(now: Definition, read: Definition | None, wanted: Definition, *taken: str) -> Definition:
    rows = disagreements(read, now, wanted)
    return define(body_from(merged(now, rows, taken)), now=NOON + HOUR, present=now)


def test_a_field_is_told_with_who_has_changed_it() -> None:
    now = replace(READ, description="theirs", tags=("new",))
    wanted = replace(READ, description="yours", timezone="Asia/Tokyo")

    rows = disagreements(READ, now, wanted)

    assert [(each.pointer, each.whose, each.read, each.now, each.wanted) for each in rows] == [
        ("/timezone", Whose.YOURS, "UTC", "UTC", "Asia/Tokyo"),
        ("/description", Whose.BOTH, "nothing", "theirs", "yours"),
        ("/tags", Whose.THEIRS, "old", "new", "old"),
    ]


def test_what_was_read_may_be_forgotten_and_then_everything_is_asked() -> None:
    (row,) = disagreements(None, READ, replace(READ, description="yours"))

    assert (row.whose, row.read) == (Whose.BOTH, None)


def test_the_parts_of_a_schedule_are_one_choice() -> None:
    (row,) = disagreements(READ, READ, HOURLY)

    assert (row.pointer, row.now, row.wanted) == (
        "/schedule",
        "0 2 * * * (At 02:00 every day)",
        "1h (Every hour, counted from 2024-01-15 at 12:00 UTC)",
    )
    assert saved(READ, READ, HOURLY, "/schedule") == HOURLY
    assert saved(HOURLY, READ, READ, "/schedule") == READ


def test_what_both_want_is_no_disagreement() -> None:
    both = replace(READ, description="the same")

    assert disagreements(READ, both, both) == ()


@pytest.mark.parametrize(
    ("theirs", "yours", "taken", "payload"),
    [
        ('{"days":31,"to":{"a":1}}', '{"days":30,"to":{"a":2}}', ["/payload/to/a"], '{"days":31,"to":{"a":2}}'),
        ('{"days":31,"to":{"a":1}}', '{"to":{"a":1}}', ["/payload/days"], '{"to":{"a":1}}'),
        ('{"days":30}', '{"days":30,"to":{"a":1,"b":[]}}', ["/payload/to"], '{"days":30,"to":{"a":1,"b":[]}}'),
        ("{}", '{"days":5}', ["/payload/days"], '{"days":5}'),
        ('{"to":5}', '{"to":{"a":7}}', ["/payload/to"], '{"to":{"a":7}}'),
        ('{"days":31}', "{}", [], '{"days":31}'),
        ('{"to":{"a":2}}', '{"to":{}}', [], '{"to":{"a":2}}'),
        ('{"to":{"a":2}}', '{"to":{}}', ["/payload/to/a"], '{"to":{}}'),
        ('{"a/b":{"~":1}}', '{"a/b":{"~":2}}', ["/payload/a~1b/~0"], '{"a/b":{"~":2}}'),
        ('{"days":31}', '{"days":32}', [], '{"days":31}'),
    ],
)
def test_members_of_a_payload_are_chosen_one_by_one(theirs: str, yours: str, taken: list[str], payload: str) -> None:
    now, wanted = replace(READ, payload_json=theirs), replace(READ, payload_json=yours)

    assert saved(now, READ, wanted, *taken).payload_json == payload


def test_nothing_stands_beside_the_members_that_were_taken_away() -> None:
    read, now, wanted = (replace(READ, payload_json=text) for text in ('{"a":1}', '{"a":2}', "{}"))

    (row,) = disagreements(read, now, wanted)

    assert (row.pointer, row.whose, row.read, row.now, row.wanted) == ("/payload/a", Whose.BOTH, "1", "2", "not there")


@pytest.mark.parametrize(
    ("now", "wanted", "whose"),
    [
        ('{"days":30,"to":{"a":2}}', '{"days":30}', {"/payload/to": Whose.BOTH}),
        ('{"days":30}', '{"days":30,"to":{"a":2}}', {"/payload/to": Whose.BOTH}),
        (
            '{"days":30,"to":{"a":1,"b":2}}',
            '{"days":31,"to":5}',
            {"/payload/days": Whose.YOURS, "/payload/to": Whose.BOTH},
        ),
        ('{"days":30,"to":5}', '{"days":31,"to":{"a":1}}', {"/payload/days": Whose.YOURS, "/payload/to": Whose.THEIRS}),
    ],
)
def test_a_part_that_somebody_else_changed_makes_the_whole_a_choice(
    now: str, wanted: str, whose: dict[str, Whose]
) -> None:
    rows = disagreements(READ, replace(READ, payload_json=now), replace(READ, payload_json=wanted))

    assert {row.pointer: row.whose for row in rows} == whose


@pytest.mark.parametrize("count", [PAYLOAD_ROWS_MAX, PAYLOAD_ROWS_MAX + 1, 250, 3_000])
def test_no_member_of_a_large_payload_keeps_what_it_was_behind_the_back_of_whoever_chooses(count: int) -> None:
    read = replace(READ, payload_json=json.dumps({f"k{number}": 0 for number in range(count)}))
    now = replace(read, payload_json=json.dumps({f"k{number}": 5 * (not number) for number in range(count)}))
    wanted = replace(read, payload_json=json.dumps({f"k{number}": 1 for number in range(count)}))

    rows = disagreements(read, now, wanted)

    assert len(rows) == (count if count <= PAYLOAD_ROWS_MAX else 1)
    assert json.loads(saved(now, read, wanted, *(row.pointer for row in rows)).payload_json) == {
        f"k{number}": 1 for number in range(count)
    }
    if len(rows) == 1:
        assert (rows[0].pointer, rows[0].label, rows[0].whose) == ("/payload", "payload as a whole", Whose.BOTH)


NESTED = st.recursive(
    st.integers(0, 2),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "a/b", "~"]), inner, max_size=3),
    max_leaves=8,
)
PAYLOADS = st.dictionaries(st.sampled_from(["a", "b", "~1"]), NESTED, max_size=3)


@given(PAYLOADS, PAYLOADS, PAYLOADS)
@settings(max_examples=200, deadline=None)
def test_whatever_is_nested_everything_taken_is_what_was_wanted(read: Any, theirs: Any, yours: Any) -> None:
    began, now, wanted = (replace(READ, payload_json=json.dumps(each)) for each in (read, theirs, yours))
    rows = disagreements(began, now, wanted)

    everything = merged(now, rows, [row.pointer for row in rows])["payload"]
    their_parts = merged(wanted, disagreements(began, wanted, now), [row.pointer for row in rows])["payload"]

    assert (everything, their_parts) == (yours, theirs)


def test_taking_everything_is_what_was_wanted_and_taking_nothing_is_what_is() -> None:
    fields: dict[str, Any] = {"name": "other", "task_type": "chat", "handler": "report", "description": "d"}
    policy = ExecutionPolicy(jitter=timedelta(seconds=5), fail_after=None, start_at=NOON)
    wanted = replace(HOURLY, timezone="Asia/Tokyo", tags=(), policy=policy, payload_json="{}", **fields)
    rows = disagreements(READ, READ, wanted)

    assert saved(READ, READ, wanted, *(row.pointer for row in rows)) == wanted
    assert saved(READ, READ, wanted) == READ
