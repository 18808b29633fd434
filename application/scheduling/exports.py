"""All tasks as a file: declarative, in YAML or JSON, to be kept beside code; or as a crontab, which loses things.

What is written is what people say of tasks, every policy spelled out, so that it means the same wherever it is read. No
account and no token is in there, nor is what bears the name of a secret in a payload. Each format is made
piece by piece, so that no file has to fit into memory.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from application.scheduling import json_text
from application.scheduling.documents import Document, definition_document
from application.scheduling.iso_text import instant
from application.scheduling.secret_names import without_secrets
from domain.scheduling.schedule import IntervalSchedule, ScheduleType
from domain.scheduling.task import ScheduledTask, TaskStatus

API_VERSION = "scheduler/v1"
_WRITTEN_AS = {ScheduleType.CRON: "cron", ScheduleType.INTERVAL: "every", ScheduleType.ONE_TIME: "at"}
_LEFT_OUT_FIELDS = frozenset({"name", "schedule_type", "schedule", "schedule_sentence", "anchor"})
_PLAIN_NAME = re.compile(r"[a-z_]+", re.ASCII)
# What JSON lets stand in a text, but YAML does not.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# Numbers, ranges, steps and names: what else our expressions know (L, W, #, seconds) cron does not.
_CRONTAB_FIELD = r"(?:[0-9*,/-]|[A-Za-z]{3})+"
_CRONTAB_FIELDS = re.compile(rf"{_CRONTAB_FIELD}(?:[ \t]+{_CRONTAB_FIELD}){{4}}", re.ASCII)
_CRONTAB_LOSSES = """\
# Made of the tasks that a crontab can tell. It loses what cron does not know: time-outs, retries, what becomes of runs
# that are late or overlap, jitter, beginnings, ends and limits. CRON_TZ is read by cronie, not by every cron.
"""


class ExportFormat(StrEnum):
    """What the file is written in."""

    YAML = "yaml"
    JSON = "json"
    CRONTAB = "crontab"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file of a format is put together: its beginning, each task (is it the first?) or `nothing`, its end."""

    media_type: str
    beginning: str
    task: Callable[[ScheduledTask, bool], str]
    end: str = ""
    nothing: str = ""


def declared(task: ScheduledTask) -> Document:
    """A task as its entry in a declarative file; its name is the key of the entry."""
    definition = definition_document(task.definition)
    kind, schedule = ScheduleType(definition["schedule_type"]), task.definition.schedule
    told: Document = {"schedule": {_WRITTEN_AS[kind]: definition["schedule"]}}
    if isinstance(schedule, IntervalSchedule):
        told["schedule"]["anchor"] = instant(schedule.anchor)
    told |= {name: value for name, value in definition.items() if name not in _LEFT_OUT_FIELDS}
    told["payload"] = without_secrets(definition["payload"])
    if task.status in (TaskStatus.PAUSED, TaskStatus.FAILED):
        told["enabled"] = False
    return told


def _in_json(task: ScheduledTask, is_first: bool) -> str:
    return f"{'' if is_first else ','}\n{_text(task.definition.name)}: {json_text.write(declared(task))}"


def _in_yaml(task: ScheduledTask, _is_first: bool) -> str:
    return "\n".join(["", f"  {_text(task.definition.name)}:", *_lines(declared(task), "    ")])


def _lines(document: Mapping[str, Any], indent: str) -> list[str]:
    """A block mapping: objects with something in them line by line, anything else as JSON, which YAML contains."""
    lines: list[str] = []
    for name, value in document.items():
        key = f"{indent}{name if _PLAIN_NAME.fullmatch(name) else _text(name)}:"
        if isinstance(value, Mapping) and value:
            lines += [key, *_lines(value, indent + "  ")]
        else:
            lines.append(f"{key} {_text(value)}")
    return lines


def _in_crontab(task: ScheduledTask, _is_first: bool) -> str:
    definition = task.definition
    expression = definition.schedule_text
    told = f"\n# {definition.name}\n"
    if definition.schedule.kind is not ScheduleType.CRON or not _CRONTAB_FIELDS.fullmatch(expression):
        return f"{told}# cannot be told in a crontab: {definition.schedule.kind} {expression}\n"
    is_off = task.status is not TaskStatus.ACTIVE
    line = f"{expression} peachpie-scheduler run {task.id}"
    return f"{told}CRON_TZ={definition.timezone}\n{f'# {task.status}: ' if is_off else ''}{line}\n"


def _text(value: Any) -> str:
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text.write(value))


LAYOUTS = {
    ExportFormat.JSON: Layout("application/json", f'{{"apiVersion": "{API_VERSION}", "tasks": {{', _in_json, "\n}}\n"),
    ExportFormat.YAML: Layout("application/yaml", f"apiVersion: {API_VERSION}\ntasks:", _in_yaml, "\n", " {}"),
    ExportFormat.CRONTAB: Layout("text/plain", _CRONTAB_LOSSES, _in_crontab),
}
