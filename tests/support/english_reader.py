"""Reads the sentences of the describer back: what a person would understand, as times of day and matching days.

It knows nothing of expressions, facts or patterns; it knows English. Only sentences with no list cut short can be read.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

DayTest = Callable[[date], bool]

_UNITS = {"second": 1, "minute": 60, "hour": 3_600}
_MONTHS = {name: number for number, name in enumerate(calendar.month_name) if name}
_WEEKDAYS = {name: number for number, name in enumerate(calendar.day_name)}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7}
_MONTH, _WEEKDAY, _ORDINAL = ("|".join(names) for names in (_MONTHS, _WEEKDAYS, _ORDINALS))
_CLOCK = r"\d\d:\d\d(?::\d\d)?"
_CLOCKS = rf"{_CLOCK}(?:, {_CLOCK})*(?: and {_CLOCK})?"
_NUMBER = r"\d+(?: to \d+)?"
_NUMBERS = rf"{_NUMBER}(?:, {_NUMBER})*(?: and {_NUMBER})?"
_WINDOW = rf"from {_CLOCK} to {_CLOCK}"
_WINDOWS = rf"{_WINDOW}(?:, {_WINDOW})*(?: and {_WINDOW})?"
_HOURS = rf"(?P<hours>every (?:(?:{_ORDINAL}) )?hour(?: from \d\d:00 to \d\d:00)?|{_CLOCKS})"


@dataclass(frozen=True)
class Told:
    """What a sentence says: seconds of the day, and which days."""

    times: frozenset[int]
    on: DayTest


def read_english(sentence: str) -> Told:
    """What the sentence says; AssertionError if it is no sentence a person would follow to the end."""
    times, rest = _times(sentence)
    seconds, rest = _seconds(rest)
    days = rest.removeprefix(",").strip()
    whole = times if seconds == [0] else {time + second for time in times for second in seconds}
    return Told(frozenset(whole), _days(days))


def _times(sentence: str) -> tuple[set[int], str]:
    for pattern, meaning in _TIMES:
        found = re.match(rf"{pattern}(?=,| on | every |$)", sentence)
        if found:
            return set(meaning(found)), sentence[found.end() :]
    raise AssertionError(f"no times in {sentence!r}")


def _every_hour(_: re.Match[str]) -> Iterator[int]:
    return iter(range(0, 86_400, 3_600))


def _minutes_past(found: re.Match[str]) -> Iterator[int]:
    first, last, step = int(found["first"]), int(found["last"]), int(found["step"] or 1)
    return (hour + minute * 60 for hour in _hours(found["hours"]) for minute in range(first, last + 1, step))


def _each_minute(found: re.Match[str]) -> Iterator[int]:
    return (hour + minute * 60 for hour in _hours(found["hours"]) for minute in range(60))


def _listed_minutes(found: re.Match[str]) -> Iterator[int]:
    return (hour + minute * 60 for hour in _hours(found["hours"]) for minute in _numbers(found["minutes"]))


def _beat(found: re.Match[str]) -> Iterator[int]:
    step = int(found["step"] or 1) * _UNITS[found["unit"]]
    windows = re.findall(rf"from ({_CLOCK}) to ({_CLOCK})", found["windows"] or "from 00:00:00 to 23:59:59")
    for first, last in windows:
        begin, end = _clock(first), _clock(last)
        yield from (time % 86_400 for time in range(begin, end + 1 + 86_400 * (end < begin), step))


def _clocks(found: re.Match[str]) -> Iterator[int]:
    return (_clock(each) for each in re.findall(_CLOCK, found["clocks"]))


_TIMES: tuple[tuple[str, Callable[[re.Match[str]], Iterator[int]]], ...] = (
    ("Every hour on the hour", _every_hour),
    (rf"Every (?:(?P<step>\d+) )?minutes? from minute (?P<first>\d+) to (?P<last>\d+) past {_HOURS}", _minutes_past),
    (rf"Every minute of (?:the hours beginning at )?{_HOURS}", _each_minute),
    (rf"At minutes? (?P<minutes>{_NUMBERS}) past {_HOURS}", _listed_minutes),
    (rf"Every (?:(?P<step>\d+) )?(?P<unit>second|minute|hour)s?(?P<windows> {_WINDOWS})?", _beat),
    (rf"At (?P<clocks>{_CLOCKS})", _clocks),
)


def _hours(text: str) -> list[int]:
    if not text.startswith("every"):
        return [_clock(each) for each in re.findall(_CLOCK, text)]
    nth = re.search(rf"({_ORDINAL}) hour", text)
    first, last = re.findall(_CLOCK, text) or ("00:00", "23:00")
    return list(range(_clock(first), _clock(last) + 1, 3_600 * (_ORDINALS[nth[1]] if nth else 1)))


def _seconds(rest: str) -> tuple[list[int], str]:
    listed = re.match(rf", at seconds? ({_NUMBERS})(?=,|$)", rest)
    if listed:
        return _numbers(listed[1]), rest[listed.end() :]
    stepped = re.match(r", every (?:(\d+) )?seconds?(?: from second (\d+) to (\d+)| of that minute)", rest)
    if stepped:
        step, first, last = int(stepped[1] or 1), int(stepped[2] or 0), int(stepped[3] or 59)
        return list(range(first, last + 1, step)), rest[stepped.end() :]
    return [0], rest


def _days(text: str) -> DayTest:
    """A whole clause of days; months at its beginning go for all of it."""
    found = re.fullmatch(
        r"(?P<months>(?:in|from) [^,]*(?:, (?!on )[^,]*)*), (?P<either>on .* of the month or .*)", text
    )
    if found:
        months, either = _months(found["months"]), _either(found["either"])
        return lambda day: day.month in months and either(day)
    if " of the month or " in text:
        return _either(text)
    first, _, second = text.partition(" and on ")
    if second:
        one, two = _days(first), _days(f"on {second}")
        return lambda day: one(day) or two(day)
    return _plain_days(text)


def _either(text: str) -> DayTest:
    """Days of the month or days of the week: `or` stands between any two of them."""
    dates, _, rest = text.partition(" or ")
    tests = [_plain_days(dates)]
    weekdays = rest.removesuffix(" of the month")
    row = re.match(rf"from ({_WEEKDAY}) to ({_WEEKDAY})", weekdays)
    if row:
        names = _row(row[1], row[2], _WEEKDAYS)
        tests.append(lambda day: day.weekday() in names)
        weekdays = weekdays[row.end() :]
    phrases = re.findall(rf"the (?:{_ORDINAL}|last) (?:{_WEEKDAY})|{_WEEKDAY}", weekdays)
    tests.extend(_nth(phrase) if phrase.startswith("the ") else _weekday(phrase) for phrase in phrases)
    return lambda day: any(test(day) for test in tests)


def _plain_days(text: str) -> DayTest:
    single = re.fullmatch(rf"on (\d+) ({_MONTH})", text)
    if single:
        return lambda day: (day.day, day.month) == (int(single[1]), _MONTHS[single[2]])
    months = re.search(rf"(?:^|,? )(?:in|of|(?:of each month )?from) (?:the month|(?:{_MONTH})\b.*)$", text)
    allowed = _months(months.group()) if months else frozenset(range(1, 13))
    test = _days_alone(text[: months.start()] if months else text)
    return lambda day: day.month in allowed and test(day)


def _days_alone(text: str) -> DayTest:
    if text in ("", "every day"):
        return lambda _: True
    row = re.fullmatch(rf"(?:every day from )?({_WEEKDAY}) to ({_WEEKDAY})", text)
    if row:
        names = _row(row[1], row[2], _WEEKDAYS)
        return lambda day: day.weekday() in names
    if text.startswith("every "):
        tests = [_weekday(name) for name in re.split(", | and ", text.removeprefix("every "))]
    elif "the last " in text or re.search(rf"the (?:{_ORDINAL}) (?:{_WEEKDAY})", text) or "nearest" in text:
        tests = [_date(each) for each in re.split(r"(?:^on |, | and )(?=the )", text) if each]
    else:
        tests = [_date(text)]
    return lambda day: any(test(day) for test in tests)


def _date(text: str) -> DayTest:
    text = text.removeprefix("on ").replace(" (Monday to Friday)", "")
    if re.fullmatch(rf"the (?:{_ORDINAL}|last) (?:{_WEEKDAY})", text):
        return _nth(text)
    if text == "the last day":
        return lambda day: (day + timedelta(days=1)).day == 1
    if text == "the last working day":
        return lambda day: day == _nearest_workday(day, calendar.monthrange(day.year, day.month)[1])
    nearest = re.fullmatch(r"the working day nearest to day (\d+)", text)
    if nearest:
        return lambda day: day == _nearest_workday(day, int(nearest[1]))
    stepped = re.fullmatch(rf"every ({_ORDINAL}) day from day (\d+) to (\d+)", text)
    if stepped:
        numbers = list(range(int(stepped[2]), int(stepped[3]) + 1, _ORDINALS[stepped[1]]))
    else:
        listed = re.fullmatch(rf"days? ({_NUMBERS})", text)
        assert listed is not None, f"no day in {text!r}"
        numbers = _numbers(listed[1])
    return lambda day: day.day in numbers


def _nearest_workday(day: date, number: int) -> date | None:
    length = calendar.monthrange(day.year, day.month)[1]
    if number > length:
        return None
    month = [day.replace(day=each) for each in range(1, length + 1)]
    workdays = [each for each in month if each.weekday() < 5]
    # Saturday and Sunday have one neighbour each that is nearest; at the edges of a month the only side left.
    return min(workdays, key=lambda each: abs(each.day - number))


def _weekday(name: str) -> DayTest:
    return lambda day: day.weekday() == _WEEKDAYS[name]


def _nth(text: str) -> DayTest:
    _, which, name = text.split(" ")
    if which == "last":
        return lambda day: day.weekday() == _WEEKDAYS[name] and (day + timedelta(days=7)).month != day.month
    return lambda day: day.weekday() == _WEEKDAYS[name] and (day.day - 1) // 7 + 1 == _ORDINALS[which]


def _months(text: str) -> frozenset[int]:
    if "the month" in text:
        return frozenset(range(1, 13))
    names = re.findall(_MONTH, text)
    row = re.search(rf"from (?:{_MONTH}) to (?:{_MONTH})", text)
    return _row(names[0], names[1], _MONTHS) if row else frozenset(_MONTHS[name] for name in names)


def _row(first: str, last: str, numbers: dict[str, int]) -> frozenset[int]:
    names = list(numbers) * 2
    begin = names.index(first)
    return frozenset(numbers[name] for name in names[begin : names.index(last, begin) + 1])


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    for item in re.split(", | and ", text):
        first, _, last = item.partition(" to ")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers


def _clock(text: str) -> int:
    hours, minutes, *seconds = (int(part) for part in text.split(":"))
    return (hours * 60 + minutes) * 60 + sum(seconds)
