"""`peachpie-scheduler user`: who may come in, for whoever may write the store.

Passwords are asked for on the terminal or read from standard input; as an argument everybody on the machine would
see them.
"""

import sys
from typing import TYPE_CHECKING

import click

from application.scheduling.iso_text import instant
from domain.access.account import User
from domain.access.role import Role
from entrypoints.cli.answers import Output, output_option, print_rows, with_services
from entrypoints.cli.asking import doer

if TYPE_CHECKING:
    from entrypoints.container import Container

OPEN = "Note: the dashboard asks nobody on this machine for a login; SCHEDULER_AUTH=required changes that."

role_option = click.option("--role", type=click.Choice([each.value for each in Role]), required=True)
stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.group("user")
def user_command() -> None:
    """Add and change users, and say who there is."""


@user_command.command("add")
@click.argument("name")
@role_option
@stdin_option
def add(name: str, role: str, password_stdin: bool) -> None:
    """Add the user NAME."""
    password = _password(password_stdin)

    async def added(services: "Container") -> tuple[User, bool]:
        made = await services.manage_users().add(doer(), name, password, Role(role))
        return made, services.settings().login_required

    made, is_closed = with_services(added)
    click.echo(f"Added {made.name} as {made.role}.")
    if not is_closed:
        click.echo(OPEN, err=True)


@user_command.command("list")
@output_option
def list_users(output: Output) -> None:
    """List the users."""
    found = with_services(lambda services: services.manage_users().list())
    rows = [
        {
            "name": each.name,
            "role": each.role.value,
            "added": instant(each.created_at),
            "disabled": instant(each.disabled_at),
        }
        for each in found
    ]
    print_rows(rows, output)


@user_command.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice([each.value for each in Role]))
def set_role(name: str, role: str) -> None:
    """Give the user NAME another ROLE, at once."""
    done = with_services(lambda services: services.manage_users().change(doer(), name, role=Role(role)))
    click.echo(f"{done.name} is {done.role} now.")


@user_command.command("disable")
@click.argument("name")
def disable(name: str) -> None:
    """End every session of the user NAME and let them in no more."""
    done = with_services(lambda services: services.manage_users().change(doer(), name, disabled=True))
    click.echo(f"Disabled {done.name}.")


@user_command.command("enable")
@click.argument("name")
def enable(name: str) -> None:
    """Let the user NAME in again."""
    done = with_services(lambda services: services.manage_users().change(doer(), name, disabled=False))
    click.echo(f"Enabled {done.name}.")


@user_command.command("passwd")
@click.argument("name")
@stdin_option
def passwd(name: str, password_stdin: bool) -> None:
    """Set a new password for the user NAME and end every session."""
    password = _password(password_stdin)
    with_services(lambda services: services.manage_users().reset_password(doer(), name, password))
    click.echo(f"Set the password of {name.strip().lower()}.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked
