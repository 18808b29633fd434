"""What stands in the fields of a simple form: read, or refused with the field, the reason and a way out."""

from collections.abc import Callable

import pytest

from domain.errors import InvalidScheduleError
from domain.scheduling.recipes import DayTimes, Every, Moment, Recipe

MANY = ",".join(f"{hour:02}:00" for hour in range(24))
NO_TIME = "a time at least, such as 09:00"
NO_DAY = "a day at least, such as 1 or L"
TIMES = "00:00 to 23:59, commas in between"
DAYS = "1 to 31, or L for the last day"
CROSSING = "one cron expression has the same minutes in each of its hours: it would run at "
MEND = "make a task of each, or add these times"


@pytest.mark.parametrize(
    ("read", "recipe", "text"),
    [
        (lambda: Every.read(" 15 ", "m"), Every(15, "m"), "15m"),
        (lambda: Moment.read(" 2026-12-24", "18:00 ", " +01:00 "), Moment("2026-12-24", "18:00", "+01:00"),
         "2026-12-24T18:00+01:00"),
        (lambda: DayTimes.read("9:05"), DayTimes((545,)), "5 9 * * *"),
        (lambda: DayTimes.read("23:59"), DayTimes((1439,)), "59 23 * * *"),
        (lambda: DayTimes.read(MANY), DayTimes(tuple(range(0, 1440, 60))), "0 0-23 * * *"),
        (lambda: DayTimes.read("9:00, 10:00"), DayTimes((540, 600)), "0 9,10 * * *"),
        (lambda: DayTimes.read("9:00 10:00;11:00"), DayTimes((540, 600, 660)), "0 9-11 * * *"),
        (lambda: DayTimes.read("9:00 11:00 13:00"), DayTimes((540, 660, 780)), "0 9,11,13 * * *"),
        (lambda: DayTimes.read("0:00", month_days="l, 31 1"), DayTimes((0,), (), (1, 31), True), "0 0 1,31,L * *"),
    ],
)  # fmt: skip
def test_a_form_is_read_as_it_is_meant(read: Callable[[], Recipe], recipe: Recipe, text: str) -> None:
    assert read() == recipe
    assert recipe.text == text
    assert recipe.of(text) == recipe


@pytest.mark.parametrize(
    ("read", "pointer", "code", "detail", "hint"),
    [
        (lambda: Every.read("", "m"), "/count", "out_of_range", "a whole number from 1 on", None),
        (lambda: Every.read("0", "m"), "/count", "out_of_range", "a whole number from 1 on", None),
        (lambda: Every.read("1.5", "h"), "/count", "out_of_range", "a whole number from 1 on", None),
        (lambda: Every.read("1", "M"), "/unit", "out_of_range", "one of w, d, h, m, s", None),
        (lambda: Moment.read(" ", "18:00", ""), "/date", "missing_value", "a date, such as 2026-12-24", None),
        (lambda: Moment.read("2026-12-24", " ", ""), "/time", "missing_value", "a time, such as 18:00", None),
        (lambda: DayTimes.read(" , "), "/times", "missing_value", NO_TIME, None),
        (lambda: DayTimes.read("9"), "/times", "out_of_range", "'9' is no time of day", TIMES),
        (lambda: DayTimes.read("24:00"), "/times", "out_of_range", "'24:00' is no time of day", TIMES),
        (lambda: DayTimes.read("09:60"), "/times", "out_of_range", "'09:60' is no time of day", TIMES),
        (lambda: DayTimes.read("٠٩:٠٠"), "/times", "out_of_range", "'٠٩:٠٠' is no time of day", TIMES),
        (lambda: DayTimes.read("x" * 30), "/times", "out_of_range", f"'{'x' * 20}' is no time of day", TIMES),
        (lambda: DayTimes.read(MANY + ",00:30"), "/times", "out_of_range", "at most 24 times", None),
        (lambda: DayTimes.read("09:00", []), "/weekdays", "missing_value", "choose a weekday at least", None),
        (lambda: DayTimes.read("09:00", None, ""), "/month_days", "missing_value", NO_DAY, None),
        (lambda: DayTimes.read("09:00", None, "0"), "/month_days", "out_of_range", "'0' is no day of a month", DAYS),
        (lambda: DayTimes.read("09:00", None, "1, 32"), "/month_days", "out_of_range",
         "'32' is no day of a month", DAYS),
        (lambda: DayTimes.read("09:00", None, "٣"), "/month_days", "out_of_range", "'٣' is no day of a month", DAYS),
        (lambda: DayTimes.read("09:00", None, "lw"), "/month_days", "out_of_range", "'LW' is no day of a month", DAYS),
        (lambda: DayTimes.read("09:00", None, "Y" * 30), "/month_days", "out_of_range",
         f"'{'Y' * 20}' is no day of a month", DAYS),
        (lambda: DayTimes.read("09:00, 17:30"), "/times", "unsupported", CROSSING + "09:30, 17:00 as well", MEND),
        (lambda: DayTimes.read("1:00, 2:01, 3:00, 3:01, 4:00, 4:01, 5:00, 6:01"), "/times", "unsupported",
         CROSSING + "01:01, 02:00, 05:01, 06:00 as well", MEND),
        (lambda: DayTimes.read("1:00, 2:01, 3:00, 4:01, 5:00"), "/times", "unsupported",
         CROSSING + "01:01, 02:00, 03:01, 04:00 … as well", MEND),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_read_is_named_with_what_it_wants(
    read: Callable[[], Recipe], pointer: str, code: str, detail: str, hint: str | None
) -> None:
    with pytest.raises(InvalidScheduleError) as refused:
        read()

    error = refused.value
    assert (error.pointer, error.reason, error.detail, error.hint) == (pointer, code, detail, hint)
