"""Connections that are slow, idle or speak something else."""

import asyncio

import pytest

from entrypoints.web import app
from entrypoints.web.doors.origins import HEADERS
from tests.integration.web.dashboard import Dashboard, serving
from tests.integration.web.door import LOGIN
from tests.integration.web.wire import asked, connect

HEAD = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
SLOW = [b"", b"GET", HEAD, HEAD + b"X-Slow: 1\r\n", HEAD + b"\r\n" + HEAD]


async def test_slow_heads_are_cut_off_and_stop_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "KEEP_ALIVE_SECONDS", 0.3)
    async with serving(LOGIN) as dashboard, asyncio.timeout(20):
        slow = [await connect(dashboard) for _ in range(40) for _ in SLOW]
        for number, (_, writer) in enumerate(slow):
            writer.write(SLOW[number % len(SLOW)])

        assert (await dashboard.get("/health/live")).status == 200

        for reader, writer in slow:
            await reader.read()
            writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        HEAD + b"Host: localhost\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n",
        HEAD + b"X: y\r\n" * 1_000 + b"\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        HEAD + b"X: folded\r\n over two lines\r\n\r\n",
        HEAD + b"X: a\x00b\r\n\r\n",
        HEAD + b"X : blank before the colon\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD + b"Content-Length: +1\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused_and_its_connection_closed(dashboard: Dashboard, sent: bytes) -> None:
    answer = await asked(dashboard, sent)

    assert answer.status in (400, 431)
    assert answer.problem["status"] == answer.status
    assert answer.problem["title"] in ("Bad Request", "Request Header Fields Too Large")
    assert answer.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert answer.headers["Server"] == ""
    assert (await dashboard.get("/health/live")).status == 200


async def test_a_request_without_version_and_headers_is_refused_and_its_connection_closed(dashboard: Dashboard) -> None:
    answer = await asked(dashboard, b"GET /health/live\r\n\r\n")

    assert answer.status in (400, 421)
