"""`peachpie-scheduler`: the commands, each loaded only when it is called, so that help answers at once."""

from importlib import import_module

import click

COMMANDS = {
    "serve": ("serve", "Serve scheduler, worker and dashboard on this machine."),
    "next": ("next_instants", "Show when a schedule fires, without a server."),
    "list": ("tasks", "List the tasks."),
    "get": ("tasks", "Show a task as JSON."),
    "create": ("tasks", "Create a task from a JSON file."),
    "edit": ("edits", "Change a task as a JSON file says."),
    "clone": ("edits", "Create a task like another one."),
    "run": ("tasks", "Run a task now."),
    "pause": ("tasks", "Pause a task."),
    "resume": ("tasks", "Resume a task."),
    "delete": ("tasks", "Delete a task."),
    "apply": ("files", "Make the tasks what a file says."),
    "diff": ("files", "Tell what applying a file would change."),
    "import": ("files", "Make tasks of what another scheduler has: crontab."),
    "undelete": ("versions", "Bring a deleted task back."),
    "versions": ("versions", "List the versions of a task."),
    "restore": ("versions", "Give a task the definition of an earlier version."),
    "explain": ("explain", "Tell why a task did, or did not, run at a time."),
    "executions": ("executions", "List the executions of a task."),
    "execution": ("executions", "Show an execution with its attempts, errors and log."),
    "cancel": ("executions", "Cancel an execution."),
    "dead-letters": ("executions", "List the executions that are dead."),
    "redrive": ("executions", "Run dead executions again."),
    "backfill": ("backfill", "Run a task for occurrences of the past."),
    "health": ("health", "Tell whether the work gets done."),
    "doctor": ("doctor", "Check what the service rests on, and tell what mends it."),
    "hold": ("hold", "Hold all firing, for maintenance."),
    "release": ("hold", "End a hold: firing goes on."),
    "user": ("users", "Add and change the users of the dashboard."),
    "token": ("tokens", "Make and revoke tokens for programs."),
    "access": ("access_records", "Tell what happened at the door, and check the record of it."),
    "store": ("store", "Move the store to another one."),
    "demo": ("demo", "Fill the content database with demonstration data."),
}


def _tell_version(context: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    """The version that is installed; a checkout that was not has none."""
    if not is_asked:
        return
    # Imported here: it takes as long as all the rest of this module, and only this asks for it.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        told = version("peachpie-scheduler")
    except PackageNotFoundError:
        told = "of this checkout"
    click.echo(f"{context.find_root().info_name}, version {told}")
    context.exit()


class LazyGroup(click.Group):
    """A group whose commands live in a module each and are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All of them, in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command, imported now; None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"{__package__}.{COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        assert isinstance(command, click.Command), "every module keeps its commands under this name"
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As usual; an argument that is no text is refused, for no store could keep it."""
        try:
            "".join(args).encode()
        except UnicodeEncodeError:
            raise click.UsageError("an argument is not UTF-8", ctx) from None
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """The list of commands, from the table alone: nothing is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=LazyGroup)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
def main() -> None:
    """PeachPie's task scheduler. Exit codes: 0 ok, 1 findings, 2 usage, 3 conflict, 4 not found, 5 unreachable."""


if __name__ == "__main__":
    main()
