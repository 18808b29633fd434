"""Stores as commands are told of them: by a URL, or by the environment variable that has it."""

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from domain.errors import SchedulerError
from entrypoints.cli.answers import EXIT_USAGE, fail, note

if TYPE_CHECKING:
    from entrypoints.stores import MovableStores

FROM_ENVIRONMENT = "env:"


class StoreUrl(click.ParamType[str]):
    """A URL, or `env:NAME`: one in an environment variable, which the list of processes shows to nobody else."""

    name = "URL"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The URL itself. A password on the command line is pointed out."""
        # Imported here: usage errors and help need not wait for what reads the settings.
        from entrypoints.settings import InvalidSettingsError, url_in, without_password  # noqa: PLC0415

        if value.startswith(FROM_ENVIRONMENT):
            try:
                return url_in(value.removeprefix(FROM_ENVIRONMENT))
            except InvalidSettingsError as error:
                self.fail(str(error), param, ctx)
        if without_password(value) != value:
            note("Others on this machine can see the password in the list of processes; env:NAME keeps it from them.")
        return value


def carried_out(use: Callable[[], Awaitable[Any]]) -> Any:
    """What `use` answers; errors end the command."""
    # Imported here: usage errors and help need not wait for the database drivers.
    import asyncio  # noqa: PLC0415

    from entrypoints.settings import InvalidSettingsError  # noqa: PLC0415

    async def awaited() -> Any:
        return await use()

    try:
        return asyncio.run(awaited())
    except InvalidSettingsError as error:
        click.echo("\n".join(error.lines), err=True)
        sys.exit(EXIT_USAGE)
    except SchedulerError as error:
        fail(error)


def with_store(url: str, use: "Callable[[MovableStores, str], Awaitable[Any]]", *, begun: bool = True) -> Any:
    """What `use` answers, given the store at a URL, served or not, and where that is, as people may see it."""

    async def opened() -> Any:
        from entrypoints.profiles import profile_at  # noqa: PLC0415

        profile = profile_at(url)
        profile.check()
        async with profile.open_for_transfer(begun=begun) as stores:
            return await use(stores, profile.where)

    return carried_out(opened)
