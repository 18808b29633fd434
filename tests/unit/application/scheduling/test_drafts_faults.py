"""Every fault of a body is told in one answer, each with its pointer and its stable code (reliability E)."""

from time import thread_time
from typing import Any

import pytest

from application.scheduling.drafts import body_from, define
from application.scheduling.drafts.shapes import HINTED_MAX
from domain.errors import InvalidInputError
from tests.support.house import a_document
from tests.support.manual_clock import NOON


def faults_in(document: object) -> set[tuple[str, str]]:
    with pytest.raises(InvalidInputError) as refused:
        define(body_from(document), now=NOON)
    return {(fault.pointer, fault.reason) for fault in refused.value.faults}


def test_shapes_and_meanings_at_fault_are_told_together() -> None:
    document = a_document(
        name="",
        task_type="os system",
        schedule="99 * * * *",
        timezone="Mars/Olympus",
        payload=[1],
        max_retries=-1,
        tags=["fine", "not fine", 3],
        colour="red",
        enabled="false",
        policy={"timeout": "soon", "grace": "0s"},
    )

    assert faults_in(document) == {
        ("/name", "out_of_range"),
        ("/task_type", "bad_identifier"),
        ("/schedule", "out_of_range"),
        ("/timezone", "unknown_timezone"),
        ("/payload", "wrong_type"),
        ("/max_retries", "out_of_range"),
        ("/tags/2", "wrong_type"),
        ("/colour", "unknown_field"),
        ("/enabled", "wrong_type"),
        ("/policy/timeout", "invalid_duration"),
    }


def test_no_fault_of_a_policy_hides_another() -> None:
    policy = {
        "grace": "0s",
        "catch_up_max": 101,
        "timeout": "0s",
        "start_at": "2024-06-01T00:00:00Z",
        "end_at": "2024-05-01T00:00:00Z",
        "max_runs": 0,
        "jitter": "2d",
        "fail_after": 0,
        "backoff": {"kind": "fixed", "initial": "8d", "cap": "9d", "delays": ["1s"]},
    }

    assert faults_in(a_document(policy=policy, max_retries=10**9)) == {
        ("/policy/grace", "out_of_range"),
        ("/policy/catch_up_max", "out_of_range"),
        ("/policy/timeout", "out_of_range"),
        ("/policy/end_at", "end_before_start"),
        ("/policy/max_runs", "out_of_range"),
        ("/policy/jitter", "out_of_range"),
        ("/policy/fail_after", "out_of_range"),
        ("/policy/backoff/initial", "out_of_range"),
        ("/policy/backoff/cap", "out_of_range"),
        ("/policy/backoff/delays", "out_of_range"),
        ("/max_retries", "out_of_range"),
    }


@pytest.mark.parametrize("document", [None, 3, "x", [], [{}]], ids=repr)
def test_a_task_is_an_object(document: object) -> None:
    assert faults_in(document) == {("", "wrong_type")}


def test_what_is_missing_is_named() -> None:
    assert faults_in({"schedule": "nonsense"}) == {
        ("/name", "required"),
        ("/task_type", "required"),
        ("/schedule_type", "required"),
    }


FAULTY: list[tuple[dict[str, Any], tuple[str, str]]] = [
    # E 10: bounds and instants
    ({"policy": {"start_at": "9999-12-31T00:00:00Z"}}, ("/policy/start_at", "out_of_range")),
    ({"policy": {"start_at": "2024-05-01T00:00:00"}}, ("/policy/start_at", "no_offset")),
    ({"policy": {"end_at": "0000-01-01T00:00:00Z"}}, ("/policy/end_at", "out_of_range")),
    ({"policy": {"end_at": "2024-05-01T24:00:00Z"}}, ("/policy/end_at", "out_of_range")),
    ({"policy": {"end_at": 1714521600}}, ("/policy/end_at", "wrong_type")),
    ({"schedule_type": "one_time", "schedule": "1969-12-31T00:00:00Z"}, ("/schedule", "out_of_range")),
    # E 11: intervals
    ({"schedule_type": "interval", "schedule": "0s"}, ("/schedule", "out_of_range")),
    ({"schedule_type": "interval", "schedule": "-5m"}, ("/schedule", "bad_interval")),
    ({"schedule_type": "interval", "schedule": "NaN"}, ("/schedule", "bad_interval")),
    ({"schedule_type": "interval", "schedule": "1000000000000d"}, ("/schedule", "out_of_range")),
    ({"schedule_type": "interval", "schedule": 300}, ("/schedule", "wrong_type")),
    # E 13, 14: zones
    ({"timezone": "../../etc/passwd"}, ("/timezone", "unknown_timezone")),
    ({"timezone": "Europe/Paris\x00"}, ("/timezone", "unknown_timezone")),
    ({"timezone": ""}, ("/timezone", "unknown_timezone")),
    ({"timezone": "localtime"}, ("/timezone", "unknown_timezone")),
    ({"timezone": "right/UTC"}, ("/timezone", "unknown_timezone")),
    ({"timezone": "E" * 10_000}, ("/timezone", "unknown_timezone")),
    # E 23: payloads
    ({"payload": {"a": "x" * 65_536}}, ("/payload", "too_large")),
    ({"payload": {str(number): 0 for number in range(10_001)}}, ("/payload", "too_many_values")),
    ({"payload": "{"}, ("/payload", "malformed_json")),
    # E 24, 25: fields and types
    ({"rev": 3}, ("/rev", "unknown_field")),
    ({"a/b~c": 3}, ("/a~1b~0c", "unknown_field")),
    ({"policy": {"priority": 3}}, ("/policy/priority", "unknown_field")),
    ({"enabled": 1}, ("/enabled", "wrong_type")),
    ({"max_retries": True}, ("/max_retries", "wrong_type")),
    ({"max_retries": "3"}, ("/max_retries", "wrong_type")),
    ({"policy": []}, ("/policy", "wrong_type")),
    ({"tags": "a"}, ("/tags", "wrong_type")),
    ({"name": None}, ("/name", "wrong_type")),
    ({"version": "3"}, ("/version", "wrong_type")),
    ({"schedule_type": "yearly"}, ("/schedule_type", "invalid_value")),
    # E 26, 27, 28: names
    ({"name": "x" * 10_000}, ("/name", "out_of_range")),
    ({"name": "a\r\nb"}, ("/name", "out_of_range")),
    ({"name": "\u202egnp.exe"}, ("/name", "out_of_range")),
    ({"name": "\x1b[2J"}, ("/name", "out_of_range")),
    ({"task_type": "a:b"}, ("/task_type", "bad_identifier")),
    ({"task_type": "{mail}"}, ("/task_type", "bad_identifier")),
    ({"task_type": "a b"}, ("/task_type", "bad_identifier")),
    ({"task_type": "x" * 65}, ("/task_type", "bad_identifier")),
    ({"tags": ["*"]}, ("/tags/0", "bad_identifier")),
    ({"tags": ["a", "a"]}, ("/tags", "out_of_range")),
    ({"description": "x" * 2_001}, ("/description", "out_of_range")),
    # E 29, 30: retries and time-outs
    ({"max_retries": -1}, ("/max_retries", "out_of_range")),
    ({"max_retries": 10**30}, ("/max_retries", "out_of_range")),
    ({"policy": {"backoff": {"initial": "-1s"}}}, ("/policy/backoff/initial", "invalid_duration")),
    ({"policy": {"backoff": {"kind": "list"}}}, ("/policy/backoff/delays", "out_of_range")),
    ({"policy": {"backoff": {"kind": "list", "delays": [1]}}}, ("/policy/backoff/delays/0", "invalid_duration")),
    ({"policy": {"timeout": "0s"}}, ("/policy/timeout", "out_of_range")),
    ({"policy": {"timeout": "999999999s"}}, ("/policy/timeout", "out_of_range")),
    ({"policy": {"timeout": "99999999999999999999w"}}, ("/policy/timeout", "invalid_duration")),
    ({"policy": {"timeout": "P1M"}}, ("/policy/timeout", "invalid_duration")),
    ({"policy": {"timeout": "PT"}}, ("/policy/timeout", "invalid_duration")),
    ({"policy": {"timeout": ""}}, ("/policy/timeout", "invalid_duration")),
    ({"policy": {"timeout": "٣m"}}, ("/policy/timeout", "invalid_duration")),
]


@pytest.mark.parametrize(("fields", "fault"), FAULTY, ids=lambda part: repr(part)[:50])
def test_one_fault_is_told_once_with_its_pointer_and_code(fields: dict[str, Any], fault: tuple[str, str]) -> None:
    assert faults_in(a_document(**fields)) == {fault}


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "'; DROP TABLE tasks; --", "{{7*7}}", "=cmd()", "👩‍👩‍👧"]
)
def test_a_name_that_is_only_odd_is_kept_as_text(name: str) -> None:
    assert define(body_from(a_document(name=name)), now=NOON).name == name


@pytest.mark.parametrize("zero", [0, 1])
def test_no_retries_and_one_are_both_fine(zero: int) -> None:
    assert define(body_from(a_document(max_retries=zero)), now=NOON).policy.retry.max_retries == zero


def test_a_hint_and_a_position_reach_the_caller() -> None:
    with pytest.raises(InvalidInputError) as refused:
        body_from(a_document(policy={"start_at": "2024-13-01T00:00:00Z"}))

    (fault,) = refused.value.faults
    assert (fault.position, fault.hint) == (5, "01 to 12")


def test_a_body_full_of_faults_is_judged_within_20_milliseconds() -> None:
    document = a_document(
        name="x" * 100_000,
        schedule="0-59/1," * 10_000,
        payload={"a": ["x" * 100] * 5_000},
        tags=["?"] * 5_000,
        description="y" * 100_000,
    )

    def judge() -> float:
        began = thread_time()
        faults_in(document)
        return thread_time() - began

    assert min(judge() for _ in range(5)) < 0.020


@pytest.mark.parametrize("field", ["enabled", "payload", "tags", "policy", "description", "delivery", "max_retries"])
def test_null_is_no_value_but_for_the_handler(field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        body_from(a_document() | {field: None})

    assert [(fault.pointer, fault.reason) for fault in refused.value.faults] == [(f"/{field}", "wrong_type")]
    assert body_from(a_document(handler=None)).handler is None


@pytest.mark.parametrize("text", ["tomorrow", "2024-W03", 1705406400, "2024-01-16T12:00:00"])
def test_an_instant_that_is_refused_is_told_how_one_is_written_here(text: object) -> None:
    with pytest.raises(InvalidInputError) as refused:
        body_from(a_document(policy={"start_at": text}))

    (fault,) = refused.value.faults
    assert fault.hint == "write 2026-12-24T18:00:00Z, or an offset such as +01:00 for the Z"


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"polcy": {}}, "did you mean policy?"),
        ({"policy": {"overlapp": "skip"}}, "did you mean overlap?"),
        ({"policy": {"backoff": {"x": 1}}}, "there are kind, initial, cap, delays"),
        ({"policy" * 5_000: 1}, "there are name, task_type, "),
    ],
)
def test_an_unknown_field_is_told_which_was_meant_or_which_there_are(fields: dict[str, Any], hint: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        body_from(a_document(**fields))

    (fault,) = refused.value.faults
    assert fault.hint is not None
    assert fault.hint.startswith(hint)


def test_only_so_many_unknown_fields_are_told_what_was_meant() -> None:
    with pytest.raises(InvalidInputError) as refused:
        body_from(a_document() | {f"field_{number}": 1 for number in range(HINTED_MAX + 5)})

    assert [fault.hint is None for fault in refused.value.faults] == [False] * HINTED_MAX + [True] * 5


def test_what_pydantic_says_by_itself_reads_like_the_rest() -> None:
    with pytest.raises(InvalidInputError) as refused:
        body_from(a_document(delivery="pigeon", reason="x" * 501))

    details = {fault.pointer: fault.detail for fault in refused.value.faults}
    assert details == {"/delivery": "this should be 'managed' or 'external'", "/reason": "at most 500 characters"}


def test_what_is_wrong_with_the_whole_has_no_place() -> None:
    with pytest.raises(InvalidInputError) as refused:
        body_from([])

    assert str(refused.value) == "a task is a JSON object"
