"""The environment, read once, checked whole before anything starts."""

import os
import re
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from application.scheduling.secret_names import SECRET_NAME
from application.scheduling.services.task_quota import TASKS_MAX
from domain.errors import DomainError
from domain.scheduling.task import check_identifier
from entrypoints.secret_files import read_secret

ROLES = frozenset({"scheduler", "worker", "admin"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SQLITE_PREFIXES = ("sqlite:///", "sqlite+aiosqlite:///")
POSTGRES_PREFIXES = ("postgresql://", "postgres://", "postgresql+asyncpg://")
REDIS_PREFIXES = ("redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://")
MEMORY_PATHS = frozenset({"", ".", ":memory:"})
ADMIN_TOKEN_MIN = 32
ADMIN_SECRETS = frozenset({"SCHEDULER_ADMIN_TOKEN", "SCHEDULER_ADMIN_TOKEN_FILE"})
_ADMIN_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# Up to the last @: a password may contain the sign itself. A URL that lacks a slash has one, too.
_PASSWORD = re.compile(r"(://[^:/@]*:|:(?!//)).*@", re.DOTALL)
_SECRET_OPTION = re.compile(rf"([?&][^=&]*{SECRET_NAME}[^=&]*=)[^&]*", re.IGNORECASE)


class InvalidSettingsError(Exception):
    """The environment asks for something impossible; every line says what, where and what would be right."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class Settings(BaseSettings):
    """Everything that can be set, by environment variables named in capitals as the fields are.

    Frozen: nothing changes it after the start. Durations are seconds.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: Annotated[str | None, Field(repr=False)] = None
    redis_url: Annotated[str | None, Field(repr=False)] = None
    scheduler_store_path: Path = Path("var/scheduler.db")
    scheduler_content_path: Path = Path("var/content.db")
    scheduler_content_schema: Path | None = None
    scheduler_check_interval: Annotated[float, Field(ge=1, le=86_400)] = 60
    scheduler_default_retries: Annotated[int, Field(ge=0, le=100)] = 3
    scheduler_concurrency: Annotated[int, Field(ge=1, le=1_000)] = 5
    scheduler_tasks_max: Annotated[int, Field(ge=1, le=1_000_000_000)] = TASKS_MAX
    scheduler_grace: Annotated[float, Field(ge=0, le=3_600)] = 20
    scheduler_host: str = "127.0.0.1"
    scheduler_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    scheduler_metrics_host: str = "127.0.0.1"
    scheduler_metrics_port: Annotated[int | None, Field(ge=0, le=65_535)] = None
    scheduler_metrics_names: Annotated[frozenset[str], NoDecode] = frozenset()
    scheduler_roles: Annotated[frozenset[str], NoDecode] = ROLES
    scheduler_processors: Annotated[tuple[str, ...], NoDecode] = ()
    scheduler_external_types: Annotated[tuple[str, ...], NoDecode] = ()
    scheduler_auth: Annotated[str, Field(pattern="^(auto|required)$")] = "auto"
    scheduler_admin_token: SecretStr | None = None
    scheduler_admin_token_file: Path | None = None
    scheduler_viewers_see_payloads: bool = False
    scheduler_public_url: str | None = None
    scheduler_trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    scheduler_log_format: Annotated[str, Field(pattern="^(auto|human|json)$")] = "auto"
    scheduler_log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    scheduler_store: Annotated[str | None, Field(pattern="^(sqlite|redis|postgres)$")] = None

    @field_validator(
        "scheduler_roles",
        "scheduler_processors",
        "scheduler_external_types",
        "scheduler_trusted_proxies",
        "scheduler_metrics_names",
        mode="before",
    )
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("scheduler_log_format", "scheduler_log_level", "scheduler_store", "scheduler_auth", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @property
    def content_file(self) -> Path:
        """The SQLite file of the content database."""
        for prefix in SQLITE_PREFIXES:
            if self.database_url and self.database_url.startswith(prefix):
                return Path(os.path.realpath(self.database_url.removeprefix(prefix)))
        return self.scheduler_content_path

    @property
    def postgres_url(self) -> str | None:
        """The address of the content database where that is a PostgreSQL, which can hold the tasks as well."""
        url = self.database_url
        return url if url and url.startswith(POSTGRES_PREFIXES) else None

    @property
    def store(self) -> str:
        """Which store holds the tasks: "sqlite", "redis" or "postgres"."""
        return self.scheduler_store or ("redis" if self.redis_url else "postgres" if self.postgres_url else "sqlite")

    @property
    def has_streams(self) -> bool:
        """Whether there are streams of external types: in the Redis that is the store, or in one beside PostgreSQL."""
        return bool(self.redis_url) and self.store != "sqlite"

    @property
    def login_required(self) -> bool:
        """True unless one file serves one machine, the dashboard is open to it alone, and nobody asked for a login."""
        asked_for = self.scheduler_auth == "required" or self.scheduler_admin_token is not None
        asked_for = asked_for or self.store != "sqlite"
        return asked_for or self.scheduler_public_url is not None or self.scheduler_host not in LOOPBACK

    @property
    def trusted_proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Whose word is taken for the address a request came from."""
        return tuple(ip_network(each, strict=False) for each in self.scheduler_trusted_proxies)

    @property
    def grace(self) -> timedelta:
        """How long running handlers may finish when the service is told to stop."""
        return timedelta(seconds=self.scheduler_grace)

    @property
    def check_interval(self) -> timedelta:
        """The pace of the slower passes."""
        return timedelta(seconds=self.scheduler_check_interval)


def load_settings(**overrides: object) -> Settings:
    """The settings of this process, options of the command line (those that are not None) going first.

    Paths come back absolute and without symbolic links, so that a file has one name and with it one lock. Raises
    InvalidSettingsError with a line for each fault; values of URLs are never shown whole.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # pydantic judges the types
    except ValidationError as error:
        found = [f"{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors(include_input=False)]
        raise InvalidSettingsError((*found, *_misspelt())) from None
    settings, unread = _with_secrets(settings)
    if faults := (*_faults(settings), *unread, *_misspelt()):
        raise InvalidSettingsError(faults)
    return settings.model_copy(
        update={
            name: Path(os.path.realpath(getattr(settings, name)))
            for name in ("scheduler_store_path", "scheduler_content_path")
        }
    )


def _with_secrets(settings: Settings) -> tuple[Settings, list[str]]:
    """The settings with what lies in files, and what is wrong with those."""
    path, name = settings.scheduler_admin_token_file, "SCHEDULER_ADMIN_TOKEN_FILE"
    if path is None:
        return settings, []
    if settings.scheduler_admin_token is not None:
        return settings, [f"{name}: SCHEDULER_ADMIN_TOKEN is set as well; unset one of them"]
    try:
        return settings.model_copy(update={"scheduler_admin_token": SecretStr(read_secret(path))}), []
    except ValueError as error:
        return settings, [f"{name}: {error}"]


def without_password(url: str) -> str:
    """A URL fit to be shown: its secrets masked, on one line."""
    masked = _SECRET_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1***@", url))
    return masked.encode("unicode_escape").decode()


def url_in(name: str) -> str:
    """The URL in an environment variable, which no message shows. Raises InvalidSettingsError if there is none."""
    # What is no name may be a URL itself.
    if _VARIABLE.fullmatch(name) is None:
        raise InvalidSettingsError(("env: is followed by the name of an environment variable",))
    if not (url := os.environ.get(name, "").strip()):
        raise InvalidSettingsError((f"{name} is not set in the environment",))
    return url


def workers_environment() -> dict[str, str]:
    """The environment for processes that run handlers: without what opens the admin, whose code must not come by it."""
    return {name: value for name, value in os.environ.items() if name.upper() not in ADMIN_SECRETS}


def _misspelt() -> list[str]:
    """Variables that look like one of ours and aren't: ignored, a typing error would be found much later."""
    known = {name.upper() for name in Settings.model_fields}
    faults = []
    for name in sorted(each.upper() for each in os.environ if each.upper().startswith("SCHEDULER_")):
        meant = get_close_matches(name, known, n=1, cutoff=0.9)
        if name not in known and meant:
            faults.append(f"{name}: there is no such setting; did you mean {meant[0]}?")
    return faults


def _faults(settings: Settings) -> list[str]:
    return [
        *_role_faults(settings),
        *_access_faults(settings),
        *_store_faults(settings),
        *_database_faults(settings),
    ]


def _role_faults(settings: Settings) -> list[str]:
    roles = settings.scheduler_roles
    if unknown := roles - ROLES:
        known = ", ".join(sorted(ROLES))
        return [f"SCHEDULER_ROLES: no such role: {', '.join(map(repr, sorted(unknown)))} (there are {known})"]
    if not roles:
        return [f"SCHEDULER_ROLES: name at least one of {', '.join(sorted(ROLES))}"]
    if "scheduler" not in roles and settings.store == "sqlite":
        return ["SCHEDULER_ROLES: one SQLite file serves one machine, so the scheduler's process starts the rest"]
    return []


def _access_faults(settings: Settings) -> list[str]:
    faults = []
    if (token := settings.scheduler_admin_token) is not None and not _is_strong(token.get_secret_value()):
        told = f"at least {ADMIN_TOKEN_MIN} letters, digits and signs in ASCII, such as `openssl rand -hex 32` prints"
        faults.append(f"SCHEDULER_ADMIN_TOKEN: {told}")
    if (url := settings.scheduler_public_url) is not None and not _is_origin(url):
        shown = without_password(url)
        faults.append(f"SCHEDULER_PUBLIC_URL: {shown} is not of the form https://scheduler.example.org, without a path")
    for each in settings.scheduler_trusted_proxies:
        try:
            ip_network(each, strict=False)
        except ValueError:
            faults.append(f"SCHEDULER_TRUSTED_PROXIES: {each!r} is no IP address and no network such as 10.0.0.0/8")
    return faults


def _is_strong(token: str) -> bool:
    return len(token) >= ADMIN_TOKEN_MIN and _ADMIN_TOKEN.fullmatch(token) is not None


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return False
    return bool(named) and "@" not in parts.netloc and parts.path in ("", "/") and not (parts.query or parts.fragment)


def _store_faults(settings: Settings) -> list[str]:
    faults = []
    if settings.redis_url and not settings.redis_url.startswith(REDIS_PREFIXES):
        faults.append(f"REDIS_URL: {without_password(settings.redis_url)} is none of {', '.join(REDIS_PREFIXES)}")
    if settings.scheduler_store == "postgres" and not settings.postgres_url:
        faults.append(
            "SCHEDULER_STORE: DATABASE_URL must name a PostgreSQL, as in postgresql://me:secret@localhost/app"
        )
    if settings.scheduler_store == "redis" and not settings.redis_url:
        faults.append("SCHEDULER_STORE: REDIS_URL is missing, such as redis://localhost:6379/0")
    if settings.scheduler_external_types and not settings.has_streams:
        told = "a store in a file feeds none" if settings.redis_url else "these Redis (REDIS_URL)"
        faults.append(f"SCHEDULER_EXTERNAL_TYPES: external types need their streams, and {told}")
    for each in settings.scheduler_external_types:
        try:
            check_identifier("", each)
        except DomainError as error:
            faults.append(f"SCHEDULER_EXTERNAL_TYPES: {each!r} is no task type: {error}")
    if str(settings.scheduler_store_path) in MEMORY_PATHS:
        faults.append("SCHEDULER_STORE_PATH: the path of a file, such as var/scheduler.db")
    return faults


def _database_faults(settings: Settings) -> list[str]:
    url = settings.database_url
    if settings.postgres_url:
        return []
    if url and not url.startswith(SQLITE_PREFIXES):
        known = ", ".join((*POSTGRES_PREFIXES, SQLITE_PREFIXES[0]))
        return [f"DATABASE_URL: {without_password(url)} is none of {known}"]
    if url and (url.partition(":///")[2] in MEMORY_PATHS or "?" in url):
        return [f"DATABASE_URL: {without_password(url)} is no plain path of a file (sqlite:///path)"]
    if os.path.realpath(settings.content_file) == os.path.realpath(settings.scheduler_store_path):
        return ["SCHEDULER_STORE_PATH: tasks and content are two files; this is the content database"]
    return []
