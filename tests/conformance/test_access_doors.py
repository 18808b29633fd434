"""`Access`: sessions and tokens, one of which every request shows."""

from dataclasses import replace

from application.scheduling.ports.access import SESSIONS_MAX, TokenUse, Visit
from domain.access.account import IDLE_MAX, NOTED_EVERY, SESSION_MAX
from domain.access.role import Role
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.accounts import ANA, BOB, TESTER, a_session, a_token, add_ana_and_bob, open_session
from tests.support.builders import MINUTE, SECOND
from tests.support.manual_clock import NOON

# --- Sessions ---


async def test_a_session_is_its_users_as_the_user_is_now(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await open_session(store.access, "digest", a_session(BOB))
    await store.access.change_user("bob", role=Role.EDITOR, by=TESTER)

    assert await store.access.visit("digest") == Visit(replace(BOB, role=Role.EDITOR), a_session(BOB))
    assert await store.access.visit("another") is None


async def test_a_session_ends_when_it_is_idle_however_it_is_looked_at(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await open_session(store.access, "digest", a_session())
    store.clock.advance(IDLE_MAX - SECOND)

    assert await store.access.visit("digest", noting=False) is not None
    store.clock.advance(SECOND)
    assert await store.access.visit("digest") is None
    assert await store.access.sessions("ana") == []


async def test_a_session_that_is_used_lives_on_and_ends_after_its_longest_life(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await open_session(store.access, "digest", a_session())

    for _ in range(SESSION_MAX // (IDLE_MAX / 2) - 1):
        store.clock.advance(IDLE_MAX / 2)
        visit = await store.access.visit("digest")
        assert visit is not None
        assert visit.session.seen_at == store.clock.now()
    store.clock.advance(IDLE_MAX / 2)

    assert await store.access.visit("digest") is None


async def test_a_visit_is_noted_once_a_minute(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await open_session(store.access, "digest", a_session())

    store.clock.advance(NOTED_EVERY - SECOND)
    await store.access.visit("digest")
    assert await store.access.sessions("ana") == [a_session()]
    store.clock.advance(SECOND)
    await store.access.visit("digest")

    assert await store.access.sessions("ana") == [replace(a_session(), seen_at=NOON + NOTED_EVERY)]


async def test_who_is_disabled_loses_every_session_at_once_and_gets_no_new_one(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await open_session(store.access, "digest", a_session(BOB))
    await store.access.change_user("bob", disabled=True, by=TESTER)

    assert await store.access.visit("digest") is None
    assert not await open_session(store.access, "another", a_session(BOB))
    assert not await open_session(store.access, "nobody's", replace(a_session(), user_name="nobody"))
    await store.access.change_user("bob", disabled=False, by=TESTER)
    assert await store.access.visit("digest") is None


async def test_a_sign_in_with_a_password_that_is_changed_meanwhile_opens_nothing(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await store.access.set_password("ana", "another hash", by=TESTER)

    assert not await open_session(store.access, "digest", a_session())
    assert await store.access.visit("digest") is None
    assert await store.access.open_session("digest", a_session(), password_hash="another hash")


async def test_a_session_can_be_ended_alone_or_with_all_others(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    for name in ("one", "two", "three"):
        await open_session(store.access, name, a_session())
    await open_session(store.access, "bob's", a_session(BOB))
    await store.access.end_session("one", by=TESTER)
    await store.access.end_session("one", by=TESTER)

    assert await store.access.end_sessions("ana", but="two", by=TESTER) == 1

    live = [name for name in ("one", "two", "three", "bob's") if await store.access.visit(name) is not None]
    assert live == ["two", "bob's"]
    assert await store.access.end_sessions("ana", by=TESTER) == 1
    assert await store.access.end_sessions("ana", by=TESTER) == 0


async def test_sessions_are_told_newest_first_and_beyond_the_limit_the_oldest_end(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await open_session(store.access, "bob's", a_session(BOB))
    opened = [a_session(at=NOON + number * SECOND) for number in range(SESSIONS_MAX + 2)]
    for number, session in enumerate(opened):
        store.clock.advance_to(session.created_at)
        assert await open_session(store.access, f"digest {number}", session)

    assert await store.access.sessions("ana") == opened[:1:-1]
    assert await store.access.visit("digest 1") is None
    assert await store.access.visit("bob's") is not None


async def test_sessions_that_are_over_do_not_count(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await open_session(store.access, "over", a_session())
    store.clock.advance(IDLE_MAX)

    assert await store.access.end_sessions("ana", by=TESTER) == 0


# --- Tokens ---


async def test_a_token_is_told_with_its_owner_as_he_is_now(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await store.access.add_token("ana's", a_token(owner="ana"), by=TESTER)
    await store.access.add_token("ours", a_token(), by=TESTER)
    await store.access.change_user("bob", role=Role.ADMIN, by=TESTER)
    await store.access.change_user("ana", role=Role.OPERATOR, by=TESTER)

    own, installed = await store.access.use_token("ana's"), await store.access.use_token("ours")

    assert own == TokenUse(replace(a_token(owner="ana"), used_at=NOON), replace(ANA, role=Role.OPERATOR))
    assert installed == TokenUse(replace(a_token(), used_at=NOON), None)
    assert own is not None
    assert installed is not None
    assert (own.role, installed.role) == (Role.OPERATOR, Role.EDITOR)
    assert await store.access.use_token("unknown") is None


async def test_a_token_ends_when_it_says_and_when_its_owner_is_disabled(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await store.access.add_token("short", a_token(expires_at=NOON + MINUTE), by=TESTER)
    await store.access.add_token("bob's", a_token(owner="bob"), by=TESTER)
    store.clock.advance(MINUTE - SECOND)
    assert await store.access.use_token("short") is not None
    store.clock.advance(SECOND)
    await store.access.change_user("bob", disabled=True, by=TESTER)

    assert await store.access.use_token("short") is None
    assert await store.access.use_token("bob's") is None
    await store.access.change_user("bob", disabled=False, by=TESTER)
    assert await store.access.use_token("bob's") is not None


async def test_the_use_of_a_token_is_noted_once_a_minute(store: StoreUnderTest) -> None:
    await store.access.add_token("digest", a_token(), by=TESTER)
    await store.access.use_token("digest")
    store.clock.advance(NOTED_EVERY - SECOND)
    await store.access.use_token("digest")
    assert [each.used_at for each in await store.access.tokens()] == [NOON]

    store.clock.advance(SECOND)
    await store.access.use_token("digest")

    assert [each.used_at for each in await store.access.tokens()] == [NOON + NOTED_EVERY]


async def test_tokens_are_told_by_owner_and_name_and_a_name_is_one_of_its_owners(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    tokens = [a_token("b"), a_token("a", owner="ana"), a_token("c", owner="ana"), a_token("a", owner="bob")]
    for token in reversed(tokens):
        assert await store.access.add_token(f"digest of {token.id}", token, by=TESTER)

    assert not await store.access.add_token("another", replace(a_token("b"), id="another"), by=TESTER)
    assert not await store.access.add_token("another", replace(a_token("a", owner="bob"), id="another"), by=TESTER)

    assert await store.access.tokens() == tokens
    assert await store.access.tokens("ana") == tokens[1:3]


async def test_a_revoked_token_is_gone_at_once_and_its_name_free(store: StoreUnderTest) -> None:
    await add_ana_and_bob(store.access)
    await store.access.add_token("digest", a_token(owner="bob"), by=TESTER)

    assert await store.access.revoke_token("id-bob-ci", owner="ana", by=TESTER) is None
    assert await store.access.use_token("digest") is not None
    gone = await store.access.revoke_token("id-bob-ci", owner="bob", by=TESTER)

    assert gone is not None
    assert gone.name == "ci"
    assert await store.access.use_token("digest") is None
    assert await store.access.revoke_token("id-bob-ci", by=TESTER) is None
    assert await store.access.add_token("another", a_token(owner="bob"), by=TESTER)
