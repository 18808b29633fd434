"""Passwords under Argon2id."""

import asyncio

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type
from argon2.profiles import RFC_9106_LOW_MEMORY

from adapters.passwords.argon2id import DECOY, PARALLEL_MAX, WAITING_MAX, Argon2Passwords
from application.scheduling.ports.passwords import PasswordsBusyError


async def test_a_password_matches_its_own_hash_alone_and_each_hash_has_its_salt() -> None:
    passwords = Argon2Passwords()
    one, other = await passwords.hash("correct horse"), await passwords.hash("correct horse")

    assert one != other
    assert await passwords.matches("correct horse", one)
    assert not await passwords.matches("correct horsf", one)
    assert extract_parameters(one) == RFC_9106_LOW_MEMORY
    assert RFC_9106_LOW_MEMORY.type is Type.ID
    assert RFC_9106_LOW_MEMORY.salt_len * 8 >= 128


async def test_nobodys_password_costs_the_same_work_and_never_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, asked = Argon2Passwords(), list[str]()

    def always(_self: object, _password: str, kept: str) -> bool:
        asked.append(kept)
        return True

    monkeypatch.setattr(Argon2Passwords, "_is_made_of", always)

    assert not await passwords.matches("anything", None)
    assert asked == [DECOY]
    assert extract_parameters(DECOY) == RFC_9106_LOW_MEMORY


@pytest.mark.parametrize("kept", ["", "junk", "$argon2id$v=19$m=65536,t=3,p=4$xx$yy", "plain text"])
async def test_a_hash_that_was_changed_by_hand_is_matched_by_nothing(kept: str) -> None:
    assert not await Argon2Passwords().matches(kept, kept)


async def test_few_at_a_time_and_not_too_many_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, running, most = Argon2Passwords(), 0, 0
    go_on = asyncio.Event()

    async def on_a_thread(_work: object) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go_on.wait()
        running -= 1
        return True

    monkeypatch.setattr(asyncio, "to_thread", on_a_thread)
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(passwords.matches("a", "b")) for _ in range(WAITING_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(PasswordsBusyError):
            await passwords.matches("a", "b")
        go_on.set()

    assert all(each.result() for each in asked)
    assert most == PARALLEL_MAX
