"""Bytes as they are on the wire, for what no client would send."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.integration.web.dashboard import Dashboard

SECONDS_MAX = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """The first answer on a connection, and what came behind it."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def problem(self) -> Any:
        return json.loads(self.body)


async def connect(dashboard: Dashboard) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which nothing was said yet."""
    base = dashboard.session._base_url
    assert base is not None
    assert base.host is not None
    return await asyncio.open_connection(base.host, base.port)


async def asked(dashboard: Dashboard, sent: bytes) -> Reply:
    """The answer to these bytes, once the server has closed the connection. Raises TimeoutError if it does not."""
    reader, writer = await connect(dashboard)
    async with asyncio.timeout(SECONDS_MAX):
        writer.write(sent)
        answer = await reader.read()
        writer.close()
    head, _, body = answer.decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Reply(int(status.split()[1]), headers, body)
