"""The sessions that users' processors are handed: SQLAlchemy as they know it, beside our own work on the same file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from adapters.sql.content.sqlite import open_sqlite_content, open_sqlite_sessions

Sessions = async_sessionmaker[AsyncSession]
ADD = text("INSERT INTO community (name) VALUES (:name)")
NAMES = text("SELECT name FROM community ORDER BY id")


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    path = tmp_path / "content.db"
    async with open_sqlite_content(path), open_sqlite_sessions(path) as made:
        yield made


async def names(sessions: Sessions) -> list[str]:
    async with sessions() as session:
        return list(await session.scalars(NAMES))


async def test_what_is_committed_stays_and_what_is_not_is_undone(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await session.execute(ADD, {"name": "bees"})
    async with sessions() as session:
        await session.execute(ADD, {"name": "wasps"})
        await session.rollback()
        await session.execute(ADD, {"name": "hornets"})

    assert await names(sessions) == ["bees"]


async def test_who_only_reads_keeps_nobody_from_writing(sessions: Sessions) -> None:
    async with sessions() as reading:
        await reading.scalars(NAMES)
        async with sessions() as writing, writing.begin():
            await writing.execute(ADD, {"name": "bees"})

        # And may write itself afterwards, as nothing it read is held on to.
        await reading.execute(ADD, {"name": "wasps"})
        await reading.commit()

    assert await names(sessions) == ["bees", "wasps"]
