"""Reading a compiled time zone file (TZif, RFC 9636) into the instants at which a zone's offset changes.

`zoneinfo` answers "what is the offset now" but not "when does it change next", and searching for that costs thousands
of questions. The file says it outright: explicit transitions up to some year, then a POSIX rule for all years after.
"""

import re
import struct
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from domain.scheduling.cron.matcher import DAY_SECONDS

_HEADER = struct.Struct(">4sc15x6I")
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_NAME = r"(?:<[+\-0-9A-Za-z]+>|[A-Za-z]+)"
_TIME = r"[+-]?[0-9]{1,3}(?::[0-9]{2}){0,2}"
_DATE = r"(?:M[0-9]+\.[0-9]\.[0-9]|J?[0-9]+)"
_RULE = re.compile(
    rf"{_NAME}(?P<standard>{_TIME})"
    rf"(?:{_NAME}(?P<summer>{_TIME})?,(?P<begins>{_DATE})(?:/(?P<begins_at>{_TIME}))?"
    rf",(?P<ends>{_DATE})(?:/(?P<ends_at>{_TIME}))?)?"
)


class OffsetChange(NamedTuple):
    """From `at` (seconds since the epoch) on, wall time is UTC plus `offset` seconds."""

    at: int
    offset: int


def read(content: bytes, *, last_year: int) -> tuple[int, list[OffsetChange]]:
    """The offset before the first change, and every change to the end of `last_year`, ascending.

    A change of name or of the summer-time flag that leaves the offset alone is left out.
    """
    header = _HEADER.unpack_from(content)
    assert header[0] == b"TZif"
    assert header[1] >= b"2", "the tzdata wheel holds version 2 files"
    # The first block repeats the second in 32 bits, for readers of the last century.
    begin = _HEADER.size + _block_size(header, time_bytes=4)
    header = _HEADER.unpack_from(content, begin)
    at = begin + _HEADER.size
    end = at + _block_size(header, time_bytes=8)
    *_, times, types, _ = header
    instants = struct.unpack_from(f">{times}q", content, at)
    kinds = content[at + 8 * times : at + 9 * times]
    offsets = [struct.unpack_from(">l", content, at + 9 * times + 6 * kind)[0] for kind in range(types)]
    explicit = [OffsetChange(instant, offsets[kind]) for instant, kind in zip(instants, kinds, strict=True)]
    first, rule = offsets[0], content[end:].strip(b"\n").decode("ascii")
    return first, list(_without_repeats(first, _continued(explicit, rule, last_year)))


def _block_size(header: tuple[int, ...], *, time_bytes: int) -> int:
    utc_flags, standard_flags, leaps, times, types, characters = header[2:]
    flags = utc_flags + standard_flags
    return times * (time_bytes + 1) + types * 6 + characters + leaps * (time_bytes + 4) + flags


def _continued(explicit: list[OffsetChange], rule: str, last_year: int) -> Iterator[OffsetChange]:
    """The explicit changes, then those the rule makes after the last of them."""
    yield from explicit
    after = explicit[-1].at if explicit else -DAY_SECONDS * 366
    yield from (change for change in rule_changes(rule, range(_year_of(after), last_year + 1)) if change.at > after)


def _without_repeats(offset: int, changes: Iterator[OffsetChange]) -> Iterator[OffsetChange]:
    for change in changes:
        if change.offset != offset:
            yield change
        offset = change.offset


def rule_changes(rule: str, years: range) -> list[OffsetChange]:
    """The changes a POSIX rule such as `EST5EDT,M3.2.0,M11.1.0` makes in `years`, ascending; none without summer."""
    found = _RULE.fullmatch(rule)
    assert found is not None, f"tzdata holds a rule this reader does not know: {rule}"
    if found["begins"] is None:
        return []
    standard = -_seconds(found["standard"])
    summer = standard + 3600 if found["summer"] is None else -_seconds(found["summer"])
    begins_at, ends_at = _seconds(found["begins_at"] or "2"), _seconds(found["ends_at"] or "2")
    changes = []
    for year in years:
        changes.append(OffsetChange(_day(found["begins"], year) * DAY_SECONDS + begins_at - standard, summer))
        changes.append(OffsetChange(_day(found["ends"], year) * DAY_SECONDS + ends_at - summer, standard))
    return sorted(changes)


def _seconds(time: str) -> int:
    """Seconds of `[+-]h[hh][:mm[:ss]]`; POSIX counts zones westwards, so callers turn the sign of offsets."""
    parts = [int(part) for part in time.lstrip("+-").split(":")]
    total = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    return -total if time.startswith("-") else total


def _day(rule: str, year: int) -> int:
    """Days from 1970-01-01 to the day a POSIX rule names in `year`."""
    if rule.startswith("M"):
        month, week, weekday = (int(part) for part in rule[1:].split("."))
        first = date(year, month, 1).toordinal() - _EPOCH_ORDINAL
        day = first + (weekday - first - 4) % 7 + 7 * (week - 1)
        following = date(year + month // 12, month % 12 + 1, 1).toordinal() - _EPOCH_ORDINAL
        return day if day < following else day - 7
    new_year = date(year, 1, 1).toordinal() - _EPOCH_ORDINAL
    if not rule.startswith("J"):
        return new_year + int(rule)
    # Jn never counts February 29.
    leap = date(year, 12, 31).toordinal() - date(year, 1, 1).toordinal() == 365
    day = int(rule[1:])
    return new_year + day - 1 + (leap and day > 59)


def _year_of(instant: int) -> int:
    return date.fromordinal(instant // DAY_SECONDS + _EPOCH_ORDINAL).year
