"""`peachpie-scheduler token`: keys for programs, for whoever may write the store."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from application.scheduling.iso_text import instant
from domain.access.account import TOKEN_LIFE_MAX
from domain.access.role import Role
from entrypoints.cli.answers import Output, output_option, print_rows, with_services
from entrypoints.cli.asking import doer

if TYPE_CHECKING:
    from application.scheduling.services.manage_tokens import NewToken
    from entrypoints.container import Container


@click.group("token")
def token_command() -> None:
    """Make and revoke tokens for programs, and say which there are."""


@token_command.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice([each.value for each in Role]), required=True)
@click.option("--user", "owner", help="Whose token it is: it may no more than this user. [nobody's]")
@click.option("--days", type=click.IntRange(1, TOKEN_LIFE_MAX.days), help="For how long it is good. [for ever]")
def create(name: str, role: str, owner: str | None, days: int | None) -> None:
    """Make the token NAME and print it, this once."""

    async def made(services: "Container") -> "NewToken":
        expires_at = None if days is None else services.clock().now() + timedelta(days=days)
        return await services.manage_tokens().create(doer(), name, Role(role), owner=owner, expires_at=expires_at)

    click.echo(with_services(made).secret)
    click.echo("Keep it now: it is shown this once.", err=True)


@token_command.command("list")
@output_option
def list_tokens(output: Output) -> None:
    """List the tokens, without what is secret of them."""
    found = with_services(lambda services: services.manage_tokens().list())
    rows = [
        {
            "id": each.id,
            "name": each.actor,
            "role": each.role.value,
            "last used": instant(each.used_at),
            "expires": instant(each.expires_at),
        }
        for each in found
    ]
    print_rows(rows, output)


@token_command.command("revoke")
@click.argument("token")
def revoke(token: str) -> None:
    """Revoke TOKEN (its id, as the list has it) at once and for good."""
    gone = with_services(lambda services: services.manage_tokens().revoke(doer(), token))
    click.echo(f"Revoked {gone.actor}.")
