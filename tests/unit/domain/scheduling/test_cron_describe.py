"""Sentences say what fires: a table read by eye, and what a reader of English understands beside the matcher."""

from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.scheduling.cron import english
from domain.scheduling.cron.describe import SENTENCE_MAX, describe
from domain.scheduling.cron.expression import LENGTH_MAX, MACROS, CronExpression, parse
from domain.scheduling.cron.facts import facts_of
from domain.scheduling.cron.matcher import CronMatcher
from tests.support.cron_texts import cron_texts
from tests.support.english_reader import read_english

EPOCH = date(1970, 1, 1)
YEAR = [date(2028, 1, 1) + timedelta(days=number) for number in range(365)]

SENTENCES = [
    ("* * * * *", "Every minute"),
    ("*/2 * * * *", "Every 2 minutes"),
    ("*/15 * * * *", "Every 15 minutes"),
    ("*/7 * * * *", "Every 7 minutes from minute 0 to 56 past every hour"),
    ("*/60 * * * *", "Every hour on the hour"),
    ("5/15 * * * *", "At minutes 5, 20, 35 and 50 past every hour"),
    ("2/5 * * * *", "Every 5 minutes from 00:02 to 23:57, every day"),
    ("30 * * * *", "At minute 30 past every hour"),
    ("0 * * * *", "Every hour on the hour"),
    ("@hourly", "Every hour on the hour"),
    ("@daily", "At 00:00 every day"),
    ("@weekly", "At 00:00 every Sunday"),
    ("@monthly", "At 00:00 on day 1 of the month"),
    ("@yearly", "At 00:00 on 1 January"),
    ("0,30 * * * *", "Every 30 minutes"),
    ("1,2,3,30 * * * *", "At minutes 1 to 3 and 30 past every hour"),
    ("10-20 * * * *", "Every minute from minute 10 to 20 past every hour"),
    ("10-20/2 * * * *", "Every 2 minutes from minute 10 to 20 past every hour"),
    ("0-29 * * * *", "Every minute from minute 0 to 29 past every hour"),
    ("*/40 * * * *", "At minutes 0 and 40 past every hour"),
    ("*/45 * * * *", "At minutes 0 and 45 past every hour"),
    ("1,5,9,14,22,33 * * * *", "At minutes 1, 5, 9, 14, 22 and 33 past every hour"),
    ("30 2 * * *", "At 02:30 every day"),
    ("30 2 * * 1-5", "At 02:30, Monday to Friday"),
    ("0 9,17 * * *", "At 09:00 and 17:00 every day"),
    ("0 9 * * MON", "At 09:00 every Monday"),
    ("0 0 * * 0", "At 00:00 every Sunday"),
    ("0,30 9 * * *", "At 09:00 and 09:30 every day"),
    ("0,30 9-10 * * *", "At 09:00, 09:30, 10:00 and 10:30 every day"),
    ("0,30 9-11 * * *", "Every 30 minutes from 09:00 to 11:59, every day"),
    ("15,45 9-11 * * *", "At minutes 15 and 45 past every hour from 09:00 to 11:00, every day"),
    ("*/15 9-16 * * 1-5", "Every 15 minutes from 09:00 to 16:59, Monday to Friday"),
    ("*/15 9 * * *", "At 09:00, 09:15, 09:30 and 09:45 every day"),
    ("*/5 9 * * *", "Every 5 minutes from 09:00 to 09:59, every day"),
    ("*/7 9 * * *", "Every 7 minutes from 09:00 to 09:56, every day"),
    ("10-20 9 * * *", "Every minute from 09:10 to 09:20, every day"),
    ("* 9 * * *", "Every minute from 09:00 to 09:59, every day"),
    ("* 9-17 * * *", "Every minute from 09:00 to 17:59, every day"),
    ("* 22-23,0-6 * * *", "Every minute from 22:00 to 06:59, every day"),
    ("* 22-23,0-6 * * MON-FRI", "Every minute from 00:00 to 06:59 and from 22:00 to 23:59, Monday to Friday"),
    ("0 22-23,0-6 * * *", "Every hour from 22:00 to 06:00, every day"),
    ("*/10 22-23,0-6 * * *", "Every 10 minutes from 22:00 to 06:59, every day"),
    ("2/5 22-23,0-6 * * *", "Every 5 minutes from 22:02 to 06:57, every day"),
    ("0 9-17 * * *", "Every hour from 09:00 to 17:00, every day"),
    ("30 9-17 * * 1-5", "Every hour from 09:30 to 17:30, Monday to Friday"),
    ("0 */2 * * *", "Every 2 hours from 00:00 to 22:00, every day"),
    ("5 */2 * * *", "At minute 5 past every second hour, every day"),
    ("5 1/2 * * *", "At minute 5 past every second hour from 01:00 to 23:00, every day"),
    ("0 */6 * * *", "At 00:00, 06:00, 12:00 and 18:00 every day"),
    ("0 */5 * * *", "Every 5 hours from 00:00 to 20:00, every day"),
    ("7 */5 * * *", "At minute 7 past every fifth hour from 00:00 to 20:00, every day"),
    ("0 8-16/2 * * *", "Every 2 hours from 08:00 to 16:00, every day"),
    ("0 8,10,12,14,16 * * *", "Every 2 hours from 08:00 to 16:00, every day"),
    ("0 1,4,5,9,13 * * *", "At 01:00, 04:00, 05:00, 09:00 and 13:00, every day"),
    ("0 8-12,14-18 * * *", "Every hour from 08:00 to 12:00 and from 14:00 to 18:00, every day"),
    ("30 8-12,14-18 * * 1-5", "Every hour from 08:30 to 12:30 and from 14:30 to 18:30, Monday to Friday"),
    ("* */2 * * *", "Every minute of every second hour, every day"),
    ("*/5 */2 * * *", "Every 5 minutes from minute 0 to 55 past every second hour, every day"),
    ("*/15 */2 * * *", "At minutes 0, 15, 30 and 45 past every second hour, every day"),
    ("5,35 */2 * * *", "At minutes 5 and 35 past every second hour, every day"),
    ("* 9,14 * * *", "Every minute from 09:00 to 09:59 and from 14:00 to 14:59, every day"),
    ("*/15 9,14 * * *", "Every 15 minutes from 09:00 to 09:59 and from 14:00 to 14:59, every day"),
    ("* 1,4,6,9 * * *", "Every minute of the hours beginning at 01:00, 04:00, 06:00 and 09:00, every day"),
    ("*/7 9-17 * * *", "Every 7 minutes from minute 0 to 56 past every hour from 09:00 to 17:00, every day"),
    ("*/7 */5 * * *", "Every 7 minutes from minute 0 to 56 past every fifth hour from 00:00 to 20:00, every day"),
    ("10-20 9-17 * * *", "Every minute from minute 10 to 20 past every hour from 09:00 to 17:00, every day"),
    ("5,10,20 1,4,6,9 * * *", "At minutes 5, 10 and 20 past 01:00, 04:00, 06:00 and 09:00, every day"),
    ("1,5,9,14,22,33 4 * * *", "At 04:01, 04:05, 04:09, 04:14, 04:22 and 04:33, every day"),
    ("0 0-23 * * *", "Every hour on the hour"),
    ("0-59 0-23 1-31 1-12 0-7", "Every minute"),
    ("0 0 1 * *", "At 00:00 on day 1 of the month"),
    ("0 0 1,15 * *", "At 00:00 on days 1 and 15 of the month"),
    ("0 0 1-7 * *", "At 00:00 on days 1 to 7 of the month"),
    ("0 0 */2 * *", "At 00:00 on every second day from day 1 to 31 of the month"),
    ("0 0 2/2 * *", "At 00:00 on every second day from day 2 to 30 of the month"),
    ("0 0 */10 * *", "At 00:00 on days 1, 11, 21 and 31 of the month"),
    ("0 0 */5 * *", "At 00:00 on every fifth day from day 1 to 31 of the month"),
    ("0 0 1,2,3,10,20 * *", "At 00:00 on days 1 to 3, 10 and 20 of the month"),
    ("0 0 31 * *", "At 00:00 on day 31 of the month"),
    ("0 0 L * *", "At 00:00 on the last day of the month"),
    ("0 18 LW * *", "At 18:00 on the last working day (Monday to Friday) of the month"),
    ("0 9 15W * *", "At 09:00 on the working day (Monday to Friday) nearest to day 15 of the month"),
    ("0 9 31W * *", "At 09:00 on the working day (Monday to Friday) nearest to day 31 of the month"),
    ("0 0 1,L * *", "At 00:00 on day 1 and the last day of the month"),
    ("0 0 L,LW * *", "At 00:00 on the last day and the last working day (Monday to Friday) of the month"),
    ("0 0 1,15,LW * *", "At 00:00 on days 1 and 15 and the last working day (Monday to Friday) of the month"),
    ("0 0 1 1 *", "At 00:00 on 1 January"),
    ("0 0 29 2 *", "At 00:00 on 29 February"),
    ("0 0 24-26 12 *", "At 00:00 on days 24 to 26 of December"),
    ("0 0 1 1,7 *", "At 00:00 on day 1 of January and July"),
    ("0 0 1 */3 *", "At 00:00 on day 1 of January, April, July and October"),
    ("0 0 1 */2 *", "At 00:00 on day 1 of January, March, May, July, September and November"),
    ("0 0 1 1-3 *", "At 00:00 on day 1 of each month from January to March"),
    ("0 0 1 11,12,1 *", "At 00:00 on day 1 of each month from November to January"),
    ("0 0 1,L 1 *", "At 00:00 on day 1 and the last day of January"),
    ("0 0 L 2 *", "At 00:00 on the last day of February"),
    ("0 0 1 1-3,6,10-12 *", "At 00:00 on day 1 of January, February, March, June, October, November and December"),
    ("0 9 * 1 *", "At 09:00 every day in January"),
    ("0 9 * 6-8 *", "At 09:00 every day from June to August"),
    ("0 9 * 1,7 *", "At 09:00 every day in January and July"),
    ("*/15 * * 1 *", "Every 15 minutes, in January"),
    ("*/15 * * 6-8 *", "Every 15 minutes, from June to August"),
    ("*/15 9-16 * 6-8 1-5", "Every 15 minutes from 09:00 to 16:59, Monday to Friday, from June to August"),
    ("0 9 * 6-8 1-5", "At 09:00, Monday to Friday, from June to August"),
    ("0 9 * 6 MON", "At 09:00 every Monday in June"),
    ("0 9 * 6,7 MON-FRI", "At 09:00, Monday to Friday, in June and July"),
    ("0 9 * * MON,WED,FRI", "At 09:00 every Monday, Wednesday and Friday"),
    ("0 9 * * SAT,SUN", "At 09:00 every Saturday and Sunday"),
    ("0 9 * * SAT-SUN", "At 09:00 every Saturday and Sunday"),
    ("0 9 * * 5-7", "At 09:00, Friday to Sunday"),
    ("0 9 * * FRI,SAT,SUN,MON", "At 09:00, Friday to Monday"),
    ("0 9 * * */2", "At 09:00 every Tuesday, Thursday, Saturday and Sunday"),
    ("0 9 * * MON#1", "At 09:00 on the first Monday of the month"),
    ("0 9 * * MON#1,MON#3", "At 09:00 on the first Monday and the third Monday of the month"),
    ("0 9 * * FRIL", "At 09:00 on the last Friday of the month"),
    ("0 9 * * L5", "At 09:00 on the last Friday of the month"),
    ("0 9 * * MON#L", "At 09:00 on the last Monday of the month"),
    ("0 9 * * TUE#5", "At 09:00 on the fifth Tuesday of the month"),
    ("0 9 * 1 MON#1", "At 09:00 on the first Monday of January"),
    ("0 9 * 1-3 MON#1", "At 09:00 on the first Monday of each month from January to March"),
    ("0 9 * * MON,FRI#1", "At 09:00 every Monday and on the first Friday of the month"),
    ("0 9 * * MON-FRI,SAT#1", "At 09:00 every day from Monday to Friday and on the first Saturday of the month"),
    ("0 9 * 6 MON,FRI#1", "At 09:00 every Monday in June and on the first Friday of June"),
    ("0 9 * * MON,MON#1", "At 09:00 every Monday"),
    ("0 0 13 * FRI", "At 00:00 on day 13 of the month or on Friday"),
    ("0 0 1 * MON#1", "At 00:00 on day 1 of the month or on the first Monday of the month"),
    ("0 0 L * FRI", "At 00:00 on the last day of the month or on Friday"),
    ("0 0 13 6 FRI", "At 00:00, in June, on day 13 of the month or on Friday"),
    ("0 0 13 6-8 FRI", "At 00:00, from June to August, on day 13 of the month or on Friday"),
    ("0 0 1,15 * MON-FRI", "At 00:00 on days 1 and 15 of the month or from Monday to Friday"),
    ("0 0 1,15 * MON,WED", "At 00:00 on days 1 and 15 of the month or on Monday or Wednesday"),
    (
        "0 0 15W * MON,FRI#1",
        "At 00:00 on the working day nearest to day 15 of the month or on Monday or on the first Friday of the month",
    ),
    ("0 0 1-31 * MON", "At 00:00 every day"),
    ("0 0 1-31 1 *", "At 00:00 every day in January"),
    ("0 0 13 * 0-6", "At 00:00 every day"),
    ("*/15 * 13 * FRI", "Every 15 minutes, on day 13 of the month or on Friday"),
    ("*/15 * 1 * *", "Every 15 minutes, on day 1 of the month"),
    ("*/15 * * * MON", "Every 15 minutes, every Monday"),
    ("0 * * * MON-FRI", "Every hour on the hour, Monday to Friday"),
    ("5 * 1 * *", "At minute 5 past every hour, on day 1 of the month"),
    ("* * * * * *", "Every second"),
    ("*/10 * * * * *", "Every 10 seconds"),
    ("*/7 * * * * *", "Every minute, every 7 seconds from second 0 to 56"),
    ("5/10 * * * * *", "Every 10 seconds from 00:00:05 to 23:59:55, every day"),
    ("30 * * * * *", "Every minute, at second 30"),
    ("0 30 2 * * *", "At 02:30 every day"),
    ("15 30 2 * * *", "At 02:30:15 every day"),
    ("15,45 30 2 * * *", "At 02:30:15 and 02:30:45 every day"),
    ("* 30 2 * * *", "At 02:30, every second of that minute, every day"),
    ("*/10 30 2 * * 1-5", "At 02:30, every 10 seconds of that minute, Monday to Friday"),
    ("*/10 * 9-16 * * *", "Every 10 seconds from 09:00:00 to 16:59:59, every day"),
    ("* * 22-23,0-6 * * *", "Every second from 22:00:00 to 06:59:59, every day"),
    ("30 */15 9-16 * * MON-FRI", "Every 15 minutes from 09:00 to 16:59, at second 30, Monday to Friday"),
    ("5/10 0 * * * *", "Every hour on the hour, every 10 seconds from second 5 to 55"),
    ("0,30 5 * * * *", "At minute 5 past every hour, at seconds 0 and 30"),
    ("*/7 5 */2 * * *", "At minute 5 past every second hour, every 7 seconds from second 0 to 56, every day"),
    ("10-20 0 * * * *", "Every hour on the hour, every second from second 10 to 20"),
    ("30 0 1,4,5,9,13 * * *", "At 01:00, 04:00, 05:00, 09:00 and 13:00, at second 30, every day"),
    ("* * * 1 1 *", "Every second, on 1 January"),
    ("* */2 * * * *", "Every 2 minutes, every second of that minute"),
    ("*/30 * */2 * * *", "Every minute of every second hour, at seconds 0 and 30, every day"),
    ("0 0 15,L 1,7 *", "At 00:00 on day 15 and the last day of January and July"),
    ("*/2 9-17 * * 1-5", "Every 2 minutes from 09:00 to 17:59, Monday to Friday"),
    ("0,15,30,45 * * * *", "Every 15 minutes"),
    (
        "3,18,33,48 9-17 * * MON-FRI",
        "At minutes 3, 18, 33 and 48 past every hour from 09:00 to 17:00, Monday to Friday",
    ),
    ("45 23 31 12 *", "At 23:45 on 31 December"),
    ("0 12 * * TUE-THU", "At 12:00, Tuesday to Thursday"),
    ("0 12 * * SUN", "At 12:00 every Sunday"),
    ("0 12 * 5 SUN#2", "At 12:00 on the second Sunday of May"),
    ("0 4 8-14 * *", "At 04:00 on days 8 to 14 of the month"),
    ("0 4 8-14 * SAT", "At 04:00 on days 8 to 14 of the month or on Saturday"),
    ("0 0 1-10,20-31 * *", "At 00:00 on days 1 to 10 and 20 to 31 of the month"),
    ("0 */3 * * *", "Every 3 hours from 00:00 to 21:00, every day"),
    ("15 */3 * * SAT,SUN", "At minute 15 past every third hour, every Saturday and Sunday"),
    ("0 */4 1 * *", "Every 4 hours from 00:00 to 20:00, on day 1 of the month"),
    ("0 0,12 1 */2 *", "At 00:00 and 12:00 on day 1 of January, March, May, July, September and November"),
    ("*/20 8-10,14-16 * * *", "Every 20 minutes from 08:00 to 10:59 and from 14:00 to 16:59, every day"),
    ("0 22 * * 1-5", "At 22:00, Monday to Friday"),
    ("5 4 * * sun", "At 04:05 every Sunday"),
    ("23 0-20/2 * * *", "At minute 23 past every second hour from 00:00 to 20:00, every day"),
    ("0 0,6,12,18,20,21,23 * * *", "At 00:00, 06:00, 12:00, 18:00, 20:00, 21:00 and 23:00, every day"),
    (
        "0 0-5,7,9,10,11,13,15,17,19,20,21,22,23 * * *",
        "At 00:00, 01:00, 02:00, 03:00, 04:00, 05:00, 07:00, 09:00, 10:00, 11:00, 13:00, 15:00 … and 6 more, every day",
    ),
    (
        "1,3,5,8,11,13,17,19,23,29,31,37,41,43,47,53,59 * * * *",
        "At minutes 1, 3, 5, 8, 11, 13, 17, 19, 23, 29, 31, 37 … and 5 more past every hour",
    ),
    (
        "2,3,5,7,11,13,17,19,23,29,31,37,41,43,47,53,59 5 * * *",
        "At 05:02, 05:03, 05:05, 05:07, 05:11, 05:13, 05:17, 05:19, 05:23, 05:29, 05:31, 05:37 … and 5 more, every day",
    ),
    (
        "0 0 1,3,4,6,8,9,11,12,14,16,18,19,21,23,25,27 * *",
        "At 00:00 on days 1, 3, 4, 6, 8, 9, 11, 12, 14, 16, 18, 19 … and 4 more of the month",
    ),
    (
        "0 9 * 1,2,4,6,8,9,11,12 *",
        "At 09:00 every day in January, February, April, June, August, September, November and December",
    ),
    ("7-13,20,40-45 * * * *", "At minutes 7 to 13, 20 and 40 to 45 past every hour"),
    ("* * L * *", "Every minute, on the last day of the month"),
    ("0 17 LW * MON", "At 17:00 on the last working day of the month or on Monday"),
    ("0 17 L,LW 2 *", "At 17:00 on the last day and the last working day (Monday to Friday) of February"),
]


def times_of(expression: CronExpression) -> set[int]:
    seconds = (0,) if expression.second is None else expression.second.values
    hours, minutes = expression.hour.values, expression.minute.values
    return {(hour * 60 + minute) * 60 + second for hour in hours for minute in minutes for second in seconds}


def days_of(expression: CronExpression, year: int) -> list[date]:
    # Midnight of the same days: the times of an expression are the same on each of them.
    fields = MACROS.get(expression.text.upper(), expression.text).split()
    matcher, found = CronMatcher(parse(" ".join(["0", "0", *fields[-3:]]))), []
    for number in range(365):
        day = date(year, 1, 1) + timedelta(days=number)
        wall = (day - EPOCH).days * 86_400
        if matcher.first_from(wall) == wall:
            found.append(day)
    return found


def whole_sentence(expression: CronExpression) -> str:
    return english.sentence_of(facts_of(expression), items_max=1_000)


@pytest.mark.parametrize(("expression", "sentence"), SENTENCES, ids=[text for text, _ in SENTENCES])
def test_a_sentence_reads_like_this_and_a_reader_understands_what_fires(expression: str, sentence: str) -> None:
    assert describe(expression) == sentence
    if " more" not in sentence:
        told, parsed = read_english(sentence), parse(expression)
        assert told.times == times_of(parsed)
        assert [day for day in YEAR if told.on(day)] == days_of(parsed, YEAR[0].year)


def check_with_reader(text: str, year: int) -> None:
    expression = parse(text)

    told = read_english(whole_sentence(expression))

    assert told.times == times_of(expression)
    days = [date(year, 1, 1) + timedelta(days=number) for number in range(365)]
    assert [day for day in days if told.on(day)] == days_of(expression, year)


@settings(max_examples=25)
@given(cron_texts, st.integers(2020, 2047))
def test_a_reader_understands_exactly_what_fires(text: str, year: int) -> None:
    check_with_reader(text, year)


@pytest.mark.soak
@settings(max_examples=5_000)
@given(cron_texts, st.integers(2020, 2047))
def test_a_reader_understands_exactly_what_fires_at_length(text: str, year: int) -> None:
    check_with_reader(text, year)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("*/15 * * * *", "0,15,30,45 0-23 1-31 JAN-DEC SUN-SAT"),
        ("0 0 * * 7", "@weekly"),
        ("0 30 2 * * *", "30 2 ? * ?"),
        ("0 0 1 * MON,MON#2", "0 0 1-1 * 1/7"),
    ],
)
def test_what_fires_alike_is_told_alike(one: str, other: str) -> None:
    assert describe(one) == describe(other)


# Each clause as long as it gets; the last has lists that all have to be cut to one item.
LONGEST = [
    "2-58/7 12-59/7 2-22/5 1-30/7,L,LW 1,2,4,5,7,8,10,11 MON,TUE,THU,SAT,WED#1,WED#2,SUN#3",
    "2-58/7 */10 12-14,16-17,19-20 15W 9,11 THU-SUN,WED#2,WED#3,WED#4",
    "0,1,2,5,9,11 1,5,9,14,22,33 1,4,6,9,13,20 1,2,5,6,8,9,11,L,LW 1,2,4,5,7,8,10,11 WED,FRI,SUN,TUE#2,TUE#4",
]


@pytest.mark.parametrize("expression", LONGEST)
def test_the_longest_clauses_together_fit(expression: str) -> None:
    assert SENTENCE_MAX - 100 < len(describe(expression)) <= SENTENCE_MAX


@settings(max_examples=30)
@given(cron_texts)
@example("2-58/7 12-59/7 2-22/5 15W 9,11 WED,THU,SAT,SUN,TUE#2,TUE#4,FRI#2")
def test_a_sentence_fits_even_if_each_list_is_cut_to_one_item(text: str) -> None:
    assert len(english.sentence_of(facts_of(parse(text)), items_max=1)) <= SENTENCE_MAX


def test_a_thousand_characters_give_a_bounded_sentence() -> None:
    minutes = ",".join(str(minute) for minute in range(59) if minute % 4)
    text = f"{minutes} 1,4,9,16 {','.join(['1,3,6,L'] * 100)}"
    text = f"{text} * WED,{','.join(['MON#1'] * 60)}"[: LENGTH_MAX - 6].rpartition(",")[0]

    assert len(text) > LENGTH_MAX - 20
    assert describe(text) == (
        "At minutes 1 to 3, 5 to 7, 9 to 11, 13 to 15, 17 to 19, 21 to 23, 25 to 27, 29 to 31, 33 to 35, 37 to 39,"
        " 41 to 43, 45 to 47 … and 8 more past 01:00, 04:00, 09:00 and 16:00, on days 1, 3 and 6 and the last day of"
        " the month or on Wednesday or on the first Monday of the month"
    )


def test_a_cut_list_counts_what_it_leaves_out() -> None:
    primes = "2,3,5,7,11,13,17,19,23,29,31,37,41,43,47,53,59"

    assert describe(f"{primes} * * * *").endswith("29, 31, 37 … and 5 more past every hour")
    assert describe("2,3,5,7,11,13,17,19,23,29,31,37,41 * * * *").endswith("37 and 41 past every hour")
