"""Roles, names, and for how long sessions and tokens are good."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.access.account import (
    IDLE_MAX,
    NOTED_EVERY,
    SESSION_MAX,
    Account,
    ApiToken,
    Session,
    User,
    is_due,
    token_name,
    user_name,
)
from domain.access.role import Role
from domain.errors import InvalidAccountError

NOON = datetime(2024, 1, 15, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def test_each_role_includes_those_before_it_and_itself() -> None:
    rows = {role: [other for other in Role if role.includes(other)] for role in Role}

    assert rows == {
        Role.VIEWER: [Role.VIEWER],
        Role.OPERATOR: [Role.VIEWER, Role.OPERATOR],
        Role.EDITOR: [Role.VIEWER, Role.OPERATOR, Role.EDITOR],
        Role.ADMIN: [Role.VIEWER, Role.OPERATOR, Role.EDITOR, Role.ADMIN],
    }


@pytest.mark.parametrize(("one", "other", "lesser"), [("admin", "viewer", "viewer"), ("editor", "admin", "editor")])
def test_within_is_the_lesser_of_two_roles(one: str, other: str, lesser: str) -> None:
    assert Role(one).within(Role(other)) is Role(other).within(Role(one)) is Role(lesser)


@pytest.mark.parametrize(
    ("text", "name"), [("ana", "ana"), (" Ana ", "ana"), ("a.b_c-d@e.f", "a.b_c-d@e.f"), ("7", "7")]
)
def test_a_users_name_is_kept_in_small_letters(text: str, name: str) -> None:
    assert user_name(text) == name


BAD_NAMES = ["", " ", "-ana", ".ana", "a b", "a/b", "a:b", "an\na", "x" * 65, "añá", "a\0", "a\u202eb", "<b>"]


@pytest.mark.parametrize("text", BAD_NAMES)
def test_any_other_name_is_refused_for_users_and_tokens(text: str) -> None:
    for rule in (user_name, token_name):
        with pytest.raises(InvalidAccountError) as refused:
            rule(text)
        assert (refused.value.pointer, refused.value.reason) == ("/name", "invalid_name")


@pytest.mark.parametrize("text", ["local", "Scheduler", " set-up "])
def test_what_the_records_call_nobody_is_no_users_name(text: str) -> None:
    with pytest.raises(InvalidAccountError) as refused:
        user_name(text)

    assert (refused.value.pointer, refused.value.reason) == ("/name", "reserved_name")
    assert token_name("local") == "local"


def test_no_two_kinds_of_actors_share_a_name() -> None:
    token = ApiToken("id", "ci", Role.VIEWER, NOON)
    owned = ApiToken("id", "ci", Role.VIEWER, NOON, owner="ana")

    assert (token.actor, owned.actor) == ("token:ci", "ana/ci")
    for actor in (token.actor, owned.actor):
        with pytest.raises(InvalidAccountError):
            user_name(actor)


def test_a_session_is_live_until_it_was_idle_or_old_enough() -> None:
    session = Session("ana", NOON, NOON + SESSION_MAX - IDLE_MAX + TICK, "192.0.2.1")
    fresh = Session("ana", NOON, NOON, "192.0.2.1")

    assert session.is_live(NOON + SESSION_MAX - TICK)
    assert not session.is_live(NOON + SESSION_MAX)
    assert fresh.is_live(NOON + IDLE_MAX - TICK)
    assert not fresh.is_live(NOON + IDLE_MAX)


def test_a_token_is_valid_up_to_its_end_or_for_ever() -> None:
    ending = ApiToken("id", "ci", Role.VIEWER, NOON, expires_at=NOON + IDLE_MAX)

    assert ending.is_valid(NOON + IDLE_MAX - TICK)
    assert not ending.is_valid(NOON + IDLE_MAX)
    assert ApiToken("id", "ci", Role.VIEWER, NOON).is_valid(NOON + timedelta(days=36_500))


def test_a_use_is_noted_once_a_minute_and_when_the_clock_was_set_back() -> None:
    assert is_due(None, NOON)
    assert not is_due(NOON, NOON)
    assert not is_due(NOON, NOON + NOTED_EVERY - TICK)
    assert is_due(NOON, NOON + NOTED_EVERY)
    assert is_due(NOON, NOON - TICK)


def test_who_is_disabled_is_no_admin_in_action_and_stays_disabled_since_then() -> None:
    admin = User("ana", Role.ADMIN, NOON)
    disabled = admin.changed(role=None, disabled=True, now=NOON + TICK)

    assert (admin.is_active_admin, disabled.is_active_admin) == (True, False)
    assert disabled.changed(role=Role.EDITOR, disabled=True, now=NOON + IDLE_MAX).disabled_at == NOON + TICK
    assert disabled.changed(role=None, disabled=None, now=NOON).disabled_at == NOON + TICK
    assert disabled.changed(role=None, disabled=False, now=NOON) == admin


def test_an_account_does_not_show_its_hash() -> None:
    assert "argon" not in repr(Account(User("ana", Role.ADMIN, NOON), "$argon2id$"))
