"""Counting in one process, and the way of the numbers to another."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from adapters.telemetry.exposition import Exposition
from adapters.telemetry.meter import LINE_BYTES_MAX, NUMBERS_MAX, Meter
from application.scheduling.ports.metrics import (
    ATTEMPT_DURATION,
    ATTEMPTS,
    BACKLOG,
    CLAIMS_LOST,
    LATENESS,
    MEMBERS,
    STORE_CALLS,
    TYPES_MAX,
)
from domain.scheduling.durations import Spread
from tests.support.builders import SECOND
from tests.support.exposition import samples_of, value

MS = timedelta(milliseconds=1)


@dataclass
class Pipe:
    """Takes so many lines, and no more until it is read."""

    room: int = 1_000
    lines: list[bytes] = field(default_factory=list)

    def send(self, line: bytes) -> bool:
        if len(self.lines) >= self.room:
            return False
        self.lines.append(line)
        return True

    def read(self, meter: Meter) -> None:
        for line in self.lines:
            meter.take_over(line)
        self.lines.clear()


def attempts(meter: Meter, *types: str) -> None:
    for each in types:
        meter.add(ATTEMPTS, each, "succeeded", "succeeded")


def test_a_histogram_counts_each_duration_in_its_step_and_all_above() -> None:
    meter = Meter()
    meter.spread(LATENESS, spread=Spread.of([-MS, MS, MS, 3 * MS, timedelta(hours=1)]))
    meter.lasted(LATENESS, duration=3 * MS)

    told = samples_of(Exposition(meter).text({}))

    buckets = {
        le: value(told, "dispatch_lateness_seconds_bucket", le=le) for le in ("0.001", "0.002", "0.005", "500.0")
    }
    assert buckets == {"0.001": 3, "0.002": 3, "0.005": 5, "500.0": 5}
    assert value(told, "dispatch_lateness_seconds_bucket", le="+Inf") == 6
    assert value(told, "dispatch_lateness_seconds_count") == 6
    assert value(told, "dispatch_lateness_seconds_sum") == pytest.approx(3600.007)


def test_task_types_beyond_the_first_are_told_together() -> None:
    meter = Meter()
    attempts(meter, *(f"type-{number}" for number in range(TYPES_MAX + 5)), "type-3")

    told = samples_of(Exposition(meter).text({BACKLOG: {("mail",): 2}}))

    by_type = {
        dict(labels)["task_type"]: count for (name, labels), count in told.items() if name.startswith("attempts")
    }
    assert (len(by_type), by_type["other"], by_type["type-3"]) == (TYPES_MAX + 1, 5, 2)


def test_what_a_child_has_counted_arrives_once_and_in_short_lines() -> None:
    child, supervisor = Meter(), Meter()
    attempts(child, *(f"type-{number}" for number in range(90)))
    child.lasted(ATTEMPT_DURATION, "type-1", duration=2 * SECOND)
    pipe = Pipe()

    assert child.hand_over(pipe.send)
    assert child.hand_over(pipe.send)
    lines = list(pipe.lines)
    pipe.read(supervisor)

    assert len(lines) > 1
    assert all(len(line) <= LINE_BYTES_MAX and line.endswith(b"]\n") and line.count(b"\n") == 1 for line in lines)
    expected = Meter()
    attempts(expected, *(f"type-{number}" for number in range(90)))
    expected.lasted(ATTEMPT_DURATION, "type-1", duration=2 * SECOND)
    assert supervisor.numbers() == expected.numbers()
    assert child.numbers() == {}


def test_what_could_not_be_sent_is_sent_with_what_comes_after_it() -> None:
    child, supervisor = Meter(), Meter()
    attempts(child, *(f"type-{number}" for number in range(90)))
    pipe = Pipe(room=1)

    assert not child.hand_over(pipe.send)
    attempts(child, "type-0", "type-89")
    while not child.hand_over(pipe.send):
        pipe.read(supervisor)
    pipe.read(supervisor)

    counts = [amount for (metric, _, _), amount in supervisor.numbers().items() if metric is ATTEMPTS]
    assert (len(counts), sum(counts)) == (90, 92)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\n",
        b"{}\n",
        b"17\n",
        b"[" * 5_000,
        b"[[]]\n",
        b'[["no_such_metric",[],0,1.0]]\n',
        b'[["claims_lost_total",[],0,"1"]]\n',
        b'[["claims_lost_total",[],0,-1.0]]\n',
        b'[["claims_lost_total",[],0,1e999]]\n',
        b'[["claims_lost_total",[],0,NaN]]\n',
        b'[["claims_lost_total",["too many"],0,1.0]]\n',
        b'[["members",[7],0,1.0]]\n',
        b'[["members",["' + b"x" * 101 + b'"],0,1.0]]\n',
        b'[["dispatch_lateness_seconds",[],99,1.0]]\n',
        b'[["dispatch_lateness_seconds",[],-2,1.0]]\n',
        b'[[["claims_lost_total"],[],0,1.0]]\n',
    ],
    ids=lambda line: repr(line)[:40],
)
def test_a_line_that_is_none_of_ours_counts_nothing(line: bytes) -> None:
    meter = Meter()

    meter.take_over(line)

    assert meter.numbers() == {}


def test_a_child_that_invents_labels_cannot_make_its_supervisor_grow() -> None:
    meter = Meter()
    for first in range(0, NUMBERS_MAX + 1_000, 1_000):
        invented = ",".join(f'["members",["made up {number}"],0,1.0]' for number in range(first, first + 1_000))
        meter.take_over(f"[{invented}]".encode())
    meter.add(MEMBERS, "made up 1")

    assert len(meter.numbers()) == NUMBERS_MAX
    assert meter.numbers()[MEMBERS, ("made up 1",), 0] == 2


def test_a_label_cannot_end_its_line() -> None:
    meter = Meter()
    meter.lasted(STORE_CALLS, 'a"b\\c\nd', duration=MS)
    meter.add(CLAIMS_LOST)

    text = Exposition(meter).text({}).decode()

    assert value(samples_of(text), "store_call_seconds_count", operation='a"b\\c\nd') == 1
    assert 'operation="a\\"b\\\\c\\nd"' in text
