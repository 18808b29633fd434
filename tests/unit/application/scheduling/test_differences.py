from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from application.scheduling.differences import ABSENT, DIFFERENCES_MAX, TOLD_MAX, differences, version_document
from application.scheduling.ports.records import VersionRecord
from domain.scheduling.identifiers import TaskId
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.retry import Backoff, BackoffKind, RetryPolicy
from domain.scheduling.schedule import CronSchedule, IntervalSchedule
from domain.scheduling.task import Definition
from tests.support.builders import HOUR, MINUTE, a_definition
from tests.support.manual_clock import NOON

CRON = a_definition(schedule=CronSchedule("0 2 * * *", "UTC"))
INTERVAL = a_definition(schedule=IntervalSchedule(HOUR))


@pytest.mark.parametrize(
    ("before", "after", "sentences"),
    [
        (CRON, CRON, []),
        (CRON, replace(CRON, name="weekly"), ["name: report → weekly"]),
        (
            CRON,
            replace(CRON, schedule=CronSchedule("0 5 * * *"), schedule_text="0 5 * * *"),
            ["schedule: 0 2 * * * (At 02:00 every day) → 0 5 * * * (At 05:00 every day)"],
        ),
        (CRON, replace(CRON, description="Cleans."), ["description: nothing → Cleans."]),
        (CRON, replace(CRON, tags=("db", "slow")), ["tags: nothing → db, slow"]),
        (
            INTERVAL,
            replace(INTERVAL, schedule=IntervalSchedule(HOUR, NOON)),
            ["beginning of the intervals: 1970-01-01T00:00:00Z → 2024-01-15T12:00:00Z"],
        ),
    ],
    ids=["nothing", "name", "schedule", "description", "tags", "anchor"],
)
def test_what_differs_is_told_in_words(before: Definition, after: Definition, sentences: list[str]) -> None:
    assert [each.sentence for each in differences(before, after)] == sentences


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (ExecutionPolicy(overlap=Overlap.ALLOW), "policy for overlaps: skip → allow"),
        (ExecutionPolicy(grace=HOUR), "grace: nothing → 1 h"),
        (ExecutionPolicy(timeout=MINUTE), "time limit of an attempt: 15 min → 1 min"),
        (ExecutionPolicy(fail_after=None), "failures in a row that stop it: 3 → nothing"),
        (ExecutionPolicy(retry=RetryPolicy(5)), "retries: 3 → 5"),
        (
            ExecutionPolicy(retry=RetryPolicy(backoff=Backoff(BackoffKind.FIXED, MINUTE))),
            "wait before a retry: exponential from 30 s up to 30 min → 1 min each time",
        ),
        (
            ExecutionPolicy(retry=RetryPolicy(backoff=Backoff(BackoffKind.LIST, delays=(MINUTE, timedelta(hours=2))))),
            "wait before a retry: exponential from 30 s up to 30 min → 1 min, 2 h",
        ),
        (ExecutionPolicy(end_at=NOON), "last instant: nothing → 2024-01-15T12:00:00Z"),
    ],
)
def test_each_policy_is_told_by_itself(policy: ExecutionPolicy, sentence: str) -> None:
    assert sentence in [each.sentence for each in differences(CRON, replace(CRON, policy=policy))]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('{"days": 1}', '{"days": 2}', [("/payload/days", 1, 2)]),
        # Equal to Python, and not to the reader of a payload.
        ('{"days": 1}', '{"days": 1.0}', [("/payload/days", 1, 1.0)]),
        ('{"days": 1}', '{"days": true}', [("/payload/days", 1, True)]),
        ('{"id": 9007199254740992}', '{"id": 9007199254740993}', [("/payload/id", 9007199254740992, 9007199254740993)]),
        ('{"a": {"b/c": 1, "d": 2}}', '{"a": {"b/c": 3, "d": 2}}', [("/payload/a/b~1c", 1, 3)]),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', [("/payload/a", [1, 2], [2, 1])]),
        ('{"a": {"b": 1}}', '{"a": 1}', [("/payload/a", {"b": 1}, 1)]),
        ('{"a": {"b": 1}}', '{"a": {}}', [("/payload/a/b", 1, ABSENT)]),
        ('{"a": 1}', "{}", [("/payload/a", 1, ABSENT)]),
    ],
)
def test_members_of_a_payload_are_compared_one_by_one_and_exactly(before: str, after: str, expected: Any) -> None:
    found = differences(replace(CRON, payload_json=before), replace(CRON, payload_json=after))

    assert [(each.pointer, each.before, each.after) for each in found] == expected


def test_what_came_and_went_stands_on_one_side_only() -> None:
    before, after = replace(CRON, payload_json='{"old": null}'), replace(CRON, payload_json='{"new": {}}')
    record = VersionRecord(TaskId("t"), 2, after, None, redefines=True)

    found = version_document(record, differences(before, after))["differences"]

    assert found == [
        {"pointer": "/payload/old", "sentence": "payload, old: null → not there", "before": None},
        {"pointer": "/payload/new", "sentence": "payload, new: not there → {}", "after": {}},
    ]


def test_a_large_difference_is_bounded() -> None:
    many = "{" + ",".join(f'"{number}": 1' for number in range(1_000)) + "}"
    long = '{"text": "' + "x" * 10_000 + '"}'

    assert len(differences(CRON, replace(CRON, payload_json=many))) == DIFFERENCES_MAX
    *_, told = differences(CRON, replace(CRON, payload_json=long))
    assert len(told.told_after) == TOLD_MAX
