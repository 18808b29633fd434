"""Three-way: what was applied last, what the file says, what there is; and what the task is to say after it.

What the file says, holds. What it used to say and no longer does goes back to what it would be without it, unless
somebody has changed it since. Anything else somebody said stays, and is drift: told, and left alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from application.scheduling import json_text
from application.scheduling.declarations.entry import Entry, document_of, field_parts, fields_of
from application.scheduling.differences import DIFFERENCES_MAX, Difference, all_differences
from application.scheduling.drafts import TaskBody, body_from
from application.scheduling.secret_names import with_secrets
from domain.errors import DomainError, InvalidInputError
from domain.pointers import pointer_of
from domain.scheduling.task import Definition

OWNER_TAG = "manager."
"""With this and its name a manager marks the tasks that it has created."""
Define = Callable[[TaskBody, Definition | None], Definition]


@dataclass(frozen=True, slots=True)
class LastApplied:
    """What a manager applied to a task last: the fields its file said, and the definition that came of it."""

    said: frozenset[str]
    definition: Definition


@dataclass(frozen=True, slots=True)
class Merged:
    """What a task is to say; `drift` leads from what the file alone would make of it to what stays."""

    definition: Definition
    enabled: bool | None
    drift: tuple[Difference, ...] = ()


def owner_tag(manager: str) -> str:
    """The tag of the tasks that a manager has created."""
    return f"{OWNER_TAG}{manager}"


def owners_of(definition: Definition) -> tuple[str, ...]:
    """Who has created the task by a file, by the tags it bears."""
    return tuple(tag.removeprefix(OWNER_TAG) for tag in definition.tags if tag.startswith(OWNER_TAG))


def created(entry: Entry, manager: str | None, define: Define) -> Merged:
    """The task a file makes where there is none. Raises InvalidInputError."""
    mark = () if manager is None else (owner_tag(manager),)
    body = body_from(document_of(entry.name, _complete(entry, mark, None)))
    return Merged(define(body, None), body.enabled)


def merged(entry: Entry, live: Definition, define: Define, last: LastApplied | None) -> Merged:
    """What a task that is there is to say. Raises InvalidInputError."""
    now = fields_of(live)
    said = _complete(entry, _marks(live), live)
    # What says everything leaves nothing to drift: exported files, in which it would be half the work.
    alone = None if now.keys() <= entry.said.keys() else _alone(entry, live, said, define)
    returned = {} if last is None or alone is None else _returned(entry, now, last, fields_of(alone))
    fields = {**now, **said, **returned}
    if fields["handler"] is None and live.handler is not None:
        # Null stands for a handler that was left out, which would keep the one it has.
        fields["handler"] = entry.name
    body = body_from(document_of(entry.name, fields))
    definition = define(body, live)
    drift = () if alone is None else tuple(islice(_drift(entry, alone, definition), DIFFERENCES_MAX))
    return Merged(definition, body.enabled, drift)


def _marks(definition: Definition) -> tuple[str, ...]:
    return tuple(tag for tag in definition.tags if tag.startswith(OWNER_TAG))


def _complete(entry: Entry, marks: tuple[str, ...], live: Definition | None) -> dict[str, Any]:
    """What the entry says, with the marks of managers, which no file can give, and the secrets that files leave out."""
    said = dict(entry.said)
    if isinstance(said.get("tags"), list):
        said["tags"] = [tag for tag in said["tags"] if not str(tag).startswith(OWNER_TAG)] + list(marks)
    elif "tags" not in said and marks and live is None:
        said["tags"] = list(marks)
    if isinstance(said.get("payload"), Mapping):
        said["payload"] = _with_secrets(said["payload"], live)
    return said


def _with_secrets(payload: Any, live: Definition | None) -> Any:
    missing: list[tuple[object, ...]] = []
    whole = with_secrets(payload, None if live is None else json_text.read(live.payload_json), missing)
    if missing:
        hint = "write the secret itself once; from then on *** keeps it"
        raise InvalidInputError(
            tuple(
                DomainError(
                    "*** stands for a secret, and there is none to keep",
                    code="no_secret",
                    pointer=pointer_of(("payload", *path)),
                    hint=hint,
                )
                for path in missing
            )
        )
    return whole


def _alone(entry: Entry, live: Definition, said: Mapping[str, Any], define: Define) -> Definition | None:
    """What the file alone would make of the task; None if it would make none, for it leaves too much to others."""
    now = fields_of(live)
    needed = {"schedule": now["schedule"], "task_type": now["task_type"], "tags": list(_marks(live))}
    try:
        return define(body_from(document_of(entry.name, {**needed, **said})), None)
    except InvalidInputError:
        return None


def _returned(entry: Entry, now: Mapping[str, Any], last: LastApplied, alone: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the file has taken back: said when it was applied last, as it was left then, and said no more."""
    then = fields_of(last.definition)
    dropped = (field for field in last.said - entry.said.keys() if field in now)
    return {field: alone[field] for field in dropped if json_text.write(now[field]) == json_text.write(then[field])}


def _drift(entry: Entry, alone: Definition, kept: Definition) -> Iterator[Difference]:
    for difference in all_differences(alone, kept):
        field = field_parts(difference.pointer)[0]
        if field not in entry.said and difference.pointer not in ("/name", "/anchor"):
            yield difference
