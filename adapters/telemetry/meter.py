"""Counting: numbers that only grow, in one process, from whichever thread; and their way to another process."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from threading import Lock
from typing import Any

from application.scheduling import json_text
from application.scheduling.ports.metrics import METRICS, OTHER_TYPES, TASK_TYPE, TYPES_MAX, Labels, Metric
from domain.errors import MalformedJsonError
from domain.scheduling.durations import STEPS, Spread

TOTAL = -1
"""Stands where the number of a step does, for the sum of a histogram's durations in seconds."""
LINE_BYTES_MAX = 4_096
NUMBERS_MAX = 20_000
LABEL_CHARACTERS_MAX = 100
AMOUNT_MAX = 1e15
_BY_NAME = {each.name: each for each in METRICS}
Number = tuple[Metric, Labels, int]
"""Which number: of a histogram the step, or TOTAL; of everything else 0."""


class Meter:
    """`Counting` in a dictionary: about a microsecond a call.

    Task types beyond the first TYPES_MAX are counted as OTHER_TYPES, so nobody can make it grow without end.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers: dict[Number, float] = {}
        self._types: set[str] = set()

    def add(self, metric: Metric, *labels: str, amount: float = 1) -> None:
        """See the port."""
        with self._lock:
            self._grow((metric, self._capped(metric, labels), 0), amount)

    def lasted(self, metric: Metric, *labels: str, duration: timedelta) -> None:
        """See the port."""
        with self._lock:
            capped = self._capped(metric, labels)
            self._grow((metric, capped, min(bisect_left(STEPS, duration), metric.steps)), 1)
            self._grow((metric, capped, TOTAL), max(0.0, duration.total_seconds()))

    def spread(self, metric: Metric, *labels: str, spread: Spread) -> None:
        """See the port."""
        with self._lock:
            capped = self._capped(metric, labels)
            for step, count in spread.by_step.items():
                self._grow((metric, capped, min(step, metric.steps)), count)
            self._grow((metric, capped, TOTAL), spread.total.total_seconds())

    def numbers(self) -> Mapping[Number, float]:
        """All numbers as they are now."""
        with self._lock:
            return dict(self._numbers)

    def hand_over(self, send: Callable[[bytes], bool]) -> bool:
        """See the port. A line is a JSON array."""
        with self._lock:
            taken, self._numbers = self._numbers, {}
        for line, numbers in list(_lines(taken)):
            if send(line):
                for each in numbers:
                    del taken[each]
            else:
                break
        with self._lock:
            for number, amount in taken.items():
                self._grow(number, amount)
        return not taken

    def take_over(self, line: bytes) -> None:
        """See the port."""
        try:
            numbers = json_text.read(line)
        except MalformedJsonError:
            return
        with self._lock:
            for each in numbers if isinstance(numbers, list) else ():
                match each:
                    case [str(name), [*labels], int(part), float(amount)] if _fits(name, labels, part, amount):
                        metric = _BY_NAME[name]
                        self._grow((metric, self._capped(metric, tuple(labels)), part), amount)

    def _grow(self, number: Number, amount: float) -> None:
        if number in self._numbers or len(self._numbers) < NUMBERS_MAX:
            self._numbers[number] = self._numbers.get(number, 0.0) + amount

    def _capped(self, metric: Metric, labels: Labels) -> Labels:
        if metric.labels[:1] != (TASK_TYPE,) or labels[0] in self._types:
            return labels
        if len(self._types) < TYPES_MAX:
            self._types.add(labels[0])
            return labels
        return (OTHER_TYPES, *labels[1:])


def _fits(name: str, labels: list[Any], part: int, amount: float) -> bool:
    metric = _BY_NAME.get(name)
    if metric is None or len(labels) != len(metric.labels) or not TOTAL <= part <= metric.steps:
        return False
    return 0 <= amount < AMOUNT_MAX and all(
        isinstance(each, str) and len(each) <= LABEL_CHARACTERS_MAX for each in labels
    )


def _lines(numbers: Mapping[Number, float]) -> Iterator[tuple[bytes, list[Number]]]:
    """The numbers as lines, each with what it tells."""
    told: list[Number] = []
    parts: list[str] = []
    length = 0
    for number, amount in numbers.items():
        metric, labels, part = number
        text = json_text.write([metric.name, labels, part, float(amount)])
        # A comma goes with each, and the brackets of the line.
        if parts and length + len(text) + 4 > LINE_BYTES_MAX:
            yield _line(parts), told
            told, parts, length = [], [], 0
        told.append(number)
        parts.append(text)
        length += len(text) + 1
    if parts:
        yield _line(parts), told


def _line(parts: list[str]) -> bytes:
    return f"[{','.join(parts)}]\n".encode()
