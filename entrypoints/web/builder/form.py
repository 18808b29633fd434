"""The fields of the form of a task: what they hold for a definition, and the API's body that they stand for.

The body is judged where every body is; here a field only becomes what it means, and whatever it may be is handed on.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from application.scheduling.conflicts import ROWS_MAX
from application.scheduling.documents import Document
from application.scheduling.drafts import body_from, define
from application.scheduling.iso_text import duration, instant
from domain.errors import DomainError, InvalidInputError, InvalidScheduleError
from domain.scheduling.cron.zone import zone
from domain.scheduling.identifiers import EPOCH
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.schedule_text import text_of
from domain.scheduling.task import NAME_MAX, Definition
from entrypoints.web.builder import tabs
from entrypoints.web.builder.payload_form import INPUTS_MAX
from entrypoints.web.words.wording import pretty

_SEPARATORS = re.compile(r"[,\s]+")
_VERSION = re.compile(r"[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)
_COPY = " (copy)"
# For judging everything else where the tab cannot be read.
_READABLE = {"schedule_type": "one_time", "schedule": "2100-01-01T00:00:00Z"}
Fields = Mapping[str, str]

GENERAL = {
    **dict.fromkeys(("name", "task_type", "handler", "description", "tags", "reason", "token", "version"), ""),
    **dict.fromkeys(("now_version", "to", "payload_for"), ""),
    "delivery": "managed",
    "timezone": "UTC",
    "payload": "{}",
    "payload_as": "form",
}
POLICY = {
    "misfire": "latest",
    "grace": "",
    "catch_up_max": "100",
    "overlap": "",
    "max_retries": "",
    "backoff_kind": "exponential",
    "backoff_initial": "30s",
    "backoff_cap": "30m",
    "backoff_delays": "",
    "timeout": "",
    "start_at": "",
    "end_at": "",
    "max_runs": "",
    "jitter": "0s",
    "fail_after": "3",
}
"""The policies of a new task; what is empty is up to the handler, or without a limit."""
NEW = {**GENERAL, **tabs.EMPTY, **POLICY}
BLANK = dict.fromkeys(NEW, "")
"""A form that was sent says of a box that is not ticked nothing at all."""
FIELDS_MAX = len(NEW) + max(INPUTS_MAX, ROWS_MAX)
"""The fields of a form are followed by a payload's inputs, or else by what is chosen over a conflict."""


def fields_of(definition: Definition) -> dict[str, str]:
    """The fields that stand for a definition, exactly."""
    return {
        **NEW,
        **tabs.fields_of(definition.schedule_text, definition.schedule.kind),
        "name": definition.name,
        "task_type": definition.task_type,
        "handler": definition.handler or "",
        "delivery": definition.delivery.value,
        "description": definition.description,
        "tags": ", ".join(definition.tags),
        "timezone": definition.timezone,
        "payload": pretty(definition.payload_json),
        **_policy_fields(definition.policy, definition.timezone),
    }


def copied(definition: Definition) -> dict[str, str]:
    """The fields of a new task like this one: another name, the same handler, and a beginning of its own."""
    name = definition.name[: NAME_MAX - len(_COPY)] + _COPY
    return {**fields_of(definition), "name": name, "handler": definition.handler_name}


def document_of(fields: Fields, *, present: Definition | None = None) -> Document:
    """The API's body for the fields, its payload as JSON text.

    `present` is what is edited: a handler that is taken away leaves the name to say what runs. Raises InvalidInputError
    if the tab cannot be read, with the faults of all the other fields too.
    """
    rest = _beside_schedule(fields, present)
    try:
        return {**schedule_document(fields), **rest}
    except InvalidScheduleError as unreadable:
        instead = {**_READABLE, "timezone": fields["timezone"].strip(), **rest}
        raise InvalidInputError((unreadable, *_faults_of(instead))) from None


def brief_of(document: Document) -> Document:
    """A new task's body without what the fields of an empty form say, too: left out, it means the same."""
    usual = _beside_schedule(NEW, None)
    policy = {name: value for name, value in document["policy"].items() if value != usual["policy"][name]}
    said = {name: value for name, value in document.items() if name == "payload" or value != usual.get(name)}
    said.pop("policy", None)
    return {**said, "policy": policy} if policy else said


def _beside_schedule(fields: Fields, present: Definition | None) -> Document:
    name, handler = fields["name"].strip(), fields["handler"].strip()
    if not handler and present is not None and present.handler is not None:
        handler = name
    return {
        "name": name,
        "task_type": fields["task_type"].strip(),
        **({"handler": handler} if handler else {}),
        **({"delivery": fields["delivery"]} if fields["delivery"] else {}),
        "description": fields["description"].replace("\r\n", "\n"),
        "tags": [tag for tag in _SEPARATORS.split(fields["tags"]) if tag],
        "payload": fields["payload"],
        **({"max_retries": _number(fields["max_retries"])} if fields["max_retries"].strip() else {}),
        "policy": _policy(fields),
        "if_past": "run_now" if fields["if_past"] else "refuse",
        "reason": fields["reason"].strip(),
    }


def _faults_of(document: Document) -> tuple[DomainError, ...]:
    try:
        define(body_from(document), now=EPOCH)
    except InvalidInputError as error:
        return error.faults
    return ()


def schedule_document(fields: Fields) -> Document:
    """What of the body says when. Raises InvalidScheduleError."""
    written, timezone = tabs.written_in(fields), fields["timezone"].strip()
    anchor = fields["every_from"] if tabs.tab_of(fields) is tabs.Tab.EVERY else ""
    return {
        "schedule_type": written.kind.value,
        "schedule": written.text,
        "timezone": timezone,
        **({"anchor": _at(anchor, timezone)} if anchor.strip() else {}),
    }


def preview_document(fields: Fields) -> Document:
    """A body that says when, and nothing else that could be wrong. Raises InvalidScheduleError."""
    policy = {name: value for name, value in _policy(fields).items() if name in ("start_at", "end_at", "jitter")}
    return {
        **schedule_document(fields),
        "name": "preview",
        "task_type": "preview",
        "policy": {**policy, "max_runs": _number(fields["max_runs"]) if fields["max_runs"].strip() else None},
        "if_past": "run_now" if fields["if_past"] else "refuse",
    }


def version_of(fields: Fields) -> int | None:
    """The version of the task that the form began with; None: it does not say."""
    version = fields.get("version", "")
    return int(version) if _VERSION.fullmatch(version) else None


def _policy(fields: Fields) -> Document:
    timezone = fields["timezone"].strip()
    return {
        "misfire": fields["misfire"],
        "grace": _given(fields["grace"]),
        "catch_up_max": _number(fields["catch_up_max"]),
        "overlap": _given(fields["overlap"]),
        "backoff": {
            "kind": fields["backoff_kind"],
            "initial": fields["backoff_initial"].strip(),
            "cap": fields["backoff_cap"].strip(),
            "delays": [each for each in _SEPARATORS.split(fields["backoff_delays"]) if each],
        },
        "timeout": _given(fields["timeout"]),
        "start_at": _at(fields["start_at"], timezone),
        "end_at": _at(fields["end_at"], timezone),
        "max_runs": _number(fields["max_runs"]) if fields["max_runs"].strip() else None,
        "jitter": fields["jitter"].strip() or "0s",
        "fail_after": _number(fields["fail_after"]) if fields["fail_after"].strip() else None,
    }


def _policy_fields(policy: ExecutionPolicy, timezone: str) -> dict[str, str]:
    backoff = policy.retry.backoff
    return {
        "misfire": policy.misfire.value,
        "grace": _length(policy.grace),
        "catch_up_max": str(policy.catch_up_max),
        "overlap": policy.overlap.value,
        "max_retries": str(policy.retry.max_retries),
        "backoff_kind": backoff.kind.value,
        "backoff_initial": _length(backoff.initial),
        "backoff_cap": _length(backoff.cap),
        "backoff_delays": ", ".join(map(_length, backoff.delays)),
        "timeout": _length(policy.timeout),
        "start_at": _wall_text(policy.start_at, timezone),
        "end_at": _wall_text(policy.end_at, timezone),
        "max_runs": "" if policy.max_runs is None else str(policy.max_runs),
        "jitter": _length(policy.jitter),
        "fail_after": "" if policy.fail_after is None else str(policy.fail_after),
    }


def _given(text: str) -> str | None:
    return text.strip() or None


def _number(text: str) -> int | str:
    return int(text) if _NUMBER.fullmatch(text.strip()) else text.strip()


def _length(length: timedelta | None) -> str:
    """A duration as people write it, `1h30m`; one with a part of a second in ISO 8601."""
    if length is None:
        return ""
    return duration(length) if length.microseconds else text_of(length) or "0s"


def _at(text: str, timezone: str) -> str | None:
    """An instant for the API: wall time in the task's zone, unless the text has an offset; else the text itself."""
    if not text.strip():
        return None
    try:
        return instant(OneTimeSchedule.parse(text.strip(), timezone).at)
    except InvalidScheduleError:
        return text.strip()


def _wall_text(at: datetime | None, timezone: str) -> str:
    """The shortest text that reads back as this instant: wall time, with its offset where the clocks show it twice."""
    if at is None:
        return ""
    local = at.astimezone(zone(timezone))
    whole = not (local.second or local.microsecond)
    text = f"{local:%Y-%m-%dT%H:%M}" if whole else local.replace(tzinfo=None).isoformat()
    return text if OneTimeSchedule.parse(text, timezone).at == at else local.isoformat()
