"""What nobody should send, in rows of the plan's table of bad inputs (E), and what each door answers to it.

Read by the tests of the API, of the pages and of the command line, so that no door is more lenient than another.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple


class BadTask(NamedTuple):
    """Fields of a task that are refused: the row they belong to, and the pointer and code of each fault."""

    row: int
    fields: dict[str, Any]
    faults: list[tuple[str, str]]


class BadBody(NamedTuple):
    """Bytes that are not our JSON: the row they belong to, and the code of the fault."""

    row: int
    body: bytes
    code: str


NUL, SURROGATE = "\\u0000", "\\ud800"
CRON = [
    (1, "0 0 30 2 *", "never_fires"),
    (1, "0 0 31 4,6,9,11 *", "never_fires"),
    (4, "0 0 31W 2 *", "never_fires"),
    (5, "*/0 * * * *", "out_of_range"),
    (5, "5-1 * * * *", "reversed_range"),
    (5, "60 * * * *", "out_of_range"),
    (5, "-1 * * * *", "missing_value"),
    (5, "1- * * * *", "missing_value"),
    (5, ", * * * *", "missing_value"),
    (5, "1,,2 * * * *", "missing_value"),
    (5, "*/ * * * *", "missing_value"),
    (5, "5/5/5 * * * *", "unsupported"),
    (5, "0 0 32 * *", "out_of_range"),
    (5, "0 0 * * 8", "out_of_range"),
    (5, "0 0 * 0 *", "out_of_range"),
    (6, "99999999999 * * * *", "bad_number"),
    (6, "0-4294967295 * * * *", "bad_number"),
    (6, "0-59/1," * 1_500 + "1 * * * *", "too_long"),
    (7, "", "field_count"),
    (7, "* * * *", "field_count"),
    (7, "* * * * * * * *", "field_count"),
    (7, "0 0\u00a0* * *", "not_ascii"),
    (7, "0 0 *\n* *", "bad_character"),
    (8, "٣ * * * *", "not_ascii"),
    (8, "² * * * *", "not_ascii"),
    (9, "@reboot", "unsupported"),
    (9, "@every 1s", "unsupported"),
    (9, "@foo", "unsupported"),
    (9, "H H * * *", "unsupported"),
    (10, "0 0 0 1 1 * 2024", "field_count"),
]
INTERVALS = [
    (11, "0s", "out_of_range"),
    (11, "-5m", "bad_interval"),
    (11, "1e-9", "bad_interval"),
    (11, "0.5s", "bad_interval"),
    (11, "NaN", "bad_interval"),
    (11, "Infinity", "bad_interval"),
    (11, "1e400", "bad_interval"),
    (11, "٣m", "not_ascii"),
    (11, "5", "missing_unit"),
    (11, "1y", "unsupported"),
    (11, "4000d", "out_of_range"),
    (11, "1000000000000d", "out_of_range"),
]
INSTANTS = [
    (10, "9999-12-31T00:00:00Z", "out_of_range"),
    (10, "2201-01-01T00:00:00Z", "out_of_range"),
    (10, "1969-12-31T23:59:59Z", "out_of_range"),
    (10, "0000-01-01T00:00:00Z", "out_of_range"),
    (47, "2026-06-01T24:00", "out_of_range"),
    (47, "2026-06-01T23:59:60Z", "out_of_range"),
    (47, "2026-02-30T00:00", "out_of_range"),
    (47, "2026-06-01T12:00+25:00", "out_of_range"),
    (47, "2026-W23-1", "unsupported"),
    (47, "2026-152", "unsupported"),
    (47, "1748736000", "bad_instant"),
    (47, "tomorrow", "bad_instant"),
]
ZONES = [
    (13, "../../etc/passwd"),
    (13, "/etc/passwd"),
    (13, "a" * 10_000),
    (13, "Europe/Paris\n"),
    (13, ""),
    (13, "UTC+5"),
    (13, "+02:00"),
    (14, "localtime"),
    (14, "posixrules"),
    (14, "Factory"),
    (14, "right/UTC"),
    (14, "posix/UTC"),
    (14, "leapseconds"),
]
NAMES = [
    (26, name) for name in ("", " ", "x" * 10_240, "a\u202eb", "a\u2066b", "a\r\nb", "a\x1b[31m", "a\u2028b", "a\x85b")
]
IDENTIFIERS = [(27, text) for text in ("", "a:b", "{a}", "*", "a\nb", "a b", "../a", "é", "x" * 65)]
POLICIES = [
    (10, {"start_at": "9999-12-31T00:00:00Z"}, "/start_at", "out_of_range"),
    (10, {"end_at": "0000-01-01T00:00:00Z"}, "/end_at", "out_of_range"),
    (10, {"start_at": "2027-01-02T00:00:00Z", "end_at": "2027-01-01T00:00:00Z"}, "/end_at", "end_before_start"),
    (11, {"jitter": "-1s"}, "/jitter", "invalid_duration"),
    (11, {"jitter": "2d"}, "/jitter", "out_of_range"),
    (24, {"cron": "x"}, "/cron", "unknown_field"),
    (25, {"overlap": "maybe"}, "/overlap", "invalid_value"),
    (25, {"catch_up_max": 1.5}, "/catch_up_max", "wrong_type"),
    (25, {"max_runs": "1"}, "/max_runs", "wrong_type"),
    (29, {"catch_up_max": 101}, "/catch_up_max", "out_of_range"),
    (29, {"max_runs": 2**63}, "/max_runs", "out_of_range"),
    (29, {"fail_after": -1}, "/fail_after", "out_of_range"),
    (29, {"backoff": {"initial": "-1s"}}, "/backoff/initial", "invalid_duration"),
    (29, {"backoff": {"initial": 2.0**1000}}, "/backoff/initial", "invalid_duration"),
    (29, {"backoff": {"cap": "9d"}}, "/backoff/cap", "out_of_range"),
    (29, {"backoff": {"kind": "cubic"}}, "/backoff/kind", "invalid_value"),
    (29, {"backoff": {"kind": "list"}}, "/backoff/delays", "out_of_range"),
    (30, {"timeout": "0s"}, "/timeout", "out_of_range"),
    (30, {"timeout": -1}, "/timeout", "invalid_duration"),
    (30, {"timeout": "999999999s"}, "/timeout", "out_of_range"),
    (30, {"timeout": "P1M"}, "/timeout", "invalid_duration"),
    (47, {"start_at": "2027-01-02T00:00:00"}, "/start_at", "no_offset"),
    (47, {"start_at": "2027-01-02T24:00:00Z"}, "/start_at", "out_of_range"),
    (47, {"start_at": 1_714_521_600}, "/start_at", "wrong_type"),
]
FIELDS: list[tuple[int, dict[str, Any], list[tuple[str, str]]]] = [
    (10, {"anchor": "9999-12-31T23:59:59-12:00"}, [("/anchor", "out_of_range")]),
    (23, {"payload": {"a": "x" * 70_000}}, [("/payload", "too_large")]),
    (24, {"rev": 1, "created_by": "x"}, [("/rev", "unknown_field"), ("/created_by", "unknown_field")]),
    (24, {"state": "dead", "a/b~c": 1}, [("/state", "unknown_field"), ("/a~1b~0c", "unknown_field")]),
    (25, {"enabled": "false"}, [("/enabled", "wrong_type")]),
    (25, {"enabled": 1}, [("/enabled", "wrong_type")]),
    (25, {"schedule": 5}, [("/schedule", "wrong_type")]),
    (25, {"schedule_type": "weekly"}, [("/schedule_type", "invalid_value")]),
    (25, {"policy": []}, [("/policy", "wrong_type")]),
    (25, {"payload": []}, [("/payload", "wrong_type")]),
    (25, {"payload": "[]"}, [("/payload", "wrong_type")]),
    (25, {"payload": "not json"}, [("/payload", "malformed_json")]),
    (25, {"tags": "a"}, [("/tags", "wrong_type")]),
    (25, {"name": ["report"]}, [("/name", "wrong_type")]),
    (27, {"tags": ["{}"]}, [("/tags/0", "bad_identifier")]),
    (27, {"tags": [".."] * 2}, [("/tags", "out_of_range")]),
    (28, {"handler": "x" * 201}, [("/handler", "out_of_range")]),
    (29, {"max_retries": -1}, [("/max_retries", "out_of_range")]),
    (29, {"max_retries": 10**30}, [("/max_retries", "out_of_range")]),
    (29, {"max_retries": True}, [("/max_retries", "wrong_type")]),
    (
        24,
        {"schedule": "60 * * * *", "name": "", "timezone": "Nowhere"},
        [("/timezone", "unknown_timezone"), ("/schedule", "out_of_range"), ("/name", "out_of_range")],
    ),
]


def _tasks() -> Iterator[BadTask]:
    for row, text, code in CRON:
        yield BadTask(row, {"schedule_type": "cron", "schedule": text}, [("/schedule", code)])
    for row, text, code in INTERVALS:
        yield BadTask(row, {"schedule_type": "interval", "schedule": text}, [("/schedule", code)])
    for row, text, code in INSTANTS:
        yield BadTask(row, {"schedule_type": "one_time", "schedule": text}, [("/schedule", code)])
    for row, text in ZONES:
        yield BadTask(row, {"timezone": text}, [("/timezone", "unknown_timezone")])
    for row, text in NAMES:
        yield BadTask(row, {"name": text}, [("/name", "out_of_range")])
    for row, text in IDENTIFIERS:
        yield BadTask(row, {"task_type": text}, [("/task_type", "bad_identifier")])
    for row, policy, pointer, code in POLICIES:
        yield BadTask(row, {"policy": policy}, [(f"/policy{pointer}", code)])
    for row, fields, faults in FIELDS:
        yield BadTask(row, fields, faults)


BAD_TASKS = list(_tasks())
BAD_BODIES = [
    BadBody(7, f'{{"schedule": "0 0{NUL}* * *"}}'.encode(), "bad_character"),
    BadBody(13, f'{{"timezone": "Europe/Paris{NUL}"}}'.encode(), "bad_character"),
    BadBody(17, b"[" * 100_000, "too_deep"),
    BadBody(17, b'{"payload": ' * 40 + b"1" + b"}" * 40, "too_deep"),
    BadBody(18, b'{"payload": {"n": ' + b"9" * 5_000 + b"}}", "number_too_large"),
    BadBody(19, b'{"payload": {"n": NaN}}', "not_a_number"),
    BadBody(19, b'{"payload": {"n": -Infinity}}', "not_a_number"),
    BadBody(19, b'{"payload": {"n": 1e400}}', "number_too_large"),
    BadBody(20, b'{"name": "a", "name": "b"}', "duplicate_key"),
    BadBody(20, b'{"payload": {"role": "viewer", "role": "admin"}}', "duplicate_key"),
    BadBody(21, f'{{"name": "{SURROGATE}"}}'.encode(), "bad_character"),
    BadBody(21, f'{{"name": "{NUL}"}}'.encode(), "bad_character"),
    BadBody(22, b"\xef\xbb\xbf{}", "bad_encoding"),
    BadBody(22, '{"name": "a"}'.encode("utf-16"), "bad_encoding"),
    BadBody(22, b'{"name": "\xff"}', "bad_encoding"),
    BadBody(22, b"", "malformed_json"),
    BadBody(22, b"{", "malformed_json"),
    # More than a file of tasks may have, which is more than any other body.
    BadBody(23, f'{{"payload": {{"n": [{",".join("0" * 50_001)}]}}}}'.encode(), "too_many_values"),
    BadBody(23, json.dumps({"payload": {"k" * 10_000: 1}}).encode(), "name_too_long"),
    # What a YAML or a pickle of the same would be (row 46): there is one reader, and it reads JSON.
    BadBody(46, b"a: &a [x, x]\nb: [*a, *a]\n", "malformed_json"),
    BadBody(46, b"!!python/object/apply:os.system ['true']", "malformed_json"),
    BadBody(46, b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix", "bad_encoding"),
]

ODD_TASKS: list[tuple[int, dict[str, Any]]] = [
    (2, {"schedule": "0 0 29 2 *"}),
    (3, {"schedule": "0 0 29 2 1"}),
    (4, {"schedule": "0 0 29 2 MON#5"}),
    (7, {"schedule": "\t0\t0 * * *\n"}),
    (9, {"schedule": "0 0 L * *"}),
    (9, {"schedule": "0 0 15W * *"}),
    (9, {"schedule": "0 0 * * 7#5"}),
    (10, {"schedule_type": "one_time", "schedule": "2020-01-01T00:00:00Z", "if_past": "run_now"}),
    (18, {"payload": {"n": 2**64 + 1, "m": -(10**999)}}),
    (24, {"id": "mine", "status": "failed", "run_count": 5}),
    *(
        (26, {"name": name})
        for name in ("<script>alert(1)</script>", "👩‍👩‍👧", "'; DROP TABLE tasks; --", "{{7*7}}", "=cmd()")
    ),
    *((28, {"task_type": name}) for name in ("os.system", "__class__", "subprocess.Popen")),
    (28, {"handler": "__import__('os').system('true')"}),
    (29, {"max_retries": 0, "policy": {"backoff": {"initial": "0s"}}}),
]
"""What looks bad, and is accepted as it is: as what it says, or as a text that nobody reads otherwise."""
