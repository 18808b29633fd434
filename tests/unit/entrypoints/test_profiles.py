"""Which profile the settings choose, and what it refuses before anything is connected."""

from pathlib import Path

import pytest

from entrypoints.postgres_profile import PostgresProfile
from entrypoints.profiles import EmbeddedProfile, Profile, open_content, profile_of
from entrypoints.redis_profile import RedisProfile
from entrypoints.settings import InvalidSettingsError, load_settings


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "SCHEDULER_STORE", "SCHEDULER_STORE_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def profile_with(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> Profile:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return profile_of(load_settings())


POSTGRES = "postgresql://me:s3cret@db/app"
REDIS = "redis://:s3cret@r"


@pytest.mark.parametrize(
    ("given", "profile", "where"),
    [
        ({}, EmbeddedProfile, "/var/scheduler.db"),
        ({"DATABASE_URL": "sqlite:///x.db"}, EmbeddedProfile, "/var/scheduler.db"),
        ({"DATABASE_URL": POSTGRES, "SCHEDULER_STORE": "sqlite"}, EmbeddedProfile, "/var/scheduler.db"),
        ({"DATABASE_URL": POSTGRES}, PostgresProfile, "postgresql://me:***@db/app"),
        ({"DATABASE_URL": "postgres://db/app"}, PostgresProfile, "postgres://db/app"),
        ({"DATABASE_URL": "postgresql+asyncpg://db/app"}, PostgresProfile, "postgresql+asyncpg://db/app"),
        ({"DATABASE_URL": POSTGRES, "REDIS_URL": REDIS}, RedisProfile, "redis://:***@r"),
    ],
)
def test_the_addresses_choose_where_tasks_are_kept_unless_that_is_said(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], profile: type, where: str
) -> None:
    chosen = profile_with(monkeypatch, given)

    assert isinstance(chosen, profile)
    assert chosen.where.endswith(where)
    assert "s3cret" not in repr(chosen)


def test_a_redis_beside_a_store_in_postgres_is_known_to_it_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"DATABASE_URL": POSTGRES, "REDIS_URL": REDIS, "SCHEDULER_STORE": "postgres"}
    profile = profile_with(monkeypatch, given)
    wrong = profile_with(monkeypatch, {**given, "REDIS_URL": "redis://r/x"})

    assert isinstance(profile, PostgresProfile)
    assert (profile.where, profile.redis_url) == ("postgresql://me:***@db/app", REDIS)
    assert "s3cret" not in repr(profile)
    with pytest.raises(InvalidSettingsError, match="REDIS_URL names a database that is no number"):
        wrong.check()


@pytest.mark.parametrize(
    ("name", "url"),
    [("REDIS_URL", "redis://:s3/cret@redis:6379/0"), ("DATABASE_URL", "postgresql://me:s3/cret@db/app")],
)
def test_an_address_that_is_none_is_a_wrong_setting_and_no_store_that_is_away(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    profile = profile_with(monkeypatch, {name: url})

    with pytest.raises(InvalidSettingsError, match=f"{name} has a port that is none") as refused:
        profile.check()
    assert "cret" not in str(refused.value)


def test_a_mistake_in_the_file_on_the_contents_tables_is_a_setting_that_cannot_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "schema.toml"
    path.write_text("[schema]\nprofil = 'custom'")
    monkeypatch.setenv("SCHEDULER_CONTENT_SCHEMA", str(path))

    with pytest.raises(InvalidSettingsError, match=r"^SCHEDULER_CONTENT_SCHEMA: .*schema\.toml: schema\.profil"):
        open_content(load_settings())
