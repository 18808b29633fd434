"""A crontab read as a declarative file: each of its lines a task whose payload is the command.

Nothing of a command is ever run by us: a processor takes it as `{"command": …}` and decides. What a crontab says beside
its lines (MAILTO, PATH and the like) is told to no task.
"""

import re
from collections.abc import Container, Iterator
from itertools import count

from application.scheduling import json_text
from application.scheduling.declarations.entry import Entry, entry_of
from application.scheduling.declarations.reading import TASKS_MAX, DeclaredFile
from domain.errors import DomainError, InvalidInputError, InvalidTaskError
from domain.pointers import pointer_of

NAME_CHARACTERS_MAX = 60
_SETTING = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_ZONES = frozenset({"CRON_TZ", "TZ"})
_JOB = re.compile(r"\s*(@[A-Za-z]+|\S+(?:[ \t]+\S+){4})[ \t]+(\S.*)")
_NOT_OF_NAMES = re.compile(r"[^A-Za-z0-9._]+")


def from_crontab(raw: bytes, *, task_type: str, handler: str, timezone: str) -> DeclaredFile:
    """The tasks of a user's crontab; each is named by its command, and by a number where two are alike.

    CRON_TZ and TZ say the time zone of the lines behind them, `timezone` that of those before (crontab(5)). Raises
    DomainError for what is no text, and InvalidInputError with every line that is no job, setting or comment.
    """
    entries: dict[str, Entry] = {}
    lines: dict[str, int] = {}
    faults: list[DomainError] = []
    for number, line in _told(json_text.decoded(raw)):
        if setting := _SETTING.fullmatch(line):
            timezone = setting[2].strip().strip("\"'") if setting[1] in _ZONES else timezone
        elif job := _JOB.fullmatch(line):
            name = _free_name(job[2], entries)
            said = {"schedule": {"cron": job[1]}, "timezone": timezone, "payload": {"command": job[2].rstrip()}}
            entries[name], _ = entry_of(name, {**said, "task_type": task_type, "handler": handler}, {})
            lines[pointer_of(("tasks", name))] = number
        else:
            hint = "five fields, or @daily and its like, and then the command"
            faults.append(DomainError(f"line {number:,}: this is no job", code="no_job", hint=hint))
    if faults:
        raise InvalidInputError(tuple(faults))
    if len(entries) > TASKS_MAX:
        raise InvalidTaskError(f"{len(entries):,} lines, and at most {TASKS_MAX:,} are read", code="too_many")
    return DeclaredFile(None, tuple(entries.values()), (), lines)


def _told(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, with their numbers."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def _free_name(command: str, taken: Container[str]) -> str:
    """The program without its path, and what follows, made a name that no line before has."""
    program, *arguments = command.split()
    told = " ".join((program.rpartition("/")[2], *arguments))
    name = _NOT_OF_NAMES.sub("-", told)[:NAME_CHARACTERS_MAX].strip("-.") or "job"
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(each for each in names if each not in taken)
