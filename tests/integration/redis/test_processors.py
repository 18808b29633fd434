"""The three forms in which tasks are run, on a real stream: the programs of docs/processors.md, as they stand there."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from adapters.redis.script import EXTERNAL_MAX, GROUP, STREAM_MAX, STREAM_WINDOW
from entrypoints.handlers import START_WITHIN
from tests.support.documented import written_out
from tests.support.redis_servers import RedisServer, a_redis
from tests.support.repository import ROOT
from tests.support.service import Service, eventually, running

pytestmark = pytest.mark.redis
TOKEN = "for-tests-" * 4
DIGEST, INVOICE = "stream:digest:tasks", "stream:invoice:tasks"
INVOICES = 40


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with a_redis() as one:
        yield one


@pytest.fixture
def wire(server: RedisServer) -> Iterator[Any]:
    """A client of somebody else's, on the same server."""
    with server.client(decode_responses=True, protocol=2) as client:
        yield client


@asynccontextmanager
async def serving(server: RedisServer, folder: Path, processors: str, **more: str) -> AsyncIterator[Service]:
    environment = {
        "REDIS_URL": server.url,
        "SCHEDULER_ADMIN_TOKEN": TOKEN,
        "SCHEDULER_PROCESSORS": processors,
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(folder))),
        **more,
    }
    async with running(folder, **environment) as service:
        assert service.session is not None
        service.session.headers["Authorization"] = f"Bearer {TOKEN}"
        yield service


def a_community(folder: Path) -> None:
    """Community 7 has two posts, and one that was deleted."""
    with closing(sqlite3.connect(folder / "content.db")) as content, content:
        content.execute("INSERT INTO community (id, name) VALUES (7, 'bees')")
        posts = [("hive", False), ("honey", False), ("wasps", True)]
        content.executemany("INSERT INTO post (community_id, title, deleted) VALUES (7, ?, ?)", posts)


async def test_functions_and_classes_run_what_the_service_feeds_them(
    server: RedisServer, wire: Any, tmp_path: Path
) -> None:
    written_out("processors.md", tmp_path)
    async with serving(server, tmp_path, "shop_tasks:processors,community_digest:CommunityDigestProcessor") as service:
        a_community(tmp_path)
        digest_id = await service.create("bees", task_type="digest", payload={"community_id": 7})
        fed = await service.finished(await service.run_now(digest_id))
        close_id = await service.create("close_day", task_type="billing", payload={"mode": "delta"})
        called = await service.finished(await service.run_now(close_id))
        started = wire.smembers("digest:processors")
        assert await service.stop() == 0

    assert (fed["state"], fed["result"]) == ("succeeded", {"posts": 2})
    assert (called["state"], called["result"]) == ("succeeded", {"closed": 3, "mode": "delta"})
    kept = wire.hgetall("digest:7")
    message_id = kept.pop("message")
    ((_, message),) = wire.xrange(DIGEST, message_id, message_id)
    # Fed is what stands in the stream, word for word, but for the moments that it takes to be sent.
    assert int(kept.pop("dispatched_at")) <= int(message.pop("dispatched_at"))
    assert kept == {"posts": "2", **{name: text for name, text in message.items() if name != "payload"}}
    assert wire.xpending(DIGEST, "workers")["pending"] == 0
    assert started == {"CommunityDigestProcessor"}
    assert not wire.exists("digest:processors")


async def reader(server: RedisServer, program: Path) -> asyncio.subprocess.Process:
    environment = {**os.environ, "REDIS_URL": server.url, "IDLE_MS": "100"}  # noqa: TID251 - of a program of a user's
    return await asyncio.create_subprocess_exec(sys.executable, str(program), env=environment)


async def test_a_program_of_ones_own_reads_an_external_type_and_loses_nothing_when_it_is_killed(
    server: RedisServer, wire: Any, tmp_path: Path
) -> None:
    program = written_out("processors.md", tmp_path)["invoices.py"]
    body = {"task_type": "invoice", "payload": {"customer": "ana"}}
    async with serving(server, tmp_path, "shop_tasks:processors") as service:
        early_id = await service.create("early", **body)
    async with serving(server, tmp_path, "shop_tasks:processors", SCHEDULER_EXTERNAL_TYPES="invoice") as service:
        early = await service.call("GET", f"/scheduled-tasks/{early_id}")
        late = await service.call(
            "POST",
            "/scheduled-tasks",
            {"name": "late", "schedule_type": "cron", "schedule": "0 9 * * *", "delivery": "managed", **body},
            expect=201,
        )
        page, form = await service.page(f"/scheduled-tasks/{late['id']}"), await service.page("/scheduled-tasks/new")
        runs = [await service.run_now(early_id) for _ in range(INVOICES)]
        bad_id = await service.create("bad", task_type="invoice", payload={"nobody": 1})
        bad = await service.run_now(bad_id)
        states = {(await service.call("GET", f"/executions/{each}"))["state"] for each in (*runs, bad)}

    # Somebody took some and died; a first reader is killed in the midst, a second one finishes.
    wire.xgroup_create(INVOICE, "invoices", id="0")
    wire.xreadgroup("invoices", "dead", {INVOICE: ">"}, count=3)
    first = await reader(server, program)
    await eventually(lambda: wire.hlen("invoices") > 0)
    first.kill()
    await first.wait()
    second = await reader(server, program)
    try:
        await eventually(lambda: wire.xlen("stream:invoice:dead") and not wire.xpending(INVOICE, "invoices")["pending"])
    finally:
        second.kill()
        await second.wait()

    assert (early["delivery"], late["delivery"], early["warnings"]) == ("external", "external", [])
    assert INVOICE in page
    assert "overlap, retries and time limit do not apply" in page
    assert 'name="delivery"' in form
    assert states == {"delivered"}
    assert wire.hgetall("invoices") == dict.fromkeys(runs, "ana")
    ((_, given_up),) = wire.xrange("stream:invoice:dead")
    assert given_up["execution_id"] == bad


def test_the_limits_that_the_documentation_names_are_those_that_hold() -> None:
    words = " ".join((ROOT / "docs" / "processors.md").read_text().split())

    assert f"capped** at about {EXTERNAL_MAX:,} messages" in words
    assert f"fewer than {STREAM_WINDOW:,} messages" in words
    assert f"about **{STREAM_MAX:,}** messages" in words
    assert f"any name but `{GROUP}`" in words
    assert f"must return within {START_WITHIN.total_seconds():g} s" in words
