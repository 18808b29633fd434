from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidTimezoneError
from domain.scheduling.cron.tzif import OffsetChange, rule_changes
from domain.scheduling.cron.zone import (
    END_OF_TIME,
    EPOCH,
    ZoneClock,
    current_key,
    timezone_keys,
    tzdata_version,
    zone,
    zone_clock,
)

SECOND = timedelta(seconds=1)


def instant(text: str) -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // SECOND


def offset(shown_by: ZoneInfo, second: int) -> int:
    found = (EPOCH + second * SECOND).astimezone(shown_by).utcoffset()
    assert found is not None
    return found // SECOND


def different_zones() -> Iterator[str]:
    """One key of each set of aliases: files with the same content are the same zone."""
    seen = set()
    for key in sorted(timezone_keys()):
        content = files("tzdata").joinpath("zoneinfo", *key.split("/")).read_bytes()
        if content not in seen:
            seen.add(content)
            yield key


def test_the_keys_are_the_canonical_ones_and_their_aliases() -> None:
    keys = timezone_keys()

    assert {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "US/Eastern", "Etc/GMT+5"} <= keys
    assert len(keys) > 400
    assert all(zone(key).key == key for key in keys)


@pytest.mark.parametrize("key", ["localtime", "posixrules", "Factory", "right/UTC", "posix/UTC"])
def test_what_is_no_place_is_no_key(key: str) -> None:
    assert key not in timezone_keys()
    with pytest.raises(InvalidTimezoneError):
        zone(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        "../../etc/passwd",
        "/etc/localtime",
        "Europe/../Europe/Berlin",
        "Europe",
        "Europe/",
        "Europe/Paris\0",
        "Europe/Paris\n",
        "tzdata.zi",
        "__init__.py",
        "europe/berlin",
        "CEST",
        "+02:00",
        "Европа/Москва",
        "x" * 10_000,
    ],
)
def test_an_unknown_key_is_refused_before_anything_is_opened(key: str) -> None:
    with pytest.raises(InvalidTimezoneError) as caught:
        zone_clock(key)

    assert (caught.value.reason, caught.value.pointer) == ("unknown_timezone", "/timezone")
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("America/Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("Europe/Berln", "Europe/Berlin"),
        ("utc", "UTC"),
        ("canada/pacific", "Canada/Pacific"),  # and not the Pacific of the United States
        ("Monticello", "America/Kentucky/Monticello"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest_known_one(key: str, nearest: str) -> None:
    with pytest.raises(InvalidTimezoneError) as caught:
        zone(key)

    assert caught.value.hint == f"did you mean {nearest}?"


def test_a_wild_guess_is_not_offered() -> None:
    with pytest.raises(InvalidTimezoneError) as caught:
        zone("Europe/Frankfurt")  # the nearest key is Europe/Tirane

    assert caught.value.hint == "use an IANA key, such as Europe/Berlin"


def test_the_tzdata_version_is_an_iana_release() -> None:
    version = tzdata_version()

    assert version[:4].isdigit()
    assert version[4:].isalpha()
    assert version == files("tzdata").joinpath("zoneinfo", "tzdata.zi").read_text().split()[2]


def test_zones_do_not_come_from_the_host() -> None:
    assert zone("Europe/Berlin") is zone("Europe/Berlin")
    assert zone("Europe/Berlin") is not ZoneInfo("Europe/Berlin")


def test_every_change_of_every_zone_is_where_zoneinfo_sees_it() -> None:
    for key in different_zones():
        clock, reference = zone_clock(key), zone(key)
        assert (clock.starts[0], clock.starts[-1]) == (0, (END_OF_TIME - EPOCH) // SECOND)
        assert offset(reference, 0) == clock.offsets[0], key
        for period in range(1, len(clock.offsets)):
            start = clock.starts[period]
            before, after = clock.offsets[period - 1], clock.offsets[period]
            assert (offset(reference, start - 1), offset(reference, start)) == (before, after), (key, start)
            assert before != after


def check_offsets(key: str, every: timedelta) -> None:
    clock, reference = zone_clock(key), zone(key)
    for second in range(0, clock.starts[-1], every // SECOND):
        assert clock.offsets[clock.period_at(second)] == offset(reference, second), (key, second)


@pytest.mark.parametrize("key", ["Europe/Berlin", "America/New_York", "Africa/Casablanca", "Asia/Gaza", "Asia/Tehran"])
def test_no_change_is_missed(key: str) -> None:
    check_offsets(key, timedelta(days=11))


@pytest.mark.soak
def test_no_change_of_any_zone_is_missed() -> None:
    for key in different_zones():
        check_offsets(key, timedelta(hours=41))


@pytest.mark.parametrize(
    ("rule", "year", "expected"),
    [
        ("CET-1CEST,M3.5.0,M10.5.0/3", 2026, [("2026-03-29T01:00", 7200), ("2026-10-25T01:00", 3600)]),
        ("EST5EDT,M3.2.0,M11.1.0", 2030, [("2030-03-10T07:00", -14400), ("2030-11-03T06:00", -18000)]),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", 2026, [("2026-03-29T01:00", 3600), ("2026-10-25T01:00", 0)]),
        ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2026, [("2026-04-04T15:00", 37800), ("2026-10-03T15:30", 39600)]),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2026, [("2026-03-29T01:00", -3600), ("2026-10-25T01:00", -7200)]),
        ("IST-2IDT,M3.4.4/26,M10.5.0", 2026, [("2026-03-27T00:00", 10800), ("2026-10-24T23:00", 7200)]),
        ("XST0XDT,J60/0,J300", 2028, [("2028-03-01T00:00", 3600), ("2028-10-27T01:00", 0)]),
        ("XST0XDT,J59/0,J300", 2028, [("2028-02-28T00:00", 3600), ("2028-10-27T01:00", 0)]),
        ("XST0XDT,J60/0,J300", 2026, [("2026-03-01T00:00", 3600), ("2026-10-27T01:00", 0)]),
        ("XST0XDT,M12.5.0,M4.1.0", 2028, [("2028-04-02T01:00", 0), ("2028-12-31T02:00", 3600)]),
        ("XST0:44:30XDT,M3.5.0,M10.5.0", 2026, [("2026-03-29T02:44:30", 930), ("2026-10-25T01:44:30", -2670)]),
        ("XST0XDT,59/0,299", 2028, [("2028-02-29T00:00", 3600), ("2028-10-26T01:00", 0)]),
        ("<+0330>-3:30", 2026, []),
    ],
)
def test_a_posix_rule_makes_these_changes(rule: str, year: int, expected: list[tuple[str, int]]) -> None:
    changes = [OffsetChange(instant(at), to) for at, to in expected]

    assert rule_changes(rule, range(year, year + 1)) == changes


@pytest.mark.parametrize(
    ("key", "wall", "expected"),
    [
        ("UTC", "2026-03-08T02:30", "2026-03-08T02:30"),
        ("Asia/Kathmandu", "2026-03-08T02:30", "2026-03-07T20:45"),
        ("America/New_York", "2026-03-08T01:59", "2026-03-08T06:59"),
        ("America/New_York", "2026-03-08T02:00", "2026-03-08T07:00"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00"),
        ("America/New_York", "2026-03-08T03:00", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
        ("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00"),
        ("Africa/Cairo", "2026-04-24T00:00", "2026-04-23T22:00"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00"),
        ("Europe/Berlin", "1970-01-01T01:00", "1970-01-01T00:00"),
        ("Europe/Berlin", "1970-01-01T00:59", "1969-12-31T23:59"),
        ("Europe/Berlin", "1980-04-06T02:30", "1980-04-06T01:00"),  # the first change there since 1970
        ("Europe/Berlin", "2199-07-01T12:00", "2199-07-01T10:00"),
        ("America/New_York", "2199-12-31T18:59", "2199-12-31T23:59"),
        ("America/New_York", "2199-12-31T19:01", "2200-01-01T00:01"),
    ],
)
def test_a_wall_time_is_the_first_instant_that_shows_or_passes_it(key: str, wall: str, expected: str) -> None:
    assert zone_clock(key).instant_of(instant(wall)) == instant(expected)


# Made-up changes, closer together than any on record: a gap inside a fold, and one that two folds show three times.
CHANGES = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from([-10_800, -3_600, 0, 1_800, 7_200, 39_600])), min_size=1, max_size=6
)


@given(CHANGES, st.integers(0, 400_000))
def test_the_first_instant_is_found_however_close_changes_come(raw: list[tuple[int, int]], wall: int) -> None:
    at, changes = 0, []
    for quarters, to in raw:
        at += quarters * 900
        changes.append(OffsetChange(at, to))
    clock = ZoneClock(0, changes)

    found = clock.instant_of(wall)

    assert found + clock.offsets[clock.period_at(found)] >= wall
    earlier = range(0, found, 300)
    assert all(second + clock.offsets[clock.period_at(second)] < wall for second in earlier)


@pytest.mark.parametrize(
    ("old", "current"),
    [
        ("US/Eastern", "America/New_York"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("Zulu", "Etc/UTC"),
    ],
)
def test_an_old_key_names_the_one_to_use(old: str, current: str) -> None:
    assert current_key(old) == current


# Amsterdam is a link to Brussels in the data, and yet the right key for the Netherlands.
@pytest.mark.parametrize("key", ["Europe/Berlin", "Europe/Amsterdam", "UTC", "GMT", "Etc/UTC", "Etc/GMT+5", "nowhere"])
def test_a_key_in_use_is_not_deprecated(key: str) -> None:
    assert current_key(key) is None


def test_no_deprecated_key_leads_to_another_and_the_rules_stay_the_same() -> None:
    links = {old: current for old in sorted(timezone_keys()) if (current := current_key(old)) is not None}

    assert links.keys().isdisjoint(links.values())
    for old, current in list(links.items())[::12]:
        assert zone_clock(old).starts == zone_clock(current).starts
        assert zone_clock(old).offsets == zone_clock(current).offsets
