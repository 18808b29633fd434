"""`Access`: accounts, sessions, tokens, the pace of guessing and the set-up, one atomic step a call."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from application.scheduling.ports.access import SESSIONS_MAX, Refusal, TokenUse, Visit
from domain.access.account import IDLE_MAX, NOTED_EVERY, SESSION_MAX, Account, ApiToken, Session, User
from domain.access.role import Role
from domain.access.throttle import DELAY_MAX, FORGOTTEN_AFTER, FREE_PER_ACCOUNT, FREE_PER_ADDRESS, LoginKeys
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import MINUTE, SECOND
from tests.support.manual_clock import NOON

ANA, BOB = User("ana", Role.ADMIN, NOON), User("bob", Role.VIEWER, NOON)
KEYS = LoginKeys("account", "address")


async def _with_users(store: StoreUnderTest) -> None:
    for user in (BOB, ANA):
        assert await store.access.add_user(user, f"hash of {user.name}")


def _session(user: User = ANA, *, at: datetime = NOON) -> Session:
    return Session(user.name, at, at, "192.0.2.1")


def _token(name: str = "ci", *, owner: str | None = None, expires_at: datetime | None = None) -> ApiToken:
    return ApiToken(f"id-{owner}-{name}", name, Role.EDITOR, NOON, owner, expires_at)


# --- Users ---


async def test_users_are_told_by_name_with_the_hash_apart(store: StoreUnderTest) -> None:
    await _with_users(store)

    assert await store.access.users() == [ANA, BOB]
    assert await store.access.account("bob") == Account(BOB, "hash of bob")
    assert await store.access.account("nobody") is None


async def test_a_name_is_given_once_for_ever(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.change_user("bob", disabled=True)

    assert not await store.access.add_user(replace(BOB, role=Role.ADMIN), "another hash")

    account = await store.access.account("bob")
    assert account is not None
    assert (account.user.role, account.password_hash) == (Role.VIEWER, "hash of bob")


async def test_of_two_who_take_a_name_at_once_one_has_it(store: StoreUnderTest) -> None:
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(store.access.add_user(BOB, f"hash {number}")) for number in range(4)]

    assert sorted(each.result() for each in answers) == [False, False, False, True]


async def test_a_user_takes_another_role_and_may_be_disabled_and_enabled(store: StoreUnderTest) -> None:
    await _with_users(store)

    promoted = await store.access.change_user("bob", role=Role.OPERATOR)
    store.clock.advance(MINUTE)
    disabled = await store.access.change_user("bob", disabled=True)
    store.clock.advance(MINUTE)
    again = await store.access.change_user("bob", disabled=True)
    enabled = await store.access.change_user("bob", disabled=False)

    assert promoted == replace(BOB, role=Role.OPERATOR)
    assert disabled == again == replace(BOB, role=Role.OPERATOR, disabled_at=NOON + MINUTE)
    assert enabled == promoted
    assert await store.access.change_user("nobody", disabled=True) is Refusal.UNKNOWN


@pytest.mark.parametrize("change", [{"role": Role.EDITOR}, {"disabled": True}])
async def test_the_last_admin_stays_one(store: StoreUnderTest, change: dict[str, Role]) -> None:
    await _with_users(store)
    await store.access.add_user(User("cai", Role.ADMIN, NOON), "hash")
    await store.access.change_user("cai", disabled=True)

    assert await store.access.change_user("ana", **change) is Refusal.LAST_ADMIN  # type: ignore[arg-type]
    assert await store.access.users() != []
    assert (await store.access.users())[0] == ANA

    await store.access.change_user("cai", disabled=False)
    assert isinstance(await store.access.change_user("ana", **change), User)  # type: ignore[arg-type]


async def test_of_two_admins_who_leave_at_once_one_stays(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.change_user("bob", role=Role.ADMIN)

    async with asyncio.TaskGroup() as group:
        leaving = [group.create_task(store.access.change_user(name, disabled=True)) for name in ("ana", "bob")]

    assert [each.result() for each in leaving].count(Refusal.LAST_ADMIN) == 1


async def test_another_password_ends_every_session(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.open_session("of ana", _session())
    await store.access.open_session("of bob", _session(BOB))

    assert await store.access.set_password("ana", "new hash", replacing="hash of ana")

    assert await store.access.account("ana") == Account(ANA, "new hash")
    assert await store.access.visit("of ana") is None
    assert await store.access.visit("of bob") is not None


async def test_a_password_that_changed_meanwhile_is_not_replaced(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.open_session("digest", _session())

    assert not await store.access.set_password("ana", "new hash", replacing="another hash")
    assert not await store.access.set_password("nobody", "new hash")
    assert await store.access.account("ana") == Account(ANA, "hash of ana")
    assert await store.access.visit("digest") is not None
    assert await store.access.set_password("ana", "new hash")


# --- Sessions ---


async def test_a_session_is_its_users_as_the_user_is_now(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.open_session("digest", _session(BOB))
    await store.access.change_user("bob", role=Role.EDITOR)

    assert await store.access.visit("digest") == Visit(replace(BOB, role=Role.EDITOR), _session(BOB))
    assert await store.access.visit("another") is None


async def test_a_session_ends_when_it_is_idle_however_it_is_looked_at(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.open_session("digest", _session())
    store.clock.advance(IDLE_MAX - SECOND)

    assert await store.access.visit("digest", noting=False) is not None
    store.clock.advance(SECOND)
    assert await store.access.visit("digest") is None
    assert await store.access.sessions("ana") == []


async def test_a_session_that_is_used_lives_on_and_ends_after_its_longest_life(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.open_session("digest", _session())

    for _ in range(SESSION_MAX // (IDLE_MAX / 2) - 1):
        store.clock.advance(IDLE_MAX / 2)
        visit = await store.access.visit("digest")
        assert visit is not None
        assert visit.session.seen_at == store.clock.now()
    store.clock.advance(IDLE_MAX / 2)

    assert await store.access.visit("digest") is None


async def test_a_visit_is_noted_once_a_minute(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.open_session("digest", _session())

    store.clock.advance(NOTED_EVERY - SECOND)
    await store.access.visit("digest")
    assert await store.access.sessions("ana") == [_session()]
    store.clock.advance(SECOND)
    await store.access.visit("digest")

    assert await store.access.sessions("ana") == [replace(_session(), seen_at=NOON + NOTED_EVERY)]


async def test_who_is_disabled_loses_every_session_at_once_and_gets_no_new_one(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.open_session("digest", _session(BOB))
    await store.access.change_user("bob", disabled=True)

    assert await store.access.visit("digest") is None
    assert not await store.access.open_session("another", _session(BOB))
    assert not await store.access.open_session("nobody's", replace(_session(), user_name="nobody"))
    await store.access.change_user("bob", disabled=False)
    assert await store.access.visit("digest") is None


async def test_a_session_can_be_ended_alone_or_with_all_others(store: StoreUnderTest) -> None:
    await _with_users(store)
    for name in ("one", "two", "three"):
        await store.access.open_session(name, _session())
    await store.access.open_session("bob's", _session(BOB))
    await store.access.end_session("one")
    await store.access.end_session("one")

    assert await store.access.end_sessions("ana", but="two") == 1

    live = [name for name in ("one", "two", "three", "bob's") if await store.access.visit(name) is not None]
    assert live == ["two", "bob's"]
    assert await store.access.end_sessions("ana") == 1
    assert await store.access.end_sessions("ana") == 0


async def test_sessions_are_told_newest_first_and_beyond_the_limit_the_oldest_end(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.open_session("bob's", _session(BOB))
    opened = [_session(at=NOON + number * SECOND) for number in range(SESSIONS_MAX + 2)]
    for number, session in enumerate(opened):
        store.clock.advance_to(session.created_at)
        assert await store.access.open_session(f"digest {number}", session)

    assert await store.access.sessions("ana") == opened[:1:-1]
    assert await store.access.visit("digest 1") is None
    assert await store.access.visit("bob's") is not None


async def test_sessions_that_are_over_do_not_count(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.open_session("over", _session())
    store.clock.advance(IDLE_MAX)

    assert await store.access.end_sessions("ana") == 0


# --- Tokens ---


async def test_a_token_is_told_with_its_owner_as_he_is_now(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.add_token("ana's", _token(owner="ana"))
    await store.access.add_token("ours", _token())
    await store.access.change_user("bob", role=Role.ADMIN)
    await store.access.change_user("ana", role=Role.OPERATOR)

    own, installed = await store.access.use_token("ana's"), await store.access.use_token("ours")

    assert own == TokenUse(replace(_token(owner="ana"), used_at=NOON), replace(ANA, role=Role.OPERATOR))
    assert installed == TokenUse(replace(_token(), used_at=NOON), None)
    assert own is not None
    assert installed is not None
    assert (own.role, installed.role) == (Role.OPERATOR, Role.EDITOR)
    assert await store.access.use_token("unknown") is None


async def test_a_token_ends_when_it_says_and_when_its_owner_is_disabled(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.add_token("short", _token(expires_at=NOON + MINUTE))
    await store.access.add_token("bob's", _token(owner="bob"))
    store.clock.advance(MINUTE - SECOND)
    assert await store.access.use_token("short") is not None
    store.clock.advance(SECOND)
    await store.access.change_user("bob", disabled=True)

    assert await store.access.use_token("short") is None
    assert await store.access.use_token("bob's") is None
    await store.access.change_user("bob", disabled=False)
    assert await store.access.use_token("bob's") is not None


async def test_the_use_of_a_token_is_noted_once_a_minute(store: StoreUnderTest) -> None:
    await store.access.add_token("digest", _token())
    await store.access.use_token("digest")
    store.clock.advance(NOTED_EVERY - SECOND)
    await store.access.use_token("digest")
    assert [each.used_at for each in await store.access.tokens()] == [NOON]

    store.clock.advance(SECOND)
    await store.access.use_token("digest")

    assert [each.used_at for each in await store.access.tokens()] == [NOON + NOTED_EVERY]


async def test_tokens_are_told_by_owner_and_name_and_a_name_is_one_of_its_owners(store: StoreUnderTest) -> None:
    await _with_users(store)
    tokens = [_token("b"), _token("a", owner="ana"), _token("c", owner="ana"), _token("a", owner="bob")]
    for token in reversed(tokens):
        assert await store.access.add_token(f"digest of {token.id}", token)

    assert not await store.access.add_token("another", replace(_token("b"), id="another"))
    assert not await store.access.add_token("another", replace(_token("a", owner="bob"), id="another"))

    assert await store.access.tokens() == tokens
    assert await store.access.tokens("ana") == tokens[1:3]


async def test_a_revoked_token_is_gone_at_once_and_its_name_free(store: StoreUnderTest) -> None:
    await _with_users(store)
    await store.access.add_token("digest", _token(owner="bob"))

    assert await store.access.revoke_token("id-bob-ci", owner="ana") is None
    assert await store.access.use_token("digest") is not None
    gone = await store.access.revoke_token("id-bob-ci", owner="bob")

    assert gone is not None
    assert gone.name == "ci"
    assert await store.access.use_token("digest") is None
    assert await store.access.revoke_token("id-bob-ci") is None
    assert await store.access.add_token("another", _token(owner="bob"))


# --- The pace of guessing ---


async def _tries(store: StoreUnderTest, keys: LoginKeys, count: int) -> list[datetime | None]:
    return [await store.access.admit_login(keys) for _ in range(count)]


async def test_a_few_attempts_are_free_and_then_each_waits_longer(store: StoreUnderTest) -> None:
    assert await _tries(store, KEYS, FREE_PER_ACCOUNT) == [None] * FREE_PER_ACCOUNT
    waits = []
    for _ in range(12):
        until = await store.access.admit_login(KEYS)
        assert until is not None
        waits.append(until - store.clock.now())
        store.clock.advance_to(until - timedelta(microseconds=1))
        assert await store.access.admit_login(KEYS) == until
        store.clock.advance_to(until)
        assert await store.access.admit_login(KEYS) is None

    assert waits[:4] == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND]
    assert waits[-1] == DELAY_MAX


async def test_attempts_from_elsewhere_keep_nobody_waiting(store: StoreUnderTest) -> None:
    await _tries(store, KEYS, FREE_PER_ACCOUNT + 1)

    assert await store.access.admit_login(LoginKeys("account from elsewhere", "elsewhere")) is None
    assert await store.access.admit_login(LoginKeys("another account", "address")) is None


async def test_one_address_does_not_go_through_many_accounts(store: StoreUnderTest) -> None:
    tried = [
        await store.access.admit_login(LoginKeys(f"account {number}", "address"))
        for number in range(FREE_PER_ADDRESS + 1)
    ]

    assert tried[:-1] == [None] * FREE_PER_ADDRESS
    assert tried[-1] == NOON + SECOND


async def test_of_many_attempts_at_once_only_the_free_ones_are_taken(store: StoreUnderTest) -> None:
    async with asyncio.TaskGroup() as group:
        tried = [group.create_task(store.access.admit_login(KEYS)) for _ in range(3 * FREE_PER_ACCOUNT)]

    assert [each.result() for each in tried].count(None) == FREE_PER_ACCOUNT


async def test_success_forgets_the_account_and_takes_itself_off_the_address(store: StoreUnderTest) -> None:
    for _ in range(FREE_PER_ADDRESS + 5):
        assert await _tries(store, KEYS, FREE_PER_ACCOUNT - 1) == [None] * (FREE_PER_ACCOUNT - 1)
        for _ in range(FREE_PER_ACCOUNT - 1):
            await store.access.forgive_login(KEYS)

    await _tries(store, LoginKeys("guessed", "address"), 3)
    await _tries(store, KEYS, 1)
    await store.access.forgive_login(KEYS)
    more = [
        await store.access.admit_login(LoginKeys(f"account {number}", "address"))
        for number in range(FREE_PER_ADDRESS - 2)
    ]

    assert more[:-1] == [None] * (FREE_PER_ADDRESS - 3)
    assert more[-1] is not None


async def test_attempts_are_forgotten_after_an_hour_without_any(store: StoreUnderTest) -> None:
    await _tries(store, KEYS, FREE_PER_ACCOUNT)
    store.clock.advance(FORGOTTEN_AFTER)

    assert await _tries(store, KEYS, FREE_PER_ACCOUNT) == [None] * FREE_PER_ACCOUNT


# --- The set-up ---


async def test_the_first_user_is_made_once_with_the_secret_of_the_offer(store: StoreUnderTest) -> None:
    assert await store.access.offer_set_up("digest", until=NOON + MINUTE)
    assert await store.access.may_set_up("digest")
    assert not await store.access.may_set_up("another")
    assert not await store.access.set_up("another", BOB, "hash")

    assert await store.access.set_up("digest", ANA, "hash")

    assert await store.access.users() == [ANA]
    assert not await store.access.may_set_up("digest")
    assert not await store.access.set_up("digest", BOB, "hash")
    assert not await store.access.offer_set_up("later", until=NOON + MINUTE)


async def test_of_many_who_take_up_an_offer_at_once_one_is_the_first(store: StoreUnderTest) -> None:
    await store.access.offer_set_up("digest", until=NOON + MINUTE)

    async with asyncio.TaskGroup() as group:
        taken = [group.create_task(store.access.set_up("digest", user, "hash")) for user in (ANA, BOB, ANA)]

    assert [each.result() for each in taken].count(True) == 1
    assert len(await store.access.users()) == 1


async def test_an_offer_ends_in_time_and_when_another_is_made(store: StoreUnderTest) -> None:
    await store.access.offer_set_up("first", until=NOON + MINUTE)
    await store.access.offer_set_up("second", until=NOON + MINUTE)
    assert not await store.access.may_set_up("first")
    store.clock.advance(MINUTE)

    assert not await store.access.may_set_up("second")
    assert not await store.access.set_up("second", ANA, "hash")
    assert await store.access.is_bare()


async def test_who_can_come_in_already_needs_no_set_up(store: StoreUnderTest) -> None:
    await store.access.offer_set_up("digest", until=NOON + MINUTE)
    await store.access.add_token("token", _token())

    assert not await store.access.is_bare()
    assert not await store.access.set_up("digest", ANA, "hash")
    await store.access.revoke_token(_token().id)
    assert await store.access.is_bare()
    await _with_users(store)
    await store.access.change_user("bob", disabled=True)
    assert not await store.access.is_bare()
