"""Declarative files and crontabs: what they say, what is no such file, and where each fault lies."""

import json

import pytest

from application.scheduling.declarations import DeclaredFile, file_in, from_crontab, json_file
from application.scheduling.declarations.entry import document_of
from domain.errors import DomainError, InvalidInputError

HEAD = "apiVersion: scheduler/v1\n"
CRONTAB = b"""\
# nightly work
MAILTO=ops@example.org
15 2 * * 1-5 /usr/local/bin/backup.sh --all
CRON_TZ="Europe/Berlin"
@daily /usr/local/bin/backup.sh --all
*/5 * * * * echo a=b | mail -s 'x y' me
"""


def _faults(error: DomainError) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.reason) for fault in getattr(error, "faults", (error,))]


def test_a_file_says_its_fields_one_by_one_with_the_defaults_beneath() -> None:
    text = f"""{HEAD}defaults: {{timezone: Europe/Berlin, policy: {{overlap: allow, misfire: all}}}}
tasks:
  a: {{schedule: {{every: 15m, anchor: 2026-01-01T00:00:00Z}}, policy: {{overlap: skip}}}}
"""
    (entry,) = file_in(text.encode()).entries

    assert document_of(entry.name, entry.said) == {
        "name": "a",
        "schedule_type": "interval",
        "schedule": "15m",
        "anchor": "2026-01-01T00:00:00Z",
        "timezone": "Europe/Berlin",
        "policy": {"overlap": "skip", "misfire": "all"},
    }
    assert entry.place("/policy/misfire") == "/defaults/policy/misfire"
    assert entry.place("/policy/overlap") == "/tasks/a/policy/overlap"
    assert entry.place("/schedule") == "/tasks/a/schedule/every"
    assert entry.place("/anchor") == "/tasks/a/schedule/anchor"
    assert entry.place("/name") == "/tasks/a"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", [("", "wrong_type")]),
        ("- a", [("", "wrong_type")]),
        ("apiVersion: scheduler/v2\ntasks: {}", [("/apiVersion", "invalid_value")]),
        (f"{HEAD}task: {{}}", [("/tasks", "required"), ("/task", "unknown_field")]),
        (f"{HEAD}tasks: {{a: }}", [("/tasks/a", "wrong_type")]),
        (f"{HEAD}manager: a b\ntasks: {{}}", [("/manager", "bad_identifier")]),
        (f"{HEAD}manager: {'m' * 51}\ntasks: {{}}", [("/manager", "out_of_range")]),
        (f"{HEAD}defaults: {{schedule: {{every: 1m}}}}\ntasks: {{}}", [("/defaults/schedule", "unknown_field")]),
        (f"{HEAD}tasks: {{a: {{schedule: 15m}}}}", [("/tasks/a/schedule", "wrong_type")]),
        (
            f"{HEAD}tasks: {{a: {{schedule: {{}}, nam: x}}}}",
            [("/tasks/a/schedule", "required"), ("/tasks/a/nam", "unknown_field")],
        ),
        (
            f"{HEAD}tasks: {{a: {{schedule: {{crom: x}}}}}}",
            [("/tasks/a/schedule/crom", "unknown_field"), ("/tasks/a/schedule", "required")],
        ),
        ('{"apiVersion": "scheduler/v1", "tasks": {"a": {}, "a": {}}}', [("", "duplicate_key")]),
        ('{"apiVersion": "scheduler/v1", "tasks": [}', [("", "malformed_json")]),
    ],
)
def test_what_is_no_such_file_is_told_by_its_places(text: str, faults: list[tuple[str, str]]) -> None:
    with pytest.raises(DomainError) as refused:
        file_in(text.encode()).throw(())

    assert _faults(refused.value) == faults


def test_a_file_has_a_bounded_number_of_tasks_and_more_values_than_a_body() -> None:
    entry = {"schedule": {"every": "1m"}, "task_type": "x", "payload": {"of": list(range(10))}}
    most = {"apiVersion": "scheduler/v1", "tasks": {str(number): entry for number in range(2_000)}}
    more = {**most, "tasks": {str(number): {} for number in range(2_001)}}

    assert len(json_file(json.dumps(most).encode()).entries) == 2_000
    with pytest.raises(DomainError) as refused:
        json_file(json.dumps(more).encode())
    assert refused.value.reason == "too_many"


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\xef\xbb\xbftasks:", b"\xed\xa0\x80"])
def test_what_is_no_utf_8_is_refused(raw: bytes) -> None:
    with pytest.raises(DomainError) as refused:
        file_in(raw)

    assert refused.value.reason == "bad_encoding"


def _from_crontab(raw: bytes) -> DeclaredFile:
    return from_crontab(raw, task_type="crontab", handler="command", timezone="UTC")


def test_the_lines_of_a_crontab_are_tasks_in_the_zone_that_stands_above_them() -> None:
    found = _from_crontab(CRONTAB)

    told = {
        entry.name: (entry.said["schedule"]["schedule"], entry.said["timezone"], entry.said["payload"]["command"])
        for entry in found.entries
    }
    assert told == {
        "backup.sh-all": ("15 2 * * 1-5", "UTC", "/usr/local/bin/backup.sh --all"),
        "backup.sh-all-2": ("@daily", "Europe/Berlin", "/usr/local/bin/backup.sh --all"),
        "echo-a-b-mail-s-x-y-me": ("*/5 * * * *", "Europe/Berlin", "echo a=b | mail -s 'x y' me"),
    }
    assert found.lines["/tasks/backup.sh-all-2"] == 5


def test_every_line_of_a_crontab_that_is_no_job_is_told() -> None:
    with pytest.raises(InvalidInputError) as refused:
        _from_crontab(b"* * * *\n0 0 * * * true\n<html>\n")

    assert [fault.detail for fault in refused.value.faults] == ["line 1: this is no job", "line 3: this is no job"]
