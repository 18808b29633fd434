"""`peachpie-scheduler doctor`: whether what the service rests on is as it should be, and what mends what is not.

`health` tells whether the work gets done; this tells why it may not: settings, store and content database, each looked
at by itself, so that one that is away does not hide what is wrong with the next.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import click

from application.fediverse.ports.checkup import Finding
from application.scheduling.explanations.words import counted, sentence
from domain.errors import SchedulerError
from entrypoints.cli.answers import Output, output_option, print_document
from entrypoints.profiles import Profile, open_content, profile_of
from entrypoints.settings import InvalidSettingsError, Settings, load_settings, without_password

EXIT_FINDINGS = 1
_SIGNS = {"well": "ok   ", "slow": "weak ", "problem": "FAULT"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: as it should be, merely slower or weaker than it could be, or a fault."""

    about: Literal["settings", "store", "content"]
    state: Literal["well", "slow", "problem"]
    told: str
    sql: str | None = None


@click.command("doctor")
@output_option
def doctor_command(output: Output) -> None:
    """Check settings, store and content database, and tell what mends what is amiss.

    Tables of ours that are not there yet are made, as by the service. Exit code 1 if anything keeps it from its work.
    """
    checks = asyncio.run(_checked())
    problems = [check for check in checks if check.state == "problem"]
    if output is Output.JSON:
        status = "problems" if problems else "well"
        print_document({"status": status, "checks": [asdict(check) for check in checks]})
    else:
        click.echo("\n".join(line for check in checks for line in _lines(check)))
        click.echo(f"{counted(len(problems), 'fault')}." if problems else "Nothing keeps the service from its work.")
    sys.exit(EXIT_FINDINGS if problems else 0)


async def _checked() -> Sequence[Check]:
    try:
        settings = load_settings()
        profile = profile_of(settings)
        profile.check()
    except InvalidSettingsError as error:
        return [Check("settings", "problem", line) for line in error.lines]
    content = settings.postgres_url or str(settings.content_file)
    told = f"The {settings.store} store {profile.where}; content in {without_password(content)}."
    store = [check async for check in _of_store(profile)]
    return [Check("settings", "well", told), *store, *[check async for check in _of_content(settings)]]


async def _of_store(profile: Profile) -> AsyncIterator[Check]:
    try:
        async with profile.open_begun_store() as stores:
            weakness = stores.weakness()
    except SchedulerError as error:
        yield Check("store", "problem", str(error))
        return
    yield Check("store", "well", "Reached, and of a version that this program serves.")
    if weakness:
        yield Check("store", "slow", weakness)


async def _of_content(settings: Settings) -> AsyncIterator[Check]:
    try:
        async with open_content(settings) as content:
            findings = await content.checkup.findings()
    except (SchedulerError, InvalidSettingsError) as error:
        yield Check("content", "problem", str(error))
        return
    whose = "an application's tables" if content.has_application else "tables of our own"
    yield Check("content", "well", f"Reached: {whose}, with every column that the tasks need.")
    for check in _of_findings(findings):
        yield check


def _of_findings(findings: Sequence[Finding]) -> Iterator[Check]:
    for finding in findings:
        yield Check("content", "problem" if finding.stops_tasks else "slow", finding.told, finding.sql)


def _lines(check: Check) -> Iterator[str]:
    yield f"{_SIGNS[check.state]}  {check.about:<8}  {sentence(check.told)}"
    if check.sql is not None:
        yield f"{'':17}{check.sql}"
