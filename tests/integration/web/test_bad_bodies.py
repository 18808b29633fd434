"""Bodies that are not what they say they are (reliability E22): too large, too slow, too long, of another type."""

import json
from collections.abc import AsyncIterator
from io import BytesIO

import pytest

from entrypoints.web.requests import bodies
from tests.integration.web.dashboard import JSON, TASKS, Dashboard, a_body
from tests.integration.web.wire import asked

POST = f"POST {TASKS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
GET = f"GET {TASKS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
TASK = json.dumps(a_body()).encode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-16"}, 415),
        ({"Content-Type": "application/json, text/plain"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "identity, br"}, 415),
        ({"Content-Type": "application/json; charset=UTF-8"}, 201),
    ],
)
async def test_a_body_says_what_it_is(dashboard: Dashboard, headers: dict[str, str], status: int) -> None:
    async with dashboard.session.post(
        TASKS, data=TASK, headers=headers, skip_auto_headers=["Content-Type"], allow_redirects=False
    ) as answer:
        assert answer.status == status


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 20_000_000])
async def test_a_body_over_the_limit_is_refused_before_it_is_read(dashboard: Dashboard, size: int) -> None:
    async with dashboard.session.post(TASKS, data=BytesIO(b" " * size), headers=JSON) as answer:
        problem = await answer.json(content_type="application/problem+json")

    assert answer.status == 413
    assert problem["type"].endswith("/problems/too_large")


async def test_a_body_without_a_length_is_read_up_to_the_limit(dashboard: Dashboard) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 65_536

    async with dashboard.session.post(TASKS, data=unannounced(), headers=JSON) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(
    "sent",
    [
        POST + b"Content-Length: 1000\r\n\r\n" + TASK,
        POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ],
)
async def test_a_body_that_does_not_end_is_waited_for_no_longer_than_it_may_take(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS_MAX", 0.1)

    answer = await asked(dashboard, sent)

    assert answer.status == 408
    assert answer.problem["type"].endswith("/problems/request_timeout")
    assert (await dashboard.get(TASKS)).json["total"] == 0


async def test_what_stands_behind_a_body_is_no_part_of_it(dashboard: Dashboard) -> None:
    answer = await asked(dashboard, POST + f"Content-Length: {len(TASK)}\r\n\r\n".encode() + TASK + b"}garbage\r\n\r\n")

    assert answer.status == 400
    assert (await dashboard.get(TASKS)).json["total"] == 0


async def test_requests_in_a_row_are_answered_one_by_one_in_their_order(dashboard: Dashboard) -> None:
    answer = await asked(dashboard, POST + f"Content-Length: {len(TASK)}\r\n\r\n".encode() + TASK + GET)

    assert answer.status == 201
    assert answer.body.count("HTTP/1.1 200 OK") == 1
    assert '"total":1' in answer.body
