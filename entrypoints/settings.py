"""The environment, read once, checked whole before anything starts."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROLES = frozenset({"scheduler", "worker", "admin"})
SQLITE_PREFIXES = ("sqlite:///", "sqlite+aiosqlite:///")
_PASSWORD = re.compile(r"(://[^:/@]*:)[^@]*@")


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

    database_url: str | None = None
    redis_url: str | None = None
    scheduler_store_path: Path = Path("var/scheduler.db")
    scheduler_content_path: Path = Path("var/content.db")
    scheduler_check_interval: Annotated[float, Field(ge=1, le=86_400)] = 60
    scheduler_default_retries: Annotated[int, Field(ge=0, le=100)] = 3
    scheduler_concurrency: Annotated[int, Field(ge=1, le=1_000)] = 5
    scheduler_grace: Annotated[float, Field(ge=0, le=3_600)] = 20
    scheduler_host: str = "127.0.0.1"
    scheduler_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    scheduler_roles: Annotated[frozenset[str], NoDecode] = ROLES
    scheduler_processors: Annotated[tuple[str, ...], NoDecode] = ()
    scheduler_external_types: Annotated[tuple[str, ...], NoDecode] = ()
    scheduler_log_format: Annotated[str, Field(pattern="^(auto|human|json)$")] = "auto"
    scheduler_log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    scheduler_store: Annotated[str | None, Field(pattern="^(sqlite|redis|postgres)$")] = None

    @field_validator("scheduler_roles", "scheduler_processors", "scheduler_external_types", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def content_file(self) -> Path:
        """The SQLite file of the content database."""
        for prefix in SQLITE_PREFIXES:
            if self.database_url and self.database_url.startswith(prefix):
                return Path(self.database_url.removeprefix(prefix))
        return self.scheduler_content_path

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

    Raises InvalidSettingsError with a line for each fault; values of URLs are never shown whole.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # pydantic judges the types
    except ValidationError as error:
        raise InvalidSettingsError(
            tuple(f"{str(found['loc'][0]).upper()}: {found['msg']}" for found in error.errors())
        ) from None
    faults = tuple(_faults(settings))
    if faults:
        raise InvalidSettingsError(faults)
    return settings


def without_password(url: str) -> str:
    """A URL fit to be shown."""
    return _PASSWORD.sub(r"\1***@", url)


def _faults(settings: Settings) -> list[str]:
    faults = []
    if unknown := settings.scheduler_roles - ROLES:
        faults.append(
            f"SCHEDULER_ROLES: no such role: {', '.join(sorted(unknown))} (there are {', '.join(sorted(ROLES))})"
        )
    elif "scheduler" not in settings.scheduler_roles:
        faults.append("SCHEDULER_ROLES: one SQLite file serves one machine, so the scheduler's process starts the rest")
    if settings.redis_url or settings.scheduler_store == "redis":
        faults.append("REDIS_URL: this version keeps its tasks in SQLite (SCHEDULER_STORE_PATH); unset it")
    if settings.scheduler_store == "postgres":
        faults.append("SCHEDULER_STORE: this version keeps its tasks in SQLite (SCHEDULER_STORE_PATH)")
    if settings.database_url and not settings.database_url.startswith(SQLITE_PREFIXES):
        shown = without_password(settings.database_url)
        faults.append(f"DATABASE_URL: {shown} is no SQLite file (sqlite:///path), which this version needs")
    if settings.scheduler_external_types:
        faults.append("SCHEDULER_EXTERNAL_TYPES: external types need Redis, which this version does not use")
    if settings.content_file.resolve() == settings.scheduler_store_path.resolve():
        faults.append("SCHEDULER_STORE_PATH: tasks and content are two files; this is the content database")
    return faults
