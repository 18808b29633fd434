"""Whoever changes the record of access in the file is found out, and has to mean it."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from adapters.sql.store import open_sqlite_store
from application.scheduling.services.inspect_access import InspectAccess, TrailFinding
from domain.access.record import AccessAction, Deed, Doer
from domain.scheduling.change import Via
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy

RECORDS = 5
DEEDS = [Deed(Doer("ana", Via.CLI), AccessAction.USER_ADDED, f"user {number}") for number in range(RECORDS)]
TAMPERED = {
    "UPDATE access_records SET actor = 'eve' WHERE number = 3": 3,
    "UPDATE access_records SET at = at + 1 WHERE number = 1": 1,
    "UPDATE access_records SET action = 'none of ours' WHERE number = 4": 4,
    "UPDATE access_records SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE number = 5": 5,
    "UPDATE access_records SET number = 9 WHERE number = 2": 2,
    "DELETE FROM access_records WHERE number = 3": 3,
    "DELETE FROM access_records WHERE number = 1": 1,
    "DELETE FROM access_records WHERE number = 5": 5,
    "DELETE FROM access_records": 1,
    "DELETE FROM access_chain; DELETE FROM access_records WHERE number = 2": 2,
    "UPDATE access_chain SET head_hash = 'another'": 5,
}

CARELESS = list(TAMPERED)[:9]


@asynccontextmanager
async def _trail(path: Path) -> AsyncIterator[InspectAccess]:
    async with open_sqlite_store(path, ManualClock(), CountingEntropy()) as stores:
        yield InspectAccess(stores.trail)


@pytest.fixture
async def written(tmp_path: Path) -> Path:
    """A store's file with the records of all deeds."""
    path = tmp_path / "store.db"
    async with open_sqlite_store(path, ManualClock(), CountingEntropy()) as stores:
        for deed in DEEDS:
            await stores.trail.note(deed)
    return path


def _run(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


async def _found(path: Path) -> TrailFinding:
    async with _trail(path) as trail:
        return await trail.check()


async def test_the_first_record_that_was_tampered_with_is_told(written: Path, tmp_path: Path) -> None:
    whole = await _found(written)
    assert (whole.whole, whole.broken_at) == (RECORDS, None)
    for number, (script, broken_at) in enumerate(TAMPERED.items()):
        copy = tmp_path / f"{number}.db"
        shutil.copyfile(written, copy)
        _run(copy, "DROP TRIGGER access_records_stay; DROP TRIGGER access_records_stay_as_they_are;" + script)

        assert (await _found(copy)).broken_at == broken_at, script


async def test_a_careless_hand_is_held_back(written: Path) -> None:
    for script in CARELESS:
        with pytest.raises(sqlite3.IntegrityError, match="records of access"):
            _run(written, script)

    assert (await _found(written)).whole == RECORDS


async def test_a_chain_that_was_made_anew_has_another_head(written: Path, tmp_path: Path) -> None:
    noted = (await _found(written)).head
    async with open_sqlite_store(tmp_path / "anew.db", ManualClock(), CountingEntropy()) as stores:
        for deed in (*DEEDS[:2], DEEDS[0], *DEEDS[3:]):
            await stores.trail.note(deed)

    found = await _found(tmp_path / "anew.db")

    assert (found.broken_at, found.head.number) == (None, noted.number)
    assert found.head.hash != noted.hash
