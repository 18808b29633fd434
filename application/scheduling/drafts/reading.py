"""A parsed JSON document read into a body, every fault of it told in one answer."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from application.scheduling.drafts.definition import define
from application.scheduling.drafts.shapes import NOT_NULL, READ_ONLY, TaskBody, faults_of
from domain.errors import DomainError, InvalidInputError
from domain.scheduling.identifiers import EPOCH

_SCHEDULE_FIELDS = frozenset({"schedule_type", "schedule"})
# A task with no fault at all, for the fields that have one or are missing.
_STAND_INS = {"name": "sound", "task_type": "sound", "schedule_type": "one_time", "schedule": "2100-01-01T00:00:00Z"}


def body_from(document: object) -> TaskBody:
    """A body from parsed JSON, what only the server says left out. Raises InvalidInputError with every field at fault.

    As long as a field has the wrong shape, the others are judged by the domain here too; otherwise `define` does it.
    """
    if not isinstance(document, Mapping):
        raise InvalidInputError((DomainError("a task is a JSON object", code="wrong_type"),))
    given = {name: value for name, value in document.items() if name not in READ_ONLY}
    faults = tuple(
        DomainError("null is no value; leave the field out", code="wrong_type", pointer=f"/{name}")
        for name in given
        if name in NOT_NULL and given[name] is None
    )
    try:
        body = TaskBody.model_validate(given)
    except ValidationError as error:
        faults += faults_of(error, TaskBody)
    else:
        if not faults:
            return body
    raise InvalidInputError((*faults, *_beside(given, faults)))


def _beside(given: Mapping[str, Any], faults: Iterable[DomainError]) -> tuple[DomainError, ...]:
    """What is wrong with the meaning of those fields whose shape is right."""
    misshapen = {fault.pointer.split("/")[1] for fault in faults}
    sound = {name: value for name, value in given.items() if name in TaskBody.model_fields and name not in misshapen}
    if not sound.keys() >= _SCHEDULE_FIELDS:
        # One half of a schedule means nothing without the other.
        sound = {name: value for name, value in sound.items() if name not in _SCHEDULE_FIELDS}
    try:
        define(TaskBody.model_validate(_STAND_INS | sound), now=EPOCH)
    except InvalidInputError as error:
        return error.faults
    return ()
