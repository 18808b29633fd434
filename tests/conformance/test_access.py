"""`Access`: users and the set-up that makes the first one, one atomic step a call."""

import asyncio
from dataclasses import replace

import pytest

from application.scheduling.ports.access import Refusal
from domain.access.account import Account, User
from domain.access.role import Role
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.accounts import ANA, BOB, TESTER, a_session, a_token, add_ana_and_bob, open_session
from tests.support.builders import MINUTE
from tests.support.manual_clock import NOON

# --- Users ---


async def test_users_are_told_by_name_with_the_hash_apart(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)

    assert await store.access.users() == [ANA, BOB]
    assert await store.access.account("bob") == Account(BOB, "hash of bob")
    assert await store.access.account("nobody") is None


async def test_a_name_is_given_once_for_ever(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await store.access.change_user("bob", disabled=True, by=TESTER)

    assert not await store.access.add_user(replace(BOB, role=Role.ADMIN), "another hash", by=TESTER)

    account = await store.access.account("bob")
    assert account is not None
    assert (account.user.role, account.password_hash) == (Role.VIEWER, "hash of bob")


async def test_of_two_who_take_a_name_at_once_one_has_it(store: StoreUnderTest) -> None:
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(store.access.add_user(BOB, f"hash {number}", by=TESTER)) for number in range(4)]

    assert sorted(each.result() for each in answers) == [False, False, False, True]


async def test_a_user_takes_another_role_and_may_be_disabled_and_enabled(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)

    promoted = await store.access.change_user("bob", role=Role.OPERATOR, by=TESTER)
    store.clock.advance(MINUTE)
    disabled = await store.access.change_user("bob", disabled=True, by=TESTER)
    store.clock.advance(MINUTE)
    again = await store.access.change_user("bob", disabled=True, by=TESTER)
    enabled = await store.access.change_user("bob", disabled=False, by=TESTER)

    assert promoted == replace(BOB, role=Role.OPERATOR)
    assert disabled == again == replace(BOB, role=Role.OPERATOR, disabled_at=NOON + MINUTE)
    assert enabled == promoted
    assert await store.access.change_user("nobody", disabled=True, by=TESTER) is Refusal.UNKNOWN


@pytest.mark.parametrize("change", [{"role": Role.EDITOR}, {"disabled": True}])
async def test_the_last_admin_stays_one(store: StoreUnderTest, change: dict[str, Role]) -> None:
    await add_ana_and_bob(store.access)
    await store.access.add_user(User("cai", Role.ADMIN, NOON), "hash", by=TESTER)
    await store.access.change_user("cai", disabled=True, by=TESTER)

    assert await store.access.change_user("ana", **change, by=TESTER) is Refusal.LAST_ADMIN  # type: ignore[arg-type]
    assert await store.access.users() != []
    assert (await store.access.users())[0] == ANA

    await store.access.change_user("cai", disabled=False, by=TESTER)
    assert isinstance(await store.access.change_user("ana", **change, by=TESTER), User)  # type: ignore[arg-type]


async def test_of_two_admins_who_leave_at_once_one_stays(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await store.access.change_user("bob", role=Role.ADMIN, by=TESTER)

    async with asyncio.TaskGroup() as group:
        leaving = [
            group.create_task(store.access.change_user(name, disabled=True, by=TESTER)) for name in ("ana", "bob")
        ]

    assert [each.result() for each in leaving].count(Refusal.LAST_ADMIN) == 1


async def test_another_password_ends_every_session(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await open_session(store.access, "of ana", a_session())
    await open_session(store.access, "of bob", a_session(BOB))

    assert await store.access.set_password("ana", "new hash", replacing="hash of ana", by=TESTER)

    assert await store.access.account("ana") == Account(ANA, "new hash")
    assert await store.access.visit("of ana") is None
    assert await store.access.visit("of bob") is not None


async def test_a_password_that_changed_meanwhile_is_not_replaced(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await open_session(store.access, "digest", a_session())

    assert not await store.access.set_password("ana", "new hash", replacing="another hash", by=TESTER)
    assert not await store.access.set_password("nobody", "new hash", by=TESTER)
    assert await store.access.account("ana") == Account(ANA, "hash of ana")
    assert await store.access.visit("digest") is not None
    assert await store.access.set_password("ana", "new hash", by=TESTER)


# --- The set-up ---


async def test_the_first_user_is_made_once_with_the_secret_of_the_offer(store: StoreUnderTest) -> None:
    assert await store.access.offer_set_up("digest", until=NOON + MINUTE)
    assert await store.access.may_set_up("digest")
    assert not await store.access.may_set_up("another")
    assert not await store.access.set_up("another", BOB, "hash", by=TESTER)

    assert await store.access.set_up("digest", ANA, "hash", by=TESTER)

    assert await store.access.users() == [ANA]
    assert not await store.access.may_set_up("digest")
    assert not await store.access.set_up("digest", BOB, "hash", by=TESTER)
    assert not await store.access.offer_set_up("later", until=NOON + MINUTE)


async def test_of_many_who_take_up_an_offer_at_once_one_is_the_first(store: StoreUnderTest) -> None:
    await store.access.offer_set_up("digest", until=NOON + MINUTE)

    async with asyncio.TaskGroup() as group:
        taken = [group.create_task(store.access.set_up("digest", user, "hash", by=TESTER)) for user in (ANA, BOB, ANA)]

    assert [each.result() for each in taken].count(True) == 1
    assert len(await store.access.users()) == 1


async def test_an_offer_ends_in_time_and_when_another_is_made(store: StoreUnderTest) -> None:
    await store.access.offer_set_up("first", until=NOON + MINUTE)
    await store.access.offer_set_up("second", until=NOON + MINUTE)
    assert not await store.access.may_set_up("first")
    store.clock.advance(MINUTE)

    assert not await store.access.may_set_up("second")
    assert not await store.access.set_up("second", ANA, "hash", by=TESTER)
    assert await store.access.is_bare()


async def test_who_can_come_in_already_needs_no_set_up(store: StoreUnderTest) -> None:
    await store.access.offer_set_up("digest", until=NOON + MINUTE)
    await store.access.add_token("token", a_token(), by=TESTER)

    assert not await store.access.is_bare()
    assert not await store.access.set_up("digest", ANA, "hash", by=TESTER)
    await store.access.revoke_token(a_token().id, by=TESTER)
    assert await store.access.is_bare()
    await add_ana_and_bob(store.access)
    await store.access.change_user("bob", disabled=True, by=TESTER)
    assert not await store.access.is_bare()
