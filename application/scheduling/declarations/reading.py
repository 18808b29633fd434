"""A declarative file read into its entries: all of it, or none with every fault told by its place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from application.scheduling import json_text
from application.scheduling.declarations import yaml_text
from application.scheduling.declarations.entry import Entry, entry_of, said_in
from application.scheduling.drafts import Faults, faults_of
from domain.errors import DomainError, InvalidInputError, InvalidTaskError
from domain.pointers import pointer_of
from domain.scheduling.task import check_identifier

TASKS_MAX = 2_000
MANAGER_MAX = 50
MANAGER_HINT = f"a name for whoever keeps the file, such as billing-repo: {MANAGER_MAX} characters at most"


class FileBody(BaseModel):
    """Tasks by their names, as `GET /api/export` writes them; `defaults` are for every task that says nothing else.

    `manager` names whoever keeps the file: what it has created is marked as its own.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    apiVersion: Literal["scheduler/v1"]  # noqa: N815 - the name it has in files
    manager: str | None = None
    defaults: dict[str, Any] = Field(default_factory=dict)
    tasks: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class DeclaredFile:
    """What a file says, entry by entry; `faults` are those of shape, which its reader tells with all others.

    `lines` has the line of each place, where the format tells it.
    """

    manager: str | None
    entries: tuple[Entry, ...]
    faults: tuple[DomainError, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)

    def throw(self, more: Iterable[DomainError]) -> None:
        """Raise InvalidInputError with the faults of shape and these, if there are any; each once, by their lines."""
        faults = Faults()
        for each in sorted((*self.faults, *more), key=lambda fault: _line(fault, self.lines) or 0):
            # One at a time: two fields of a task's document may be one place of the file.
            faults.extend((_with_line(each, self.lines),))
        faults.throw()


def yaml_file(raw: bytes) -> DeclaredFile:
    """The file in YAML. Raises DomainError if it cannot be read, and InvalidInputError if it is no such file."""
    found = yaml_text.read(json_text.decoded(raw))
    return _file(found.value, found.lines)


def json_file(raw: bytes) -> DeclaredFile:
    """The file in JSON. Raises as `yaml_file`."""
    return _file(json_text.read(raw, nodes_max=yaml_text.NODES_MAX), {})


def file_in(raw: bytes) -> DeclaredFile:
    """The file in the format it seems to be in: JSON begins with a brace. Raises as `yaml_file`."""
    return json_file(raw) if raw.lstrip()[:1] == b"{" else yaml_file(raw)


def check_manager(name: str) -> None:
    """Raise InvalidTaskError for what can be no manager's name."""
    try:
        check_identifier("/manager", name)
    except InvalidTaskError as error:
        raise InvalidTaskError(error.detail, code=error.reason, pointer="/manager", hint=MANAGER_HINT) from None
    if len(name) > MANAGER_MAX:
        raise InvalidTaskError(
            f"at most {MANAGER_MAX} characters", code="out_of_range", pointer="/manager", hint=MANAGER_HINT
        )


def _file(document: object, lines: Mapping[str, int]) -> DeclaredFile:
    body = _body(document, lines)
    faults = Faults()
    if body.manager is not None:
        faults.or_else(None, lambda: check_manager(body.manager or ""))
    if len(body.tasks) > TASKS_MAX:
        detail = f"{len(body.tasks):,} tasks, and a file has at most {TASKS_MAX:,}"
        raise InvalidTaskError(detail, code="too_many", pointer="/tasks", hint="make several files of it")
    defaults, found = said_in(body.defaults, ("defaults",))
    faults.extend(found)
    entries = []
    for name, written in body.tasks.items():
        entry, found = entry_of(name, written, defaults)
        faults.extend(found)
        entries.append(entry)
    return DeclaredFile(body.manager, tuple(entries), faults.found, lines)


def _body(document: object, lines: Mapping[str, int]) -> FileBody:
    if not isinstance(document, Mapping):
        hint = "it begins with apiVersion: scheduler/v1, and has its tasks by their names under tasks"
        raise InvalidInputError((DomainError("a file of tasks is an object", code="wrong_type", hint=hint),))
    try:
        return FileBody.model_validate(document)
    except ValidationError as error:
        faults = faults_of(error, FileBody)
        raise InvalidInputError(tuple(_with_line(each, lines) for each in faults)) from None


def _line(fault: DomainError, lines: Mapping[str, int]) -> int | None:
    """The line of the place of a fault, or of the nearest place around it that is known."""
    place = fault.pointer
    while place and place not in lines:
        place = place.rpartition("/")[0]
    return lines.get(place)


def _with_line(fault: DomainError, lines: Mapping[str, int]) -> DomainError:
    line = _line(fault, lines)
    if line is None:
        return fault
    detail = f"line {line:,}: {fault.detail}"
    return DomainError(detail, code=fault.reason, pointer=fault.pointer, position=fault.position, hint=fault.hint)


def at_entry(entry: Entry, fault: DomainError) -> DomainError:
    """A fault of a task's document as one of the file."""
    place = entry.place(fault.pointer) if fault.pointer else pointer_of(("tasks", entry.name))
    return DomainError(fault.detail, code=fault.reason, pointer=place, position=fault.position, hint=fault.hint)
