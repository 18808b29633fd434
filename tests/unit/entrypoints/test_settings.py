"""The environment, checked whole: every bad value is one clear line, and no secret is ever shown."""

from datetime import timedelta
from pathlib import Path

import pytest

from entrypoints.settings import LOOPBACK, ROLES, InvalidSettingsError, load_settings, without_password

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that sets nothing of ours."""
    import os  # noqa: PLC0415

    for name in list(os.environ):  # noqa: TID251 - the variables under test
        if name.upper().startswith(("SCHEDULER_", "DATABASE_URL", "REDIS_URL")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def faults_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> tuple[str, ...]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettingsError) as refused:
        load_settings()
    return refused.value.lines


def test_external_types_are_task_types_and_come_with_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_EXTERNAL_TYPES", "mail, video.encode")
    monkeypatch.setenv("REDIS_URL", "redis://localhost")
    types = load_settings().scheduler_external_types

    monkeypatch.setenv("SCHEDULER_STORE", "postgres")
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/app")
    beside = load_settings()
    (unfed,) = faults_of(monkeypatch, SCHEDULER_STORE="sqlite")
    monkeypatch.setenv("SCHEDULER_STORE", "redis")
    (line,) = faults_of(monkeypatch, SCHEDULER_EXTERNAL_TYPES="mail,two words")

    assert types == beside.scheduler_external_types == ("mail", "video.encode")
    assert (beside.store, beside.has_streams) == ("postgres", True)
    assert unfed.endswith("external types need their streams, and a store in a file feeds none")
    assert line.startswith("SCHEDULER_EXTERNAL_TYPES: 'two words' is no task type: 1 to 64 letters")


def test_without_any_setting_the_guides_defaults_hold() -> None:
    settings = load_settings()

    assert (settings.check_interval, settings.scheduler_default_retries, settings.scheduler_concurrency) == (
        timedelta(seconds=60),
        3,
        5,
    )
    assert (settings.scheduler_host, settings.scheduler_port, settings.scheduler_roles) == ("127.0.0.1", 8080, ROLES)
    assert settings.content_file == Path("var/content.db").absolute()
    assert settings.scheduler_store_path == Path("var/scheduler.db").absolute()


def test_what_is_set_is_read_and_empty_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_CHECK_INTERVAL", "30")
    monkeypatch.setenv("SCHEDULER_CONCURRENCY", "")
    monkeypatch.setenv("SCHEDULER_ROLES", " scheduler, admin ,")
    monkeypatch.setenv("SCHEDULER_PROCESSORS", "app.a:one, app.b:two")
    monkeypatch.setenv("SCHEDULER_LOG_LEVEL", "WARNING")
    monkeypatch.setenv("DATABASE_URL", "sqlite:////data/peachpie.db")

    settings = load_settings()

    assert (settings.check_interval, settings.scheduler_concurrency) == (timedelta(seconds=30), 5)
    assert settings.scheduler_roles == {"scheduler", "admin"}
    assert settings.scheduler_processors == ("app.a:one", "app.b:two")
    assert settings.scheduler_log_level == "warning"
    assert settings.content_file == Path("/data/peachpie.db")


def test_options_go_before_the_environment_and_none_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_PORT", "9000")

    assert load_settings(scheduler_port=None).scheduler_port == 9000
    assert load_settings(scheduler_port=0, scheduler_roles="scheduler").scheduler_port == 0


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SCHEDULER_CHECK_INTERVAL", "0", "greater than or equal to 1"),
        ("SCHEDULER_CHECK_INTERVAL", "nan", "should be"),
        ("SCHEDULER_CHECK_INTERVAL", "inf", "less than or equal to 86400"),
        ("SCHEDULER_CHECK_INTERVAL", "1m", "valid number"),
        ("SCHEDULER_DEFAULT_RETRIES", "-1", "greater than or equal to 0"),
        ("SCHEDULER_DEFAULT_RETRIES", "3.5", "valid integer"),
        ("SCHEDULER_CONCURRENCY", "0", "greater than or equal to 1"),
        ("SCHEDULER_CONCURRENCY", "1001", "less than or equal to 1000"),
        ("SCHEDULER_TASKS_MAX", "0", "greater than or equal to 1"),
        ("SCHEDULER_GRACE", "-1", "greater than or equal to 0"),
        ("SCHEDULER_PORT", "65536", "less than or equal to 65535"),
        ("SCHEDULER_PORT", "tcp://10.0.0.1:80", "valid integer"),
        ("SCHEDULER_LOG_FORMAT", "xml", "auto|human|json"),
        ("SCHEDULER_LOG_LEVEL", "loud", "debug|info|warning|error"),
        ("SCHEDULER_STORE", "mysql", "sqlite|redis|postgres"),
        ("SCHEDULER_STORE_PATH", ":memory:", "the path of a file"),
        ("SCHEDULER_AUTH", "off", "auto|required"),
        ("SCHEDULER_ADMIN_TOKEN", "short", "at least 32"),
        ("SCHEDULER_ADMIN_TOKEN", "x" * 31 + " x", "openssl rand -hex 32"),
        ("SCHEDULER_ADMIN_TOKEN_FILE", "nowhere", "cannot be read: No such file"),
        ("SCHEDULER_ADMIN_TOKEN_FILE", "/dev/null", "is no file"),
        ("SCHEDULER_PUBLIC_URL", "scheduler.example.org", "is not of the form https://"),
        ("SCHEDULER_PUBLIC_URL", "ftp://scheduler.example.org", "is not of the form"),
        ("SCHEDULER_PUBLIC_URL", "https://", "is not of the form"),
        ("SCHEDULER_PUBLIC_URL", "https://ops.example.org/scheduler", "without a path"),
        ("SCHEDULER_PUBLIC_URL", "https://ops.example.org:x", "is not of the form"),
        ("SCHEDULER_PUBLIC_URL", "https://[::1", "is not of the form"),
        ("SCHEDULER_TRUSTED_PROXIES", "10.0.0.1,proxy", "'proxy' is no IP address"),
        ("SCHEDULER_ROLES", "scheduler,boss", "no such role: 'boss'"),
        ("SCHEDULER_ROLES", "worker", "the scheduler's process starts the rest"),
        ("SCHEDULER_EXTERNAL_TYPES", "mail", "need their streams, and these Redis"),
        ("SCHEDULER_CONCURENCY", "5", "did you mean SCHEDULER_CONCURRENCY?"),
        ("SCHEDULER_STORE", "postgres", "DATABASE_URL must name a PostgreSQL"),
        ("SCHEDULER_STORE", "redis", "REDIS_URL is missing"),
        ("REDIS_URL", "http://localhost", "is none of redis://"),
        ("DATABASE_URL", "mysql://localhost/x", "is none of postgresql://"),
        ("DATABASE_URL", "sqlite:///:memory:", "no plain path"),
        ("DATABASE_URL", "sqlite:///", "no plain path"),
        ("DATABASE_URL", "sqlite:///x.db?mode=ro", "no plain path"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable_and_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    (line,) = faults_of(monkeypatch, **{name: value})

    assert line.startswith(f"{name}: ")
    assert told in line
    assert "\n" not in line


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = faults_of(monkeypatch, SCHEDULER_PORT="x", SCHEDULER_GRACE="x", SCHEDULER_PROT="80")

    assert [line.partition(":")[0] for line in lines] == ["SCHEDULER_GRACE", "SCHEDULER_PORT", "SCHEDULER_PROT"]


@pytest.mark.parametrize("host", sorted(LOOPBACK))
def test_this_machine_alone_needs_no_login(host: str) -> None:
    assert not load_settings(scheduler_host=host).login_required


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCHEDULER_HOST", "0.0.0.0"),
        ("SCHEDULER_HOST", "::"),
        ("SCHEDULER_HOST", "127.0.0.2"),
        ("SCHEDULER_AUTH", "Required"),
        ("SCHEDULER_ADMIN_TOKEN", SECRET),
        ("SCHEDULER_PUBLIC_URL", "https://scheduler.example.org"),
    ],
)
def test_whoever_opens_the_dashboard_to_others_or_names_a_token_gets_a_login(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    assert load_settings().login_required


def test_the_admin_token_may_lie_in_a_file_that_keeps_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o640)
    monkeypatch.setenv("SCHEDULER_ADMIN_TOKEN_FILE", str(path))

    token = load_settings().scheduler_admin_token

    assert token is not None
    assert token.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        (SECRET, 0o644, "can be read by everybody"),
        (SECRET[:31], 0o600, "at least 32"),
        ("", 0o600, "at least 32"),
        ("ü" * 40, 0o600, "in ASCII"),
        (SECRET * 1_000, 0o600, "too large"),
    ],
)
def test_a_file_that_tells_everybody_or_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str, mode: int, told: str
) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    path.chmod(mode)

    (line,) = faults_of(monkeypatch, SCHEDULER_ADMIN_TOKEN_FILE=str(path))

    assert told in line
    assert SECRET[:31] not in line


def test_a_token_is_named_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = faults_of(monkeypatch, SCHEDULER_ADMIN_TOKEN=SECRET, SCHEDULER_ADMIN_TOKEN_FILE="token")

    assert "unset one of them" in line
    assert SECRET not in line


def test_the_settings_never_show_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_ADMIN_TOKEN", SECRET)

    settings = load_settings()

    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_TRUSTED_PROXIES", "127.0.0.1, 10.1.2.3/8, fd00::/8")

    assert [str(each) for each in load_settings().trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]


def test_a_file_has_one_name_whatever_links_lead_to_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("scheduler.db", "content.db"):
        (tmp_path / name).touch()
        (tmp_path / f"link-{name}").symlink_to(tmp_path / name)
    monkeypatch.setenv("SCHEDULER_STORE_PATH", "link-scheduler.db")
    monkeypatch.setenv("SCHEDULER_CONTENT_PATH", "link-content.db")

    by_path = load_settings()
    monkeypatch.setenv("DATABASE_URL", "sqlite:///link-content.db")
    by_url = load_settings()

    assert by_path.scheduler_store_path == tmp_path / "scheduler.db"
    assert by_path.content_file == by_url.content_file == tmp_path / "content.db"


def test_variables_of_others_are_left_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("SCHEDULER_PORT_8080_TCP_ADDR", "10.0.0.1")

    load_settings()


def test_tasks_and_content_are_two_files(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = faults_of(monkeypatch, DATABASE_URL="sqlite:///var/../var/scheduler.db")

    assert line.startswith("SCHEDULER_STORE_PATH: ")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://app:s3cret@db/x", "postgres://app:***@db/x"),
        ("postgres://app:s3@cr:et@db/x", "postgres://app:***@db/x"),
        ("redis://:s3cret@redis:6379/0", "redis://:***@redis:6379/0"),
        ("redis:/:s3cret@redis:6379/0", "redis:***@redis:6379/0"),
        ("app:s3cret@redis", "app:***@redis"),
        ("redis://app@redis:6379/0", "redis://app@redis:6379/0"),
        (
            "postgres://db/x?user=app&password=s3cret&sslmode=require",
            "postgres://db/x?user=app&password=***&sslmode=require",
        ),
        ("redis://redis:6379/0?api_key=s3cret&db=1", "redis://redis:6379/0?api_key=***&db=1"),
        ("postgres://db/x", "postgres://db/x"),
        ("postgres://db/\x1b[2J\n", "postgres://db/\\x1b[2J\\n"),
    ],
)
def test_a_url_is_shown_on_one_line_without_its_secrets(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_no_secret_is_in_a_refusal_or_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = faults_of(monkeypatch, DATABASE_URL="mysql://app:s3cret@db/x", REDIS_URL="http://:s3cret@r/0")
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///s3cret.db")

    assert len(lines) == 2
    assert "s3cret" not in "".join(lines)
    assert "s3cret" not in repr(load_settings())


def test_settings_do_not_change_after_the_start() -> None:
    settings = load_settings()

    with pytest.raises(ValueError, match="frozen"):
        settings.scheduler_port = 1  # type: ignore[misc]
