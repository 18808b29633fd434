"""Zone files as other builds of tzdata may hold them; the files of the wheel in use are tested in test_zone."""

import struct
from datetime import UTC, datetime

import pytest

from domain.scheduling.cron.tzif import OffsetChange, read

HOUR = 3600


def second(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def a_block(layout: str, times: list[tuple[int, int]], offsets: list[int], *, leaps: int, flags: bool) -> bytes:
    """One block of a file: header, instants of `layout` with the place of their offset, offsets, names, extras."""
    marks = len(offsets) if flags else 0
    header = struct.pack(">4sc15x6l", b"TZif", b"2", marks, marks, leaps, len(times), len(offsets), 4)
    rows = struct.pack(f">{len(times)}{layout}", *(at for at, _ in times)) + bytes(place for _, place in times)
    kinds = b"".join(struct.pack(">lBB", offset, 0, 0) for offset in offsets)
    # Leap seconds are an instant and a sum; nothing of them, of the names or of the flags may be taken for a rule.
    tail = b"XST\0" + b"".join(struct.pack(f">{layout}l", 78_796_800 + leap, leap) for leap in range(leaps))
    return header + rows + kinds + tail + b"\1" * (2 * marks)


def a_file(
    *,
    times: list[tuple[int, int]],
    offsets: list[int],
    rule: str,
    leaps: int = 0,
    flags: bool = False,
    fat: bool = True,
) -> bytes:
    """A zone file; a fat one says everything twice, a slim one has an empty first block."""
    first = (
        a_block("l", times, offsets, leaps=leaps, flags=flags) if fat else a_block("l", [], [0], leaps=0, flags=False)
    )
    return first + a_block("q", times, offsets, leaps=leaps, flags=flags) + f"\n{rule}\n".encode()


@pytest.mark.parametrize("fat", [False, True])
@pytest.mark.parametrize("flags", [False, True])
@pytest.mark.parametrize("leaps", [0, 27])
def test_what_a_file_repeats_or_adds_does_not_matter(fat: bool, flags: bool, leaps: int) -> None:
    times = [(1_000_000, 1), (2_000_000, 0), (3_000_000, 2)]

    found = read(
        a_file(times=times, offsets=[0, HOUR, 2 * HOUR], rule="<+02>-2", leaps=leaps, flags=flags, fat=fat),
        last_year=2030,
    )

    assert found == (0, [OffsetChange(1_000_000, HOUR), OffsetChange(2_000_000, 0), OffsetChange(3_000_000, 2 * HOUR)])


def test_a_change_that_leaves_the_offset_alone_is_no_change() -> None:
    times = [(1_000_000, 0), (2_000_000, 1), (3_000_000, 2), (4_000_000, 0)]

    first, changes = read(a_file(times=times, offsets=[HOUR, 0, 0], rule="<+01>-1"), last_year=2030)

    assert (first, changes) == (HOUR, [OffsetChange(2_000_000, 0), OffsetChange(4_000_000, HOUR)])


def test_a_rule_goes_on_after_the_last_change_up_to_the_last_year() -> None:
    changed = [(second("2026-03-29T01:00"), 1)]

    _, changes = read(
        a_file(times=changed, offsets=[HOUR, 2 * HOUR], rule="CET-1CEST,M3.5.0,M10.5.0/3"), last_year=2027
    )

    assert changes == [
        OffsetChange(second("2026-03-29T01:00"), 2 * HOUR),
        OffsetChange(second("2026-10-25T01:00"), HOUR),
        OffsetChange(second("2027-03-28T01:00"), 2 * HOUR),
        OffsetChange(second("2027-10-31T01:00"), HOUR),
    ]


def test_a_file_with_a_rule_alone_holds_from_the_first_year_on() -> None:
    first, changes = read(a_file(times=[], offsets=[0], rule="XST0XDT,M3.5.0,M10.5.0"), last_year=1971)

    assert first == 0
    assert [each for each in changes if each.at >= 0] == [
        OffsetChange(second("1970-03-29T02:00"), HOUR),
        OffsetChange(second("1970-10-25T01:00"), 0),
        OffsetChange(second("1971-03-28T02:00"), HOUR),
        OffsetChange(second("1971-10-31T01:00"), 0),
    ]
