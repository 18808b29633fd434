from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.identifiers import (
    BUCKET_COUNT,
    EPOCH,
    TaskId,
    bucket_of,
    chance,
    execution_id,
    instant_of,
    least_execution_id,
    microseconds,
)
from tests.support.manual_clock import NOON

TASK = TaskId("4f9c2f5e")
INSTANTS = st.integers(0, 7_258_118_399_999_999).map(lambda count: EPOCH + timedelta(microseconds=count))


@pytest.mark.parametrize(
    ("instant", "count"),
    [
        (EPOCH, 0),
        (EPOCH + timedelta(microseconds=1), 1),
        (datetime(2024, 1, 15, 12, tzinfo=UTC), 1_705_320_000_000_000),
        (datetime(2024, 1, 15, 13, tzinfo=timezone(timedelta(hours=1))), 1_705_320_000_000_000),
        (datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 7_258_118_399_999_999),
        (EPOCH - timedelta(microseconds=1), -1),
    ],
)
def test_an_instant_is_so_many_microseconds_from_the_epoch(instant: datetime, count: int) -> None:
    assert microseconds(instant) == count
    assert instant_of(count) == instant


@given(INSTANTS)
def test_instants_survive_the_way_through_a_store(instant: datetime) -> None:
    assert instant_of(microseconds(instant)) == instant


@pytest.mark.parametrize(("task", "bucket"), [("", 0), ("a", 3), ("4f9c2f5e", 16), ("ümläut", 35)])
def test_a_task_stays_in_its_bucket_for_ever(task: str, bucket: int) -> None:
    assert bucket_of(TaskId(task)) == bucket


def test_tasks_spread_over_all_buckets() -> None:
    assert {bucket_of(TaskId(f"task {number}")) for number in range(1_000)} == set(range(BUCKET_COUNT))


def test_a_decision_taken_twice_names_one_execution() -> None:
    assert execution_id(TASK, "auto", "1", NOON) == execution_id(TASK, "auto", "1", NOON)
    assert execution_id(TASK, "auto", "1", NOON) == "060efac0d41000cee8ee3c53b32ae79b"


@pytest.mark.parametrize(
    "other",
    [
        execution_id(TaskId("other"), "auto", "1", NOON),
        execution_id(TASK, "manual", "1", NOON),
        execution_id(TASK, "auto", "2", NOON),
        execution_id(TASK, "auto", "1", NOON + timedelta(microseconds=1)),
    ],
)
def test_task_kind_key_and_instant_each_make_another_execution(other: str) -> None:
    assert other != execution_id(TASK, "auto", "1", NOON)
    assert len(other) == 32


@given(st.tuples(INSTANTS, INSTANTS), st.tuples(st.text(max_size=8), st.text(max_size=8)))
def test_execution_ids_sort_by_instant(instants: tuple[datetime, datetime], keys: tuple[str, str]) -> None:
    earlier, later = sorted(instants)
    if earlier < later:
        assert execution_id(TASK, "auto", keys[0], earlier) < execution_id(TASK, "auto", keys[1], later)


@given(st.tuples(INSTANTS, INSTANTS), st.text(max_size=8))
def test_the_least_id_of_an_instant_divides_what_is_named_for_it_from_what_is_named_earlier(
    instants: tuple[datetime, datetime], key: str
) -> None:
    named, bound = instants

    assert (least_execution_id(bound) <= execution_id(TASK, "auto", key, named)) is (bound <= named)


def test_before_the_epoch_nothing_is_named() -> None:
    assert least_execution_id(EPOCH - timedelta(days=1)) == least_execution_id(EPOCH)


def test_what_is_left_to_chance_is_the_same_in_every_process() -> None:
    assert [chance("a"), chance("b"), chance("")] == [3_391_310_933, 4_254_941_009, 309_448_485]


def test_names_that_differ_in_a_digit_are_spread_evenly() -> None:
    drawn = [chance(f"task-{number:05}/1705320000000000") for number in range(10_000)]
    tenths = [sum(value * 10 >> 32 == tenth for value in drawn) for tenth in range(10)]

    assert all(900 < count < 1_100 for count in tenths)
